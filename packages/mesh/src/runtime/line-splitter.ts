import { StringDecoder } from 'node:string_decoder';

/** Characters of one line that are kept; the rest of a longer line is dropped. */
export const LINE_CHARS_MAX = 16_384;

/** Splits what a process writes into lines, in bounded memory however long a line is. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(bytes: Uint8Array): void {
    this.#take(this.#decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
  }

  /** The process ended: what stands without a line break is its last line. */
  end(): void {
    this.#take(this.#decoder.end());
    if (this.#rest !== '') this.#tell();
  }

  #take(text: string): void {
    let from = 0;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
      this.#keep(text.slice(from, at));
      this.#tell();
      from = at + 1;
    }
    this.#keep(text.slice(from));
  }

  #keep(text: string): void {
    if (this.#rest.length < LINE_CHARS_MAX) this.#rest += text.slice(0, LINE_CHARS_MAX - this.#rest.length);
  }

  #tell(): void {
    const line = this.#rest;
    this.#rest = '';
    this.#onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  }
}

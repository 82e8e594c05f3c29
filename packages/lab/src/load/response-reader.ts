const HEAD_END = Buffer.from('\r\n\r\n');
/** Bytes of an answer's head. */
const HEAD_BYTES_MAX = 65_536;

/** Hears of one whole answer. */
export type OnResponse = (status: number, body: Buffer) => void;

/** Reads HTTP/1.1 answers with a `content-length` or in chunks, one after the other on one connection. */
export class ResponseReader {
  readonly #onResponse: OnResponse;
  #held: Buffer = Buffer.alloc(0);

  constructor(onResponse: OnResponse) {
    this.#onResponse = onResponse;
  }

  /** @throws if what comes is no such answer. */
  push(bytes: Buffer): void {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    for (let taken = this.#takeOne(); taken; taken = this.#takeOne());
  }

  #takeOne(): boolean {
    const headEnd = this.#held.indexOf(HEAD_END);
    if (headEnd < 0) {
      if (this.#held.length > HEAD_BYTES_MAX) throw new Error('the head of an answer has no end');
      return false;
    }
    const head = this.#held.toString('latin1', 0, headEnd);
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(status)) throw new Error(`no HTTP/1.1 answer: ${head.slice(0, 100)}`);
    const start = headEnd + HEAD_END.length;
    const length = /\r\ncontent-length:\s*(\d+)/i.exec(head)?.[1];
    const body = length === undefined ? chunkedBody(this.#held, start) : plainBody(this.#held, start, Number(length));
    if (body === undefined) return false;
    this.#held = this.#held.subarray(body.end);
    this.#onResponse(status, body.bytes);
    return true;
  }
}

interface Body {
  readonly bytes: Buffer;
  readonly end: number;
}

function plainBody(held: Buffer, start: number, length: number): Body | undefined {
  return held.length < start + length ? undefined : { bytes: held.subarray(start, start + length), end: start + length };
}

/** RFC 9112 §7.1, without trailers. */
function chunkedBody(held: Buffer, start: number): Body | undefined {
  const slices: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = held.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(held.toString('latin1', at, lineEnd), 16);
    if (!(size >= 0)) throw new Error('a chunk has no size');
    const from = lineEnd + 2;
    if (held.length < from + size + 2) return undefined;
    if (size === 0) return { bytes: Buffer.concat(slices), end: from + 2 };
    slices.push(held.subarray(from, from + size));
    at = from + size + 2;
  }
}

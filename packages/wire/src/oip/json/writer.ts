import { Buffer, isUtf8 } from 'node:buffer';
import { BACKSLASH, LETTER_U, QUOTE, ZERO } from './ascii.ts';

const CHUNK_BYTES_MIN = 512;
const CHUNK_BYTES_MAX = 64 * 1024;

/** Strings up to this length are written in one go, with room for the worst case. */
const SHORT_STRING_BYTES_MAX = 1024;
/** What one byte of a string may become: `\u001f`. */
const ESCAPE_BYTES_MAX = 6;

/**
 * Collects a body as chunks of up to 64 KiB, so that a large answer is never moved to grow. What is written must be well-formed JSON:
 * this class knows strings and bytes, not the grammar.
 */
export class JsonWriter {
  /** The open chunk; whoever has reserved room writes into it and moves `pos`. */
  out: Buffer;
  /** A view of the open chunk, for who writes several bytes at once. */
  view: DataView;
  pos = 0;
  readonly #done: Uint8Array[] = [];
  #doneBytes = 0;

  /** @param expectedBytes the likely size of the body; only saves memory, never limits. */
  constructor(expectedBytes: number) {
    this.out = Buffer.allocUnsafe(Math.min(Math.max(expectedBytes, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX));
    this.view = viewOf(this.out);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#doneBytes + this.pos;
  }

  /** Makes room for `byteCount` bytes in the open chunk and returns where they begin. */
  reserve(byteCount: number): number {
    if (this.pos + byteCount > this.out.length) {
      this.#close();
      this.out = Buffer.allocUnsafe(Math.max(byteCount, CHUNK_BYTES_MAX));
      this.view = viewOf(this.out);
    }
    return this.pos;
  }

  /** Writes text that needs no escape. */
  raw(ascii: string): void {
    let pos = this.reserve(ascii.length);
    for (let i = 0; i < ascii.length; i++) this.out[pos++] = ascii.charCodeAt(i);
    this.pos = pos;
  }

  /** Writes a string with its quotes. */
  string(text: string): void {
    const json = JSON.stringify(text);
    const pos = this.reserve(Buffer.byteLength(json));
    this.pos = pos + this.out.write(json, pos, 'utf8');
  }

  /**
   * Writes bytes `from` to `to` as a string with its quotes; returns false and writes nothing if they are not well-formed UTF-8.
   */
  utf8String(bytes: Uint8Array, from = 0, to = bytes.length): boolean {
    const length = to - from;
    if (length > SHORT_STRING_BYTES_MAX) return this.#longString(bytes.subarray(from, to));
    let pos = this.reserve(length * ESCAPE_BYTES_MAX + 2);
    const out = this.out;
    out[pos++] = QUOTE;
    let seen = 0;
    for (let i = from; i < to; i++) {
      const byte = bytes[i] as number;
      seen |= byte;
      if (byte === QUOTE || byte === BACKSLASH) out[pos++] = BACKSLASH;
      if (byte >= 0x20) out[pos++] = byte;
      else pos = writeControl(out, pos, byte);
    }
    if (seen >= 0x80 && !isUtf8(bytes.subarray(from, to))) return false;
    out[pos++] = QUOTE;
    this.pos = pos;
    return true;
  }

  /** The same with the exact room: six times a large string would be too much. */
  #longString(bytes: Uint8Array): boolean {
    if (!isUtf8(bytes)) return false;
    const size = escapedLength(bytes);
    const pos = this.reserve(size + 2);
    this.out[pos] = QUOTE;
    if (size === bytes.length) this.out.set(bytes, pos + 1);
    else writeEscaped(this.out, pos + 1, bytes);
    this.out[pos + 1 + size] = QUOTE;
    this.pos = pos + size + 2;
    return true;
  }

  /** The body. The writer must not be used after. */
  finish(): Uint8Array[] {
    this.#close();
    return this.#done;
  }

  #close(): void {
    if (this.pos > 0) this.#done.push(this.out.subarray(0, this.pos));
    this.#doneBytes += this.pos;
    this.pos = 0;
  }
}

const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

function escapedLength(bytes: Uint8Array): number {
  let length = bytes.length;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte < 0x20) length += 5;
    else if (byte === QUOTE || byte === BACKSLASH) length++;
  }
  return length;
}

function writeEscaped(out: Buffer, start: number, bytes: Uint8Array): void {
  let pos = start;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === QUOTE || byte === BACKSLASH) out[pos++] = BACKSLASH;
    if (byte >= 0x20) out[pos++] = byte;
    else pos = writeControl(out, pos, byte);
  }
}

/** Writes a control character as `\u00` and two digits; returns where it ends. */
function writeControl(out: Buffer, pos: number, byte: number): number {
  const low = byte & 0x0f;
  out[pos] = BACKSLASH;
  out[pos + 1] = LETTER_U;
  out[pos + 2] = ZERO;
  out[pos + 3] = ZERO;
  out[pos + 4] = ZERO + (byte >> 4);
  out[pos + 5] = low < 10 ? ZERO + low : 0x57 + low;
  return pos + ESCAPE_BYTES_MAX;
}

import { Buffer } from 'node:buffer';
import { BACKSLASH, QUOTE } from './ascii.ts';

const CHUNK_BYTES_MIN = 512;
const CHUNK_BYTES_MAX = 64 * 1024;

/**
 * Collects a body as chunks of up to 64 KiB, so that a large answer is never moved to grow. What is written must be well-formed JSON:
 * this class knows strings and bytes, not the grammar.
 */
export class JsonWriter {
  /** The open chunk; whoever has reserved room writes into it and moves `pos`. */
  out: Buffer;
  pos = 0;
  readonly #done: Uint8Array[] = [];
  #doneBytes = 0;

  /** @param expectedBytes the likely size of the body; only saves memory, never limits. */
  constructor(expectedBytes: number) {
    this.out = Buffer.allocUnsafe(Math.min(Math.max(expectedBytes, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX));
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

  /** Writes bytes that are well-formed UTF-8 as a string with its quotes. */
  utf8String(bytes: Uint8Array): void {
    const size = escapedLength(bytes);
    let pos = this.reserve(size + 2);
    const out = this.out;
    out[pos++] = QUOTE;
    if (size === bytes.length) out.set(bytes, pos);
    else writeEscaped(out, pos, bytes);
    pos += size;
    out[pos++] = QUOTE;
    this.pos = pos;
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
    if (byte < 0x20) pos += out.write(`\\u00${byte < 0x10 ? '0' : ''}${byte.toString(16)}`, pos, 'latin1');
    else {
      if (byte === QUOTE || byte === BACKSLASH) out[pos++] = BACKSLASH;
      out[pos++] = byte;
    }
  }
}

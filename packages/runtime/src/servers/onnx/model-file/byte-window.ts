import { readSync } from 'node:fs';
import { MeshError } from '@modelmesh/core';

const WINDOW_BYTES = 64 * 1024;

/** The most bytes of one file that are looked at: structure, never weights, so a model far beyond is not a model. */
export const LOOKED_AT_BYTES_MAX = 256 * 1024 * 1024;

/**
 * A protobuf reader over an open file that keeps one window of it in memory. What is skipped is not read from disk.
 *
 * It reads without promises: a model of ten thousand nodes is a million numbers, and only a few windows of 64 KiB come from disk.
 */
export class ByteWindow {
  readonly fileBytes: number;
  readonly #file: number;
  #window = Buffer.alloc(0);
  #windowStart = 0;
  #lookedAtBytes = 0;
  /** Position of the next byte in the file. */
  position = 0;

  constructor(file: number, fileBytes: number) {
    this.#file = file;
    this.fileBytes = fileBytes;
  }

  /** Reads a varint of at most 64 bits as a number; values beyond 2^53 lose their low bits. */
  varint(end: number): number {
    if (!this.#ready(10)) this.#fill(Math.min(10, this.fileBytes - this.position));
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 10; i++) {
      if (this.position >= end) throw malformed(this.position, 'a number is cut short');
      const byte = this.#window[this.position++ - this.#windowStart] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw malformed(this.position, 'a number is longer than 10 bytes');
  }

  /** Reads a length and checks that it ends by `end`. @returns where the content ends. */
  lengthEnd(end: number): number {
    const length = this.varint(end);
    if (length > end - this.position)
      throw malformed(this.position, `a field of ${length} bytes stands where ${end - this.position} are left`);
    return this.position + length;
  }

  /** Reads `[position, end)` as UTF-8 text of at most `bytesMax` bytes; longer text is skipped and answered with an empty string. */
  text(end: number, bytesMax: number): string {
    const length = end - this.position;
    if (length > bytesMax) {
      this.position = end;
      return '';
    }
    if (!this.#ready(length)) this.#fill(length);
    const from = this.position - this.#windowStart;
    this.position = end;
    return this.#window.toString('utf8', from, from + length);
  }

  /** Skips the content of a field of wire type `wireType`. */
  skip(wireType: number, end: number): void {
    switch (wireType) {
      case 0:
        this.varint(end);
        return;
      case 1:
        this.#advance(8, end);
        return;
      case 2:
        this.position = this.lengthEnd(end);
        return;
      case 5:
        this.#advance(4, end);
        return;
      default:
        throw malformed(this.position, `wire type ${wireType} does not exist in ONNX`);
    }
  }

  #advance(count: number, end: number): void {
    if (count > end - this.position) throw malformed(this.position, 'a fixed-size field is cut short');
    this.position += count;
  }

  #ready(count: number): boolean {
    const at = this.position - this.#windowStart;
    return at >= 0 && at + count <= this.#window.length;
  }

  #fill(count: number): void {
    const length = Math.max(count, Math.min(WINDOW_BYTES, this.fileBytes - this.position));
    this.#lookedAtBytes += length;
    if (this.#lookedAtBytes > LOOKED_AT_BYTES_MAX) {
      throw new MeshError(
        'too-large',
        `the structure of the ONNX file is larger than ${LOOKED_AT_BYTES_MAX} bytes without its weights`,
      );
    }
    const window = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const bytesRead = readSync(this.#file, window, filled, length - filled, this.position + filled);
      if (bytesRead === 0) throw malformed(this.position + filled, 'the file ends early');
      filled += bytesRead;
    }
    this.#window = window;
    this.#windowStart = this.position;
  }
}

/** The error for bytes that are no ONNX file. */
export function malformed(position: number, why: string): MeshError {
  return new MeshError('invalid-argument', `not a valid ONNX file: at byte ${position}, ${why}`);
}

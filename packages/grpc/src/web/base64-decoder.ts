import { MeshError } from '@modelmesh/core';

const PADDING = 0x3d;
const DIGITS_PER_QUAD = 4;
const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * Reads base64 that comes in pieces. A sender may have encoded any number of chunks each by itself, so that padding stands anywhere at the end of
 * four digits. Source: gRPC-Web, *Protocol differences vs gRPC over HTTP2*, Message framing.
 */
export class Base64Decoder {
  /** Digits of a quad that is not complete: at most three. */
  #pending = '';

  /** The bytes that are complete with `text`, in ASCII. @throws {MeshError} `invalid-argument` for what is no base64. */
  push(text: Uint8Array): Uint8Array {
    const whole = this.#pending.length + text.byteLength;
    const rest = whole % DIGITS_PER_QUAD;
    if (whole < DIGITS_PER_QUAD) {
      this.#pending += asciiOf(text, 0, text.byteLength);
      return NOTHING;
    }
    const digits = this.#pending + asciiOf(text, 0, text.byteLength - rest);
    this.#pending = asciiOf(text, text.byteLength - rest, text.byteLength);
    return decodeQuads(digits);
  }

  /** No more comes. @throws {MeshError} `invalid-argument` amid four digits. */
  end(): void {
    if (this.#pending !== '') throw malformed();
  }
}

const asciiOf = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');

/** Decodes whole quads; each run up to a padded quad goes to the native decoder, which knows no padding in the middle. */
function decodeQuads(digits: string): Uint8Array {
  const out = Buffer.allocUnsafeSlow((digits.length / DIGITS_PER_QUAD) * 3);
  let filled = 0;
  for (let at = 0; at < digits.length; ) {
    const padding = digits.indexOf('=', at);
    const until = padding < 0 ? digits.length : padding - (padding % DIGITS_PER_QUAD) + DIGITS_PER_QUAD;
    const run = at === 0 && until === digits.length ? digits : digits.slice(at, until);
    const expected = (run.length / DIGITS_PER_QUAD) * 3 - paddingOf(run);
    // What is no digit is skipped by the decoder, so that it shows in the length.
    if (out.write(run, filled, expected, 'base64') !== expected) throw malformed();
    filled += expected;
    at = until;
  }
  return filled === out.byteLength ? out : out.subarray(0, filled);
}

/** The padding at the end of a run whose last quad alone has any. @throws {MeshError} if it stands elsewhere in that quad. */
function paddingOf(run: string): number {
  const end = run.length;
  if (run.charCodeAt(end - 1) !== PADDING) {
    if (run.indexOf('=', end - DIGITS_PER_QUAD) >= 0) throw malformed();
    return 0;
  }
  if (run.charCodeAt(end - 3) === PADDING || run.charCodeAt(end - 4) === PADDING) throw malformed();
  return run.charCodeAt(end - 2) === PADDING ? 2 : 1;
}

const malformed = (): MeshError => new MeshError('invalid-argument', 'the body of application/grpc-web-text must be base64');

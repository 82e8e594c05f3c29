import { assertNever, ID_BYTES_MAX } from '@modelmesh/core';
import type { FieldPath } from './field-path.ts';
import { fieldNumber, fixedLength, LENGTH_MAX, MALFORMED, malformed, VARINT_BYTES_MAX, WIRE_TYPE } from './wire-format.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

type Phase = 'tag' | 'skip-varint' | 'length' | 'skip' | 'collect' | 'decided';

/** What became of an extraction: the string, or `null` where the message has no such field. */
export type Extracted = string | null;

/**
 * Finds the string at a path in a protobuf message that arrives in pieces. The first match wins; an enclosing message that ends without
 * the field means that it is absent, later ones of the same number are not looked into. Source: spec `modelmesh.md` §2.6.
 *
 * Nothing that is skipped is kept, and the result never depends on where the pieces begin. It is decided as early as the bytes allow, so
 * what follows the decision is not looked at: a message that is broken behind the id is the runtime's to refuse.
 */
export class StringExtractor {
  readonly #path: FieldPath;
  readonly #absentBehind: number;
  #phase: Phase = 'tag';
  #result: Extracted = null;
  /** Position in the message of the next byte. */
  #offset = 0;
  /** Position of the field that is being read, for errors. */
  #fieldStart = 0;
  /** Fields of the path that have been entered. */
  #depth = 0;
  /** End of the innermost message entered; the outermost has none until {@link end}. */
  #messageEnd = Number.POSITIVE_INFINITY;
  #varint = 0;
  #varintScale = 1;
  #varintBytes = 0;
  /** Field number on the path at the present depth was met. */
  #matches = false;
  /** Bytes to skip or to collect. */
  #remaining = 0;
  #collected: Uint8Array | undefined;

  /**
   * @param options.absentBehind a field number: once a field of the outermost message with a greater one begins, the string counts as absent.
   *   Every serializer writes fields in ascending order, so this spares waiting for the end of a large message that has no such string.
   */
  constructor(path: FieldPath, options: { readonly absentBehind?: number } = {}) {
    this.#path = path;
    this.#absentBehind = options.absentBehind ?? Number.POSITIVE_INFINITY;
  }

  /** Whether {@link result} stands; further bytes are ignored. */
  get decided(): boolean {
    return this.#phase === 'decided';
  }

  /** The string, or `null` if it is absent or not yet found. */
  get result(): Extracted {
    return this.#result;
  }

  /**
   * Reads on. True once the result is decided.
   *
   * @throws {MeshError} `invalid-argument` with the offset if the message is malformed or the string longer than {@link ID_BYTES_MAX} bytes.
   */
  push(chunk: Uint8Array): boolean {
    let at = 0;
    while (this.#phase !== 'decided' && at < chunk.length) {
      switch (this.#phase) {
        case 'tag':
        case 'length':
        case 'skip-varint':
          at = this.#readVarint(chunk, at);
          break;
        case 'skip':
          at = this.#skip(chunk, at);
          break;
        case 'collect':
          at = this.#collect(chunk, at);
          break;
        default:
          assertNever(this.#phase);
      }
    }
    return this.decided;
  }

  /** The message is complete. @throws {MeshError} `invalid-argument` with the offset if it ends within a field. */
  end(): Extracted {
    if (!this.decided) {
      if (this.#phase !== 'tag' || this.#varintBytes > 0 || this.#depth > 0) throw malformed(this.#fieldStart, MALFORMED.overrun);
      this.#decide(null);
    }
    return this.#result;
  }

  #readVarint(chunk: Uint8Array, start: number): number {
    let at = start;
    while (at < chunk.length) {
      const byte = chunk[at++] ?? 0;
      if (++this.#varintBytes > VARINT_BYTES_MAX) throw malformed(this.#fieldStart, MALFORMED.varintTooLong);
      this.#varint += (byte & 0x7f) * this.#varintScale;
      this.#varintScale *= 0x80;
      if (byte < 0x80) {
        this.#offset += at - start;
        const value = this.#varint;
        this.#varint = 0;
        this.#varintScale = 1;
        this.#varintBytes = 0;
        this.#onVarint(value);
        return at;
      }
    }
    this.#offset += at - start;
    return at;
  }

  #onVarint(value: number): void {
    if (this.#offset > this.#messageEnd) throw malformed(this.#fieldStart, MALFORMED.overrun);
    if (this.#phase === 'tag') this.#onTag(value);
    else if (this.#phase === 'length') this.#onLength(value);
    else this.#fieldDone();
  }

  #onTag(tag: number): void {
    const wanted = this.#path[this.#depth];
    const number = fieldNumber(tag, this.#fieldStart);
    if (this.#depth === 0 && number > this.#absentBehind) {
      this.#decide(null);
      return;
    }
    this.#matches = number === wanted;
    const fixed = fixedLength(tag, this.#fieldStart);
    const type = tag & 7;
    if (this.#matches && type !== WIRE_TYPE.lengthDelimited) throw malformed(this.#fieldStart, MALFORMED.wrongType);
    if (type === WIRE_TYPE.varint) this.#phase = 'skip-varint';
    else if (type === WIRE_TYPE.lengthDelimited) this.#phase = 'length';
    else this.#skipNext(fixed);
  }

  #onLength(length: number): void {
    if (length > LENGTH_MAX) throw malformed(this.#fieldStart, MALFORMED.tooLong);
    if (!this.#matches) {
      this.#skipNext(length);
      return;
    }
    if (this.#offset + length > this.#messageEnd) throw malformed(this.#fieldStart, MALFORMED.overrun);
    if (this.#depth < this.#path.length - 1) {
      this.#depth++;
      this.#messageEnd = this.#offset + length;
      this.#fieldDone();
      return;
    }
    if (length > ID_BYTES_MAX)
      throw malformed(this.#fieldStart, `the id has ${length} bytes, at most ${ID_BYTES_MAX} are allowed`);
    if (length === 0) {
      this.#decide('');
      return;
    }
    this.#remaining = length;
    this.#phase = 'collect';
  }

  #skipNext(length: number): void {
    if (this.#offset + length > this.#messageEnd) throw malformed(this.#fieldStart, MALFORMED.overrun);
    this.#remaining = length;
    if (length === 0) this.#fieldDone();
    else this.#phase = 'skip';
  }

  #skip(chunk: Uint8Array, start: number): number {
    const step = Math.min(this.#remaining, chunk.length - start);
    this.#offset += step;
    this.#remaining -= step;
    if (this.#remaining === 0) this.#fieldDone();
    return start + step;
  }

  #collect(chunk: Uint8Array, start: number): number {
    const end = start + this.#remaining;
    if (this.#collected === undefined && end <= chunk.length) {
      this.#decideText(chunk.subarray(start, end));
      return end;
    }
    this.#collected ??= new Uint8Array(this.#remaining);
    const part = chunk.subarray(start, end);
    this.#collected.set(part, this.#collected.length - this.#remaining);
    this.#remaining -= part.length;
    if (this.#remaining === 0) this.#decideText(this.#collected);
    return start + part.length;
  }

  #fieldDone(): void {
    this.#phase = 'tag';
    this.#fieldStart = this.#offset;
    if (this.#offset === this.#messageEnd) this.#decide(null);
  }

  #decideText(bytes: Uint8Array): void {
    try {
      this.#decide(decoder.decode(bytes));
    } catch {
      throw malformed(this.#fieldStart, MALFORMED.notText);
    }
  }

  #decide(result: Extracted): void {
    this.#result = result;
    this.#phase = 'decided';
    this.#collected = undefined;
  }
}

/** The string at `path` in a whole message, given in pieces; as {@link StringExtractor}. */
export function extractString(chunks: Iterable<Uint8Array>, path: FieldPath): Extracted {
  const extractor = new StringExtractor(path);
  for (const chunk of chunks) if (extractor.push(chunk)) return extractor.result;
  return extractor.end();
}

import { type FieldName, fieldName } from './field-name.ts';
import { hashOctets, sameOctets } from './octets.ts';
import { literalText, stringLiteral } from './string-literal.ts';

/** What the table of both sides counts for an entry besides its octets (RFC 7541 §4.1). */
export const ENTRY_OVERHEAD_BYTES = 32;

/** Why a field makes its message malformed, which is an error of its stream alone (RFC 9113 §8.1.1, §8.2.1). */
export type FieldFault = 'bad-name' | 'bad-value';

/**
 * One header field. Immutable: made once for an entry of a table, or for a literal, and shared by everybody who meets it.
 *
 * It holds the octets of its value as they came, so that it is written again without being decoded.
 */
export class Field {
  readonly name: string;
  /** Name and value in octets, and 32: what it counts in tables and lists (RFC 7541 §4.1, RFC 9113 §6.5.2). */
  readonly tableBytes: number;
  /** Whether it must never come into a table, here or further on (RFC 7541 §7.1.3). */
  readonly sensitive: boolean;
  readonly malformed: FieldFault | undefined;

  /** @internal */
  readonly fieldName: FieldName;
  /** @internal The value as a string literal of a header block lies here from `start` to before `end`. */
  readonly octets: Buffer;
  /** @internal */
  readonly start: number;
  /** @internal */
  readonly end: number;

  #value: string | undefined = undefined;
  #hash = -1;
  #staticIndex = -1;
  #lastEntry: Field | undefined = undefined;
  #lastPlace = 0;

  /** @internal Use {@link field}. */
  constructor(
    name: FieldName,
    octets: Buffer,
    start: number,
    end: number,
    valueBytes: number,
    never: boolean,
    isProper: boolean,
  ) {
    this.name = name.text;
    this.tableBytes = name.text.length + valueBytes + ENTRY_OVERHEAD_BYTES;
    this.sensitive = never || name.isSensitive;
    this.malformed = name.isMalformed ? 'bad-name' : isProper ? undefined : 'bad-value';
    this.fieldName = name;
    this.octets = octets;
    this.start = start;
    this.end = end;
  }

  /** An octet a character. Made when first asked for. */
  get value(): string {
    this.#value ??= literalText(this.octets, this.start, this.end);
    return this.#value;
  }

  /** @internal Of name and value as it came: one value in Huffman code and plain has two. */
  get hash(): number {
    if (this.#hash < 0) this.#hash = (hashOctets(this.octets, this.start, this.end) ^ this.fieldName.hash) & 0x7fffffff;
    return this.#hash;
  }

  /** @internal The entry of the static table that is this field, 0 where none is. */
  get staticIndex(): number {
    if (this.#staticIndex < 0) this.#staticIndex = this.fieldName.staticValues?.get(this.value) ?? 0;
    return this.#staticIndex;
  }

  /** @internal Notes where in its table an encoder found the field last, as an equal one: a hint for the next time, which is checked. */
  foundAt(place: number, entry: Field): void {
    this.#lastPlace = place;
    this.#lastEntry = entry;
  }

  /** @internal */
  get lastPlace(): number {
    return this.#lastPlace;
  }

  /** @internal */
  get lastEntry(): Field | undefined {
    return this.#lastEntry;
  }

  /** @internal Whether the other has the same name, and the same value in the same code. */
  equals(other: Field): boolean {
    if (this === other) return true;
    const count = this.end - this.start;
    return (
      other.end - other.start === count &&
      sameOctets(this.octets, this.start, other.octets, other.start, count) &&
      this.fieldName.equals(other.fieldName)
    );
  }
}

/**
 * A field of our own. Make those once that are sent often.
 *
 * @param options.sensitive keeps the value out of every table; values of authorization and cookies are kept out anyway
 * @throws {RangeError} where a character is above U+00FF
 */
export function field(name: string, value: string, options: { readonly sensitive?: boolean } = {}): Field {
  const literal = stringLiteral(value);
  return new Field(fieldName(name), literal, 0, literal.length, value.length, options.sensitive === true, isProperValue(value));
}

const FORBIDDEN_IN_VALUE = /^[ \t]|[ \t]$|[\0\r\n]/;

const isProperValue = (value: string): boolean => !FORBIDDEN_IN_VALUE.test(value);

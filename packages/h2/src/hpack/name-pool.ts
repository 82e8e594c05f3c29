import type { Cursor } from './cursor.ts';
import { type FieldName, fieldName } from './field-name.ts';
import { hashOctets, sameOctets } from './octets.ts';
import { literalText } from './string-literal.ts';

/** A power of two, more than the names that one peer writes out again and again. */
const SLOTS = 128;
/** A longer literal is read each time it comes: names that clients use are shorter. */
const LITERAL_BYTES_MAX = 64;

interface Pooled {
  readonly literal: Buffer;
  readonly name: FieldName;
}

/** Names that a peer wrote out lately, found by their octets as they came, so that a name is decoded and judged once. */
export class NamePool {
  readonly #slots: (Pooled | undefined)[] = new Array(SLOTS).fill(undefined);

  /** The name whose literal lies from `start` to before `end` of what the cursor reads; a literal that was found right. */
  read({ bytes }: Cursor, start: number, end: number): FieldName {
    const count = end - start;
    const slot = hashOctets(bytes, start, end) & (SLOTS - 1);
    const pooled = this.#slots[slot];
    if (pooled !== undefined && pooled.literal.length === count && sameOctets(pooled.literal, 0, bytes, start, count))
      return pooled.name;
    const literal = Buffer.allocUnsafeSlow(count);
    literal.set(bytes.subarray(start, end));
    const name = fieldName(literalText(literal, 0, count));
    if (count <= LITERAL_BYTES_MAX) this.#slots[slot] = { literal, name };
    return name;
  }
}

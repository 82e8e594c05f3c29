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

  /** The name whose literal lies from `start` to before `end`, where it is among them. */
  find(bytes: Uint8Array, start: number, end: number): FieldName | undefined {
    const count = end - start;
    if (count > LITERAL_BYTES_MAX) return undefined;
    const pooled = this.#slots[hashOctets(bytes, start, end) & (SLOTS - 1)];
    return pooled !== undefined && pooled.literal.length === count && sameOctets(pooled.literal, 0, bytes, start, count)
      ? pooled.name
      : undefined;
  }

  /** Keeps a name of which `find` knew nothing, by its literal, which was found right and is nobody else's. */
  add(literal: Buffer): FieldName {
    const name = fieldName(internalized(literalText(literal, 0, literal.length)));
    if (literal.length <= LITERAL_BYTES_MAX)
      this.#slots[hashOctets(literal, 0, literal.length) & (SLOTS - 1)] = { literal, name };
    return name;
  }
}

/** The text as the engine keeps names of properties: compared with another such by identity, which names are again and again. */
function internalized(text: string): string {
  for (const same in { [text]: 0 }) return same;
  return text;
}

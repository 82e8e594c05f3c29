import type { Field } from './field.ts';
import { hashOctets, sameOctets } from './octets.ts';

/** A power of two: kinds of requests that one connection mixes. */
const SLOTS = 16;

/** What a block says. The same object comes again where the same block does, as a rule. */
export interface DecodedList {
  readonly kind: 'list';
  readonly fields: readonly Field[];
  readonly listBytes: number;
  /** Free for whoever decodes, for what it makes of the list. */
  made: unknown;
}

interface Entry {
  readonly octets: Buffer;
  readonly list: DecodedList;
}

/**
 * Blocks that came before, found by all of their octets, for as long as the table stays as it was: whoever changes it calls `clear`.
 * Equal blocks give the same list, so that what is known of a list need not be found out again. Only its type keeps it from changes: to go through a
 * frozen array takes three times as long.
 */
export class BlockCache {
  readonly #entries: (Entry | undefined)[] = new Array(SLOTS).fill(undefined);
  /** Of the last block that was looked for in each slot, so that only what comes again is kept. */
  readonly #hashes = new Int32Array(SLOTS).fill(-1);
  readonly #blockBytesMax: number;
  #isEmpty = true;
  #wanted = -1;

  /** @param blockBytesMax longer blocks are not kept: they hold values that are written out, which hardly ever come again */
  constructor(blockBytesMax: number) {
    this.#blockBytesMax = blockBytesMax;
  }

  /** The list of these octets. Without one, `offer` may come next with what was decoded. */
  find(bytes: Uint8Array, start: number, end: number): DecodedList | undefined {
    this.#wanted = -1;
    const count = end - start;
    if (count > this.#blockBytesMax) return undefined;
    const hash = hashOctets(bytes, start, end);
    const entry = this.#entries[hash & (SLOTS - 1)];
    if (entry !== undefined && entry.octets.length === count && sameOctets(entry.octets, 0, bytes, start, count))
      return entry.list;
    if (this.#hashes[hash & (SLOTS - 1)] === hash) this.#wanted = hash & (SLOTS - 1);
    this.#hashes[hash & (SLOTS - 1)] = hash;
    return undefined;
  }

  /** Keeps what the octets that were just not found say, where they came before. */
  offer(bytes: Uint8Array, start: number, end: number, list: DecodedList): void {
    if (this.#wanted < 0) return;
    const octets = Buffer.allocUnsafeSlow(end - start);
    octets.set(bytes.subarray(start, end));
    this.#entries[this.#wanted] = { octets, list };
    this.#isEmpty = false;
  }

  /** The octets that were just not found hold a secret, which is not kept. */
  refuse(): void {
    this.#wanted = -1;
  }

  /** The table has changed, or is about to: the same octets say something else now. */
  clear(): void {
    this.#wanted = -1;
    if (this.#isEmpty) return;
    this.#entries.fill(undefined);
    this.#isEmpty = true;
  }
}

import type { SlotRun } from '../records/index.ts';
import { SLOTS } from './hash.ts';

const GOLDEN = 0x9e3779b1;

/** Which variant a slot belongs to: a search among the ends of the runs. Immutable; looking up allocates nothing. */
export class SlotTable {
  readonly #ends: Uint16Array;
  readonly #owners: Uint8Array;
  /** Slots of each variant, by its place in the policy. */
  readonly shares: readonly number[];
  readonly #seeds: Int32Array;

  /** @param names of the policy's variants, in their order, at most 256; runs of others are nobody's */
  constructor(runs: readonly SlotRun[], names: readonly string[]) {
    const places = new Map(names.map((name, at) => [name, at]));
    const shares = names.map(() => 0);
    const ends: number[] = [];
    const owners: number[] = [];
    let end = 0;
    for (const { variant, count } of runs) {
      end = Math.min(SLOTS, end + count);
      ends.push(end);
      const owner = places.get(variant) ?? NOBODY;
      owners.push(owner);
      if (owner !== NOBODY) shares[owner] = (shares[owner] ?? 0) + count;
    }
    this.#ends = Uint16Array.from(ends);
    this.#owners = Uint8Array.from(owners);
    this.shares = shares;
    this.#seeds = Int32Array.from(names, seedOf);
  }

  /** Place of the variant that owns a slot; -1: none does. */
  ownerOf(slot: number): number {
    const ends = this.#ends;
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ends[middle] ?? SLOTS) <= slot) low = middle + 1;
      else high = middle;
    }
    const owner = this.#owners[low] ?? NOBODY;
    return owner === NOBODY ? -1 : owner;
  }

  /**
   * Place of the variant that serves a slot while its owner cannot: weighted rendezvous among the others, so that each takes over by its share and
   * a slot keeps its substitute whoever else comes or goes. -1: nobody with a share can.
   */
  substituteFor(slot: number, can: (index: number) => boolean): number {
    let [best, lowest] = [-1, Number.POSITIVE_INFINITY];
    for (let at = 0; at < this.shares.length; at++) {
      const share = this.shares[at] ?? 0;
      if (share === 0 || !can(at)) continue;
      const score = -Math.log(unitOf((this.#seeds[at] ?? 0) ^ Math.imul(slot + 1, GOLDEN))) / share;
      if (score < lowest) [best, lowest] = [at, score];
    }
    return best;
  }
}

/** Marks runs of variants that the policy does not have. */
const NOBODY = 255;

function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return hash;
}

/** A number in (0, 1) from a mixed word. */
function unitOf(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  mixed ^= mixed >>> 16;
  return ((mixed >>> 0) + 0.5) / 4_294_967_296;
}

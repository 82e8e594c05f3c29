/** A power of two: how many values new each time may come between two of the same. */
const SLOTS = 512;

/** A bounded memory of hashes. It forgets, and takes two things for one where their hashes are the same: good enough to guess what will come again. */
export class RecentlySeen {
  readonly #hashes = new Int32Array(SLOTS).fill(-1);

  /** Whether the hash came lately; from now on it has. */
  meet(hash: number): boolean {
    const slot = hash & (SLOTS - 1);
    if (this.#hashes[slot] === hash) return true;
    this.#hashes[slot] = hash;
    return false;
  }
}

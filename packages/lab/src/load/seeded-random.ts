/** Chance that can be repeated: equal seeds give equal draws. xorshift32 by Marsaglia (2003), good enough to choose traffic. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ 0x85ebca6b) >>> 0 || 1;
    for (let warm = 0; warm < 8; warm++) this.share();
  }

  /** A number from 0 up to but not 1. */
  share(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state / 2 ** 32;
  }

  /** A whole number from 0 up to but not `n`. */
  below(n: number): number {
    return Math.floor(this.share() * n);
  }
}

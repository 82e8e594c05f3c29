/**
 * Draws ranks by Zipf's law: rank `i` (from 0) with a weight of `1 / (i + 1)^exponent`. The cumulated weights are searched, so each draw costs
 * the logarithm of the number of ranks.
 */
export class Zipf {
  readonly #cumulated: readonly number[];

  /** @throws {RangeError} unless there is at least one rank. */
  constructor(ranks: number, exponent: number) {
    if (!(ranks >= 1)) throw new RangeError(`needs at least one rank, got ${ranks}`);
    let sum = 0;
    this.#cumulated = Array.from({ length: ranks }, (_, rank) => {
      sum += 1 / (rank + 1) ** exponent;
      return sum;
    });
  }

  /** The rank that belongs to `share`, a number from 0 up to but not 1. */
  rankOf(share: number): number {
    const wanted = share * (this.#cumulated.at(-1) ?? 1);
    let [low, high] = [0, this.#cumulated.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#cumulated[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

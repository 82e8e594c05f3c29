/** The distributions that the families of traces are made of. */

import type { Random } from '../../random.ts';

/** Mean 0, deviation 1 (Box and Muller). */
export const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit());

/** A positive number around `median`; two thirds of them within a factor of e^`deviation`. */
export const logNormal = (random: Random, median: number, deviation: number): number =>
  median * Math.exp(deviation * normal(random));

/** The gap before the next of events that come at random, `meanMs` apart. */
export const exponentialMs = (random: Random, meanMs: number): number => -meanMs * Math.log(1 - random.unit());

/** Draws ranks 0 … `count` − 1, where rank r comes with a weight of 1 / (r + 1)^`exponent`. */
export function zipf(count: number, exponent: number): (random: Random) => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) {
    sum += (rank + 1) ** -exponent;
    sums[rank] = sum;
  }
  return (random) => {
    const wanted = random.unit() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? sum) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

import type { Random } from '../../random.ts';

/**
 * A draw from Beta(a, b), as a ratio of two draws from Gamma.
 *
 * @param a at least 1
 * @param b at least 1
 */
export function drawBeta(a: number, b: number, random: Random): number {
  const x = drawGamma(a, random);
  return x / (x + drawGamma(b, random));
}

/** A draw from Gamma(shape, 1). Source: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000. */
function drawGamma(shape: number, random: Random): number {
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = drawNormal(random);
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    // From (0, 1], so that its logarithm is finite.
    const u = 1 - random.unit();
    if (Math.log(u) < (x * x) / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** A draw from the standard normal distribution: Box and Muller's transform. */
const drawNormal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit());

/** Powers of ten that a double holds exactly. */
export const POWERS_OF_TEN: readonly number[] = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** The largest integer up to which every integer has its own double. */
export const EXACT_INTEGER_MAX = 2 ** 53;

/** More decimal digits than any 64-bit integer has; an integer token beyond is out of range, however it is written. */
const INTEGER_DIGITS_MAX = 20;

/** In so few characters no number with a fraction is so near to an integer that its double is one, unless that is 0. */
const SHORT_TOKEN_MAX = 15;
const SHORT_INTEGER_MAX = 1e15;

/**
 * The integer that a JSON number stands for, or `undefined` where it has a fraction (`1.0` and `1e2` are integers, `1.5` is not).
 * Exact at any length. Numbers beyond 20 digits come back as ±10^20, which no datatype holds, so that `1e999999999` costs nothing.
 */
export function integerOf(token: string): bigint | undefined {
  if (token.length <= SHORT_TOKEN_MAX) {
    const value = Number(token);
    if (value !== 0 && Number.isInteger(value) && Math.abs(value) < SHORT_INTEGER_MAX) return BigInt(value);
  }
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return 0n;
  const scale = Number(exponent) - fraction.length + (digits.length - significant.length);
  if (scale < 0) return undefined;
  const beyond = significant.length + scale > INTEGER_DIGITS_MAX;
  const magnitude = beyond ? 10n ** BigInt(INTEGER_DIGITS_MAX) : BigInt(significant) * 10n ** BigInt(scale);
  return sign === '-' ? -magnitude : magnitude;
}

/**
 * The shortest decimal that reads back as the float32 `value`, in the notation of JavaScript's `String`. Finite values only.
 * This is the slow way, for magnitudes that `printFloats32` does not handle itself.
 */
export function shortestFloat32(value: number): string {
  for (let digits = 1; digits <= 9; digits++) {
    const nearest = Number(value.toPrecision(digits));
    if (Math.fround(nearest) === value) return String(nearest);
    // At a power of two the float below is nearer than the one above, so a decimal that is farther away, but on the wider side, may do.
    const wider = oneDigitAway(value, digits);
    if (Math.fround(wider) === value) return String(wider);
  }
  return String(value);
}

/** The decimal of `digits` digits that follows the nearest one, away from zero. */
function oneDigitAway(value: number, digits: number): number {
  const [mantissa = '', exponent = '0'] = value.toExponential(digits - 1).split('e');
  const scaled = BigInt(mantissa.replace('.', '')) + (value < 0 ? -1n : 1n);
  return Number(`${scaled}e${Number(exponent) - (digits - 1)}`);
}

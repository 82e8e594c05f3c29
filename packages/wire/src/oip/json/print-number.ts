import { DOT, MINUS, ZERO } from './ascii.ts';
import { POWERS_OF_TEN, shortestFloat32 } from './decimal.ts';

/** Room that any printed number needs at most: `-1.7976931348623157e+308` has 24 letters, `"-Infinity"` 11. */
export const NUMBER_LETTERS_MAX = 26;

const BILLION = 1e9;
/** `00`, `01`, … `99`. */
const DIGIT_PAIRS = Uint8Array.from({ length: 200 }, (_, i) => ZERO + (i % 2 === 0 ? Math.floor(i / 20) : (i >> 1) % 10));
const scratch = new DataView(new ArrayBuffer(8));

/** Writes ASCII text at `pos` and returns where it ends. */
export function printAscii(out: Uint8Array, pos: number, text: string): number {
  for (let i = 0; i < text.length; i++) out[pos++] = text.charCodeAt(i);
  return pos;
}

/** Writes an integer of magnitude up to 2^53 in decimal and returns where it ends. */
export function printInteger(out: Uint8Array, pos: number, value: number): number {
  let rest = value;
  if (rest < 0) {
    out[pos++] = MINUS;
    rest = -rest;
  }
  if (rest < BILLION) return printDigits(out, pos, rest | 0, digitsOf(rest));
  const high = Math.floor(rest / BILLION);
  const next = printDigits(out, pos, high | 0, digitsOf(high));
  return printDigits(out, next, (rest - high * BILLION) | 0, 9);
}

/** Writes the lowest `count` decimal digits of `value`, padded with zeros, two at a time. */
function printDigits(out: Uint8Array, pos: number, value: number, count: number): number {
  let rest = value;
  let at = pos + count;
  while (at - pos >= 2) {
    const hundredth = (rest / 100) | 0;
    const pair = (rest - hundredth * 100) * 2;
    out[--at] = DIGIT_PAIRS[pair + 1] as number;
    out[--at] = DIGIT_PAIRS[pair] as number;
    rest = hundredth;
  }
  if (at > pos) out[pos] = ZERO + rest;
  return pos + count;
}

/** Decimal digits of a non-negative number below 10^10. */
function digitsOf(value: number): number {
  if (value < 100_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : value < 10_000 ? 4 : 5;
  if (value < 10_000_000) return value < 1_000_000 ? 6 : 7;
  return value < 100_000_000 ? 8 : value < BILLION ? 9 : 10;
}

/** Writes a double as the shortest decimal that reads back as the same bits; NaN and infinities as the strings that OIP servers use. */
export function printFloat64(out: Uint8Array, pos: number, value: number): number {
  if (Number.isInteger(value) && value < 1e15 && value > -1e15) return printWhole(out, pos, value);
  if (!Number.isFinite(value)) return printAscii(out, pos, nonFinite(value));
  return printAscii(out, pos, String(value));
}

/**
 * Writes a float32 as the shortest decimal that reads back as the same bits: `0.1`, never `0.10000000149011612`.
 * Magnitudes of everyday tensors are searched in integers (9 digits always suffice, FLT_DIG = 6 is where a search may begin), which is
 * ten times faster than formatting; the rest takes the slow way.
 */
export function printFloat32(out: Uint8Array, pos: number, value: number): number {
  if (Number.isInteger(value) && value <= 16_777_216 && value >= -16_777_216) return printWhole(out, pos, value);
  if (!Number.isFinite(value)) return printAscii(out, pos, nonFinite(value));
  const magnitude = Math.abs(value);
  if (magnitude < 1e-6 || magnitude > 8_388_608 || isPowerOfTwo(value)) return printAscii(out, pos, shortestFloat32(value));
  const first = firstDecimals(magnitude);
  const from = value < 0 ? pos + sign(out, pos) : pos;
  let power = POWERS_OF_TEN[first] as number;
  for (let decimals = first; decimals < first + 4; decimals++) {
    const scaled = Math.floor(magnitude * power + 0.5);
    if (Math.fround(scaled / power) === magnitude) return printScaled(out, from, scaled, decimals, decimals === first);
    power *= 10;
  }
  return printAscii(out, pos, shortestFloat32(value));
}

/** Minus zero is `-0.0`, because Python reads `-0` as the integer 0. */
function printWhole(out: Uint8Array, pos: number, value: number): number {
  return Object.is(value, -0) ? printAscii(out, pos, '-0.0') : printInteger(out, pos, value);
}

function nonFinite(value: number): string {
  return Number.isNaN(value) ? '"NaN"' : value > 0 ? '"Infinity"' : '"-Infinity"';
}

function isPowerOfTwo(value: number): boolean {
  scratch.setFloat32(0, value);
  return (scratch.getUint32(0) & 0x7fffff) === 0;
}

function sign(out: Uint8Array, pos: number): 1 {
  out[pos] = MINUS;
  return 1;
}

/** Decimals that show six significant digits of `magnitude`, at least one. */
function firstDecimals(magnitude: number): number {
  if (magnitude >= 1) return Math.max(6 - digitsOf(magnitude), 1);
  let decimals = 6;
  while (magnitude * (POWERS_OF_TEN[decimals - 5] as number) < 1) decimals++;
  return decimals;
}

/**
 * Writes `scaled` × 10^-`decimals`; `scaled` has at most ten digits. Zeros may only stand at the end of the first try: after it, one digit less
 * would have done.
 */
function printScaled(out: Uint8Array, pos: number, scaled: number, decimals: number, mayEndInZeros: boolean): number {
  let digits = scaled;
  let places = decimals;
  if (mayEndInZeros) {
    for (let tenth = (digits / 10) | 0; tenth * 10 === digits && places > 0; tenth = (digits / 10) | 0) {
      digits = tenth;
      places--;
    }
  }
  if (digits < (POWERS_OF_TEN[places] as number)) {
    out[pos] = ZERO;
    out[pos + 1] = DOT;
    return printDigits(out, pos + 2, digits, places);
  }
  const unit = POWERS_OF_TEN[places] as number;
  const whole = Math.floor(digits / unit);
  const point = printDigits(out, pos, whole, digitsOf(whole));
  out[point] = DOT;
  return printDigits(out, point + 1, digits - whole * unit, places);
}

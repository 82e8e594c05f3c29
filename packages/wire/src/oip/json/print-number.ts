import { MINUS, ZERO } from './ascii.ts';
import { shortestFloat32 } from './decimal.ts';

/** Room that any printed number needs at most: `-1.7976931348623157e+308` has 24 letters, `"-Infinity"` 11. */
export const NUMBER_LETTERS_MAX = 26;

const BILLION = 1e9;
/** `00`, `01`, … `99`. */
const DIGIT_PAIRS = Uint8Array.from({ length: 200 }, (_, i) => ZERO + (i % 2 === 0 ? Math.floor(i / 20) : (i >> 1) % 10));

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
 * Writes a float32 as the shortest decimal that reads back as the same bits, in the notation of JavaScript's `String`, and what is no number as
 * {@link printFloat64} does. The slow way, for those that `printFloats32` does not handle itself.
 */
export function printOddFloat32(out: Uint8Array, pos: number, value: number): number {
  if (Number.isInteger(value) && value <= 16_777_216 && value >= -16_777_216) return printWhole(out, pos, value);
  if (!Number.isFinite(value)) return printAscii(out, pos, nonFinite(value));
  return printAscii(out, pos, shortestFloat32(value));
}

/** Minus zero is `-0.0`, because Python reads `-0` as the integer 0. */
function printWhole(out: Uint8Array, pos: number, value: number): number {
  return Object.is(value, -0) ? printAscii(out, pos, '-0.0') : printInteger(out, pos, value);
}

function nonFinite(value: number): string {
  return Number.isNaN(value) ? '"NaN"' : value > 0 ? '"Infinity"' : '"-Infinity"';
}

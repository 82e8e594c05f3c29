import { CLOSE_ARRAY, COMMA, DOT, LETTER_E, LETTER_E_UPPER, MINUS, NINE, ZERO } from './ascii.ts';
import { EXACT_INTEGER_MAX, POWERS_OF_TEN } from './decimal.ts';
import type { JsonReader } from './reader.ts';

/** Half a unit above the largest float32: from here on a double rounds to infinity. */
const FLOAT32_LIMIT = 2 ** 128 - 2 ** 103;

/** Digits of an integer up to which a double is exact whatever they are. */
const INTEGER_DIGITS_MAX = 15;

/** Digits up to which the error of a mantissa that is no longer exact stays within {@link TIE_MARGIN}. */
const APPROXIMATE_DIGITS_MAX = 26;
/** The 29 bits that a float32 lacks, and how near to the middle they may come before an error of some units could decide the rounding. */
const TAIL_MASK = 0x1fffffff;
const TAIL_MIDDLE = 0x10000000;
const TIE_MARGIN = 256;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
/** Which half of a double holds its lowest bits on this machine. */
const LOW_WORD = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 0 : 1;

/** What numbers are read for: a double, or a float32, which needs fewer bits of it. */
export type NumberPrecision = 'double' | 'single';

/**
 * Reads numbers of an array as long as they are plain, at most `into.length`, and returns how many. It stands behind a number, before its
 * comma or bracket, or has read nothing: then what comes next is for `reader.number()` or for a complaint.
 *
 * This is `reader.number()` and `reader.moreElements()` unrolled: with all state in local variables it takes half the time. For `single`
 * the values are near enough to the nearest double to give the same float32, which spares Python's 17 digits the slow way.
 */
export function readNumbers(reader: JsonReader, into: Float64Array, precision: NumberPrecision): number {
  const bytes = reader.bytes;
  const single = precision === 'single';
  const limit = single ? FLOAT32_LIMIT : Number.MAX_VALUE;
  let count = 0;
  let pos = reader.pos;
  while (count < into.length) {
    let byte = bytes[pos] as number;
    while (isSpace(byte)) byte = bytes[++pos] as number;
    const start = pos;
    if (byte === MINUS) byte = bytes[++pos] as number;
    if (!(byte >= ZERO && byte <= NINE)) break;
    const first = pos;
    let mantissa = byte - ZERO;
    for (byte = bytes[++pos] as number; byte >= ZERO && byte <= NINE; byte = bytes[++pos] as number)
      mantissa = mantissa * 10 + (byte - ZERO);
    if (bytes[first] === ZERO && pos > first + 1) break;
    let decimals = 0;
    if (byte === DOT) {
      const point = pos;
      for (byte = bytes[++pos] as number; byte >= ZERO && byte <= NINE; byte = bytes[++pos] as number)
        mantissa = mantissa * 10 + (byte - ZERO);
      decimals = pos - point - 1;
      if (decimals === 0) break;
    }
    if (byte === LETTER_E || byte === LETTER_E_UPPER) break;
    let value = decimals === 0 ? mantissa : decimals <= 22 ? mantissa / (POWERS_OF_TEN[decimals] as number) : Number.NaN;
    const exact = mantissa <= EXACT_INTEGER_MAX && decimals <= 22;
    if (!exact && !(single && pos - first <= APPROXIMATE_DIGITS_MAX && roundsAlike(value)))
      value = Math.abs(reader.numberBetween(start, pos));
    if (value >= limit) break;
    while (isSpace(byte)) byte = bytes[++pos] as number;
    if (byte !== COMMA && byte !== CLOSE_ARRAY) break;
    into[count++] = bytes[start] === MINUS ? -value : value;
    reader.pos = pos;
    if (byte !== COMMA) break;
    pos++;
  }
  if (count > 1) reader.countElements(count - 1); // `moreElements` counts the last
  return count;
}

/** Reads integers of at most 15 digits, which a double holds exactly, under the contract of {@link readNumbers}. */
export function readIntegers(reader: JsonReader, into: Float64Array): number {
  const bytes = reader.bytes;
  let count = 0;
  let pos = reader.pos;
  while (count < into.length) {
    let byte = bytes[pos] as number;
    while (isSpace(byte)) byte = bytes[++pos] as number;
    const start = pos;
    if (byte === MINUS) byte = bytes[++pos] as number;
    const first = pos;
    let value = 0;
    for (; byte >= ZERO && byte <= NINE; byte = bytes[++pos] as number) value = value * 10 + (byte - ZERO);
    const digits = pos - first;
    if (digits === 0 || digits > INTEGER_DIGITS_MAX || (digits > 1 && bytes[first] === ZERO)) break;
    while (isSpace(byte)) byte = bytes[++pos] as number;
    if (byte !== COMMA && byte !== CLOSE_ARRAY) break;
    into[count++] = bytes[start] === MINUS ? 0 - value : value;
    reader.pos = pos;
    if (byte !== COMMA) break;
    pos++;
  }
  if (count > 1) reader.countElements(count - 1);
  return count;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Tells whether every double within some units of `value` has the same nearest float32. */
function roundsAlike(value: number): boolean {
  double[0] = value;
  const tail = (words[LOW_WORD] as number) & TAIL_MASK;
  return value >= 1e-30 && Math.abs(tail - TAIL_MIDDLE) > TIE_MARGIN;
}

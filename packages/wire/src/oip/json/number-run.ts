import { EXACT_INTEGER_MAX, POWERS_OF_TEN } from './decimal.ts';
import type { JsonReader } from './reader.ts';

// Bytes of JSON as `ascii.ts` names them: what another module exports is looked up each time, which costs a number a fifth of its time.
const COMMA = 0x2c;
const CLOSE_ARRAY = 0x5d;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_E = 0x65;
const LETTER_E_UPPER = 0x45;

/** Half a unit above the largest float32: from here on a double rounds to infinity. */
const FLOAT32_LIMIT = 2 ** 128 - 2 ** 103;

/** Digits of an integer up to which a double is exact whatever they are. */
const INTEGER_DIGITS_MAX = 15;

/** Digits that a whole number of 32 bits holds whatever they are. */
const INT32_DIGITS_MAX = 9;

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

/** `0000`, by which four digits become their values. */
const FOUR_ZEROS = 0x30303030;
/** Digits before a point that, with eight behind it, a double holds whatever they are but for the first: below 90 000 000. */
const WHOLE_DIGITS_MAX = 7;
/** Bytes that may be looked at from a point on: sixteen digits, and what follows. */
const DECIMAL_BYTES_MAX = 24;
const NOT_PLAIN = -1;

/** What numbers are read for: a double, or a float32, which needs fewer bits of it. */
export type NumberPrecision = 'double' | 'single';

/**
 * Reads numbers of an array as long as they are plain, at most `into.length`, and returns how many. It stands behind a number, before its
 * comma or bracket, or has read nothing: then what comes next is for `reader.number()` or for a complaint.
 *
 * This is `reader.number()` and `reader.moreElements()` unrolled. What costs in the numbers of a tensor is not their digits but that each is as long
 * as it likes: a processor guesses wrong where each ends. So of decimals, most of whose digits stand behind the point, four digits are read at once, and
 * where they end is computed, not asked. For `single` the values are near enough to the nearest double to give the same float32, which spares Python's 17
 * digits the slow way.
 */
export function readNumbers(reader: JsonReader, into: Float64Array, precision: NumberPrecision): number {
  const { bytes, view } = reader;
  const single = precision === 'single';
  const last = bytes.length - DECIMAL_BYTES_MAX;
  let count = 0;
  let pos = reader.pos;
  while (count < into.length) {
    let byte = bytes[pos] as number;
    while (isSpace(byte)) byte = bytes[++pos] as number;
    const negative = byte === MINUS ? 1 : 0;
    const first = pos + negative;
    byte = bytes[first] as number;
    // What is wrong is for `reader.number()` to say.
    if (!isDigit(byte)) break;
    let whole = byte - ZERO;
    pos = first + 1;
    byte = bytes[pos] as number;
    if (byte !== DOT) {
      for (; isDigit(byte) && pos - first < WHOLE_DIGITS_MAX; byte = bytes[++pos] as number)
        whole = (Math.imul(whole, 10) + (byte - ZERO)) | 0;
      if (bytes[first] === ZERO && pos > first + 1) break;
    }
    let value: number = whole;
    if (byte === DOT && pos <= last) {
      const high = view.getInt32(pos + 1, true) ^ FOUR_ZEROS;
      const highMask = digitMask(high);
      let decimals = digitsIn(highMask);
      // Digits that are not there are zeros behind the others: the same number in units of 10^-8, whatever its length.
      let fraction = fourDigits(high & highMask) * 10_000;
      if (highMask === -1) {
        const low = view.getInt32(pos + 5, true) ^ FOUR_ZEROS;
        const lowMask = digitMask(low);
        decimals += digitsIn(lowMask);
        fraction += fourDigits(low & lowMask);
      } else if (decimals === 0) break;
      pos += 1 + decimals;
      const mantissa = whole * 1e8 + fraction;
      value = mantissa / 1e8;
      if (decimals === 8 && isDigit(bytes[pos] as number)) {
        into[count] = mantissa;
        pos = longDecimal(reader, first, pos, into, count, single);
        value = into[count] as number;
      }
    } else if (byte === DOT || isDigit(byte)) {
      pos = plainNumber(reader, first, into, count, single);
      value = into[count] as number;
    }
    if (pos < 0) break;
    byte = bytes[pos] as number;
    while (isSpace(byte)) byte = bytes[++pos] as number;
    if (byte !== COMMA && byte !== CLOSE_ARRAY) break;
    into[count++] = negative === 1 ? -value : value;
    reader.pos = pos;
    if (byte !== COMMA) break;
    pos++;
  }
  if (count > 1) reader.countElements(count - 1); // `moreElements` counts the last
  return count;
}

/**
 * Reads on from the ninth decimal, which stands at `from`, of the number at `first`, whose other digits are in `into[at]` in units of 10^-8; puts it there
 * and returns where it ends, or {@link NOT_PLAIN} as {@link plainNumber} does.
 */
function longDecimal(reader: JsonReader, first: number, from: number, into: Float64Array, at: number, single: boolean): number {
  const { bytes, view } = reader;
  const high = view.getInt32(from, true) ^ FOUR_ZEROS;
  const highMask = digitMask(high);
  const middle = from + digitsIn(highMask);
  const exact = (into[at] as number) * 10_000 + fourDigits(high & highMask);
  if (!isDigit(bytes[middle] as number)) {
    into[at] = exact / 1e12;
    return exact <= EXACT_INTEGER_MAX ? middle : plainNumber(reader, first, into, at, single);
  }
  const low = view.getInt32(middle, true) ^ FOUR_ZEROS;
  const lowMask = digitMask(low);
  const end = middle + digitsIn(lowMask);
  const value = (exact * 10_000 + fourDigits(low & lowMask)) / 1e16;
  into[at] = value;
  if (single && !isDigit(bytes[end] as number) && roundsAlike(value)) return end;
  return plainNumber(reader, first, into, at, single);
}

/** Reads the number without its sign at `first` into `into[at]`, digit by digit. {@link NOT_PLAIN}: it has an exponent, is too large, or is wrong. */
function plainNumber(reader: JsonReader, first: number, into: Float64Array, at: number, single: boolean): number {
  const bytes = reader.bytes;
  let pos = first;
  let byte = bytes[pos] as number;
  let start = 0;
  for (; isDigit(byte) && pos - first < INT32_DIGITS_MAX; byte = bytes[++pos] as number)
    start = Math.imul(start, 10) + (byte - ZERO);
  let mantissa = start;
  for (; isDigit(byte); byte = bytes[++pos] as number) mantissa = mantissa * 10 + (byte - ZERO);
  if (pos === first || (bytes[first] === ZERO && pos > first + 1)) return NOT_PLAIN;
  let decimals = 0;
  if (byte === DOT) {
    const point = pos;
    byte = bytes[++pos] as number;
    for (; isDigit(byte) && pos - first <= INT32_DIGITS_MAX; byte = bytes[++pos] as number)
      start = Math.imul(start, 10) + (byte - ZERO);
    if (point - first < INT32_DIGITS_MAX) mantissa = start;
    for (; isDigit(byte); byte = bytes[++pos] as number) mantissa = mantissa * 10 + (byte - ZERO);
    decimals = pos - point - 1;
    if (decimals === 0) return NOT_PLAIN;
  }
  if (byte === LETTER_E || byte === LETTER_E_UPPER) return NOT_PLAIN;
  const value = decimals === 0 ? mantissa : decimals <= 22 ? mantissa / (POWERS_OF_TEN[decimals] as number) : Number.NaN;
  const exact = mantissa <= EXACT_INTEGER_MAX && decimals <= 22;
  const enough = exact || (single && pos - first <= APPROXIMATE_DIGITS_MAX && roundsAlike(value));
  into[at] = enough ? value : reader.numberBetween(first, pos);
  return (into[at] as number) < (single ? FLOAT32_LIMIT : Number.MAX_VALUE) ? pos : NOT_PLAIN;
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
    let whole = 0;
    for (; byte >= ZERO && byte <= NINE && pos - first < INT32_DIGITS_MAX; byte = bytes[++pos] as number)
      whole = Math.imul(whole, 10) + (byte - ZERO);
    let value = whole;
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

/**
 * Which of four bytes are digits, from the first on up to the first that is none: all bits of those, in little-endian order. The bytes stand as
 * {@link FOUR_ZEROS} makes them of text: a digit is its value.
 */
function digitMask(text: number): number {
  // The highest bit of each byte above 9; what a carry does to those behind the first is no matter.
  const others = (text | (text + 0x76767676)) & 0x80808080;
  return ((others & (0 - others)) >>> 7) - 1;
}

/** How many bytes a mask of {@link digitMask} has. */
function digitsIn(mask: number): number {
  return (32 - Math.clz32(mask)) >>> 3;
}

/** The number that four values of digits say, the first in the lowest byte. */
function fourDigits(digits: number): number {
  const pairs = (Math.imul(digits, 10) + (digits >>> 8)) & 0x00ff00ff;
  return (Math.imul(pairs, 100) + (pairs >>> 16)) & 0xffff;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

function isSpace(byte: number): boolean {
  return byte <= 0x20 && (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09);
}

/** Tells whether every double within some units of `value` has the same nearest float32. */
function roundsAlike(value: number): boolean {
  double[0] = value;
  const tail = (words[LOW_WORD] as number) & TAIL_MASK;
  return value >= 1e-30 && Math.abs(tail - TAIL_MIDDLE) > TIE_MARGIN;
}

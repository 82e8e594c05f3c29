import { POWERS_OF_TEN } from './decimal.ts';
import { printOddFloat32 } from './print-number.ts';

// Bytes of JSON as `ascii.ts` names them: what another module exports is looked up each time.
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;

/** What is added to the exponent of a float32, and the bits of its mantissa. */
const EXPONENT_BIAS = 127;
const MANTISSA_BITS = 23;
const MANTISSA_MASK = 0x7fffff;
/** Exponents of magnitudes that are written with a point alone, and of which not all are whole: from 2^-19 to below 2^23. */
const PLAIN_EXPONENT_MIN = EXPONENT_BIAS - 19;
const PLAIN_EXPONENT_MAX = EXPONENT_BIAS + 22;
/** By exponent: the power of ten that lifts a magnitude to nine or ten digits below 2^31, as decimals and as a factor, which is exact. */
const DECIMALS = Uint8Array.from({ length: 256 }, (_, exponent) => decimalsOf(exponent));
const SCALES = Float64Array.from(DECIMALS, (decimals) => POWERS_OF_TEN[decimals] ?? 0);
/** By exponent: half of the last bit of a magnitude that is lifted so. At least 3.2, so that nine digits suffice. */
const SCALED_HALVES = SCALES.map((scale, exponent) => scale * 2 ** (exponent - EXPONENT_BIAS - MANTISSA_BITS - 1));
/** More than rounding can have moved a scaled magnitude, and a reader's double the decimal. */
const EDGE = 1e-5;
/** Digits that a scaled magnitude is written with before what is left out of them. */
const SCALED_DIGITS = 10;
const BILLION = 1_000_000_000;

/** `0000`, `0001`, … `9999`, each as a word in little-endian order. */
const QUADS = Uint32Array.from({ length: 10_000 }, (_, value) => {
  const digits = [1000, 100, 10, 1].map((unit) => ZERO + (Math.floor(value / unit) % 10));
  return digits.reduce((word, digit, place) => word + digit * 256 ** place, 0);
});
/** `0.00` and `0000`, each as a word in little-endian order. */
const ZERO_POINT_ZEROS = 0x30302e30;
const FOUR_ZEROS = 0x30303030;

const ODD = -1;

function decimalsOf(exponent: number): number {
  let decimals = 0;
  while (decimals < 22 && 2 ** (exponent - EXPONENT_BIAS + 1) * (POWERS_OF_TEN[decimals + 1] as number) <= 2 ** 31) decimals++;
  return decimals;
}

/** Where floats are written: the bytes of a chunk, and a view of the same. */
export interface FloatOutput {
  readonly out: Uint8Array;
  readonly view: DataView;
}

/**
 * Writes the float32 values in bytes `from` to `to` of `values`, each as the shortest decimal that reads back as the same bits (`0.1`, never
 * `0.10000000149011612`; of several the nearest) with a comma behind it, and returns where they end.
 *
 * The decimals that read back as a value are those nearer to it than half its last bit, and of them that with the most zeros at its end is the shortest:
 * looked for among whole numbers of nine or ten digits. What comes so near to the edge that the rounding of a double could decide goes the slow way, as do
 * whole numbers, powers of two, and what is written with an exponent or is no number. Nothing here gives a double to another function: it would become an
 * object on its way.
 */
export function printFloats32({ out, view }: FloatOutput, start: number, values: DataView, from: number, to: number): number {
  let pos = start;
  for (let at = from; at < to; at += 4) {
    const value = values.getFloat32(at, true);
    const bits = values.getInt32(at, true);
    const exponent = (bits >>> MANTISSA_BITS) & 0xff;
    let zeros = 0;
    let digits = ODD;
    if (
      exponent >= PLAIN_EXPONENT_MIN &&
      exponent <= PLAIN_EXPONENT_MAX &&
      (bits & MANTISSA_MASK) !== 0 &&
      (value | 0) !== value
    ) {
      const scaled = Math.abs(value) * (SCALES[exponent] as number);
      const half = SCALED_HALVES[exponent] as number;
      const ones = scaled >>> 0;
      const part = scaled - ones;
      const hundreds = (((ones + 50) >>> 0) / 100) >>> 0;
      const beyondHundreds = Math.abs(ones - hundreds * 100 + part) - half;
      if (beyondHundreds > EDGE) {
        const tens = (((ones + 5) >>> 0) / 10) >>> 0;
        const beyondTens = Math.abs(ones - tens * 10 + part) - half;
        if (beyondTens > EDGE) digits = (scaled + 0.5) | 0;
        else if (beyondTens < -EDGE) {
          digits = tens * 10;
          zeros = 1;
        }
      } else if (beyondHundreds < -EDGE) {
        const thousands = (((ones + 500) >>> 0) / 1000) >>> 0;
        const beyondThousands = Math.abs(ones - thousands * 1000 + part) - half;
        if (beyondThousands > EDGE) {
          digits = hundreds * 100;
          zeros = 2;
        } else if (beyondThousands < -EDGE) {
          // There is no other number of thousands so near: whatever zeros it has belong to the shortest.
          digits = thousands * 1000;
          zeros = 3 + zerosOf(thousands);
        }
      }
    }
    if (digits === ODD) pos = printOddFloat32(out, pos, value);
    else {
      const decimals = DECIMALS[exponent] as number;
      view.setUint8(pos, MINUS); // written over where there is none
      pos += bits >>> 31;
      const leading = digits < BILLION ? 1 : 0;
      const whole = SCALED_DIGITS - leading - decimals;
      if (whole > 0) {
        printTenDigits(view, pos + 1 - leading, digits);
        // The point goes between digits: those before it move.
        for (const point = pos + whole; pos < point; pos++) view.setUint8(pos, view.getUint8(pos + 1));
        pos += 1 + decimals - zeros;
      } else {
        view.setUint32(pos, ZERO_POINT_ZEROS, true);
        view.setUint32(pos + 4, FOUR_ZEROS, true);
        printTenDigits(view, pos + 2 - whole - leading, digits);
        pos += 2 + decimals - zeros;
      }
      view.setUint8(pos - 1 - decimals + zeros, DOT);
    }
    out[pos++] = COMMA;
  }
  return pos;
}

/** How many zeros a whole number of at most seven digits, not 0, ends in. */
function zerosOf(value: number): number {
  let rest = value;
  let zeros = 0;
  const myriads = (rest / 10_000) | 0;
  if (myriads * 10_000 === rest) {
    rest = myriads;
    zeros = 4;
  }
  const hundreds = (rest / 100) | 0;
  if (hundreds * 100 === rest) {
    rest = hundreds;
    zeros += 2;
  }
  return ((rest / 10) | 0) * 10 === rest ? zeros + 1 : zeros;
}

/** Writes a whole number below 2^31 as ten digits. */
function printTenDigits(view: DataView, pos: number, digits: number): void {
  const high = (digits / 100_000_000) | 0;
  const low = (digits - high * 100_000_000) | 0;
  const middle = (low / 10_000) | 0;
  // The two upper digits of four.
  view.setUint16(pos, (QUADS[high] as number) >>> 16, true);
  view.setUint32(pos + 2, QUADS[middle] as number, true);
  view.setUint32(pos + 6, QUADS[low - middle * 10_000] as number, true);
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { shortestFloat32 } from './decimal.ts';
import { integerOf, JsonWriter, printFloat64, printFloats32, printInteger } from './index.ts';

const out = new Uint8Array(64);
const text = (end: number): string => Buffer.from(out.subarray(0, end)).toString('latin1');
const values = new DataView(new ArrayBuffer(4));
const view = new DataView(out.buffer);
const float32 = (value: number): string => {
  values.setFloat32(0, value, true);
  return text(printFloats32({ out, view }, 0, values, 0, 4) - 1);
};
const float64 = (value: number): string => text(printFloat64(out, 0, value));

/** Every bit pattern with the same chance, so that exponents of all sizes, subnormals, NaN and infinities occur. */
const anyFloat32 = fc.nat(0xffffffff).map((bits) => new Float32Array(Uint32Array.of(bits).buffer)[0] as number);
const everydayFloat32 = fc
  .tuple(fc.integer({ min: -999_999_999, max: 999_999_999 }), fc.integer({ min: 0, max: 14 }))
  .map(([digits, places]) => {
    return Math.fround(digits / 10 ** places);
  });

/** Significant digits of a decimal, without sign, point, exponent and outer zeros. */
const significant = (decimal: string): number =>
  decimal
    .replace(/e.*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+|0+$/g, '').length;

/** The slow way: is there any decimal of `digits` digits that reads back as `value`? Tries the neighbours on both sides, in exact integers. */
function roundTripsWith(value: number, digits: number): boolean {
  const [mantissa = '', exponent = '0'] = value.toExponential(digits - 1).split('e');
  const scaled = BigInt(mantissa.replace('.', ''));
  return [-1n, 0n, 1n].some((step) => Math.fround(Number(`${scaled + step}e${Number(exponent) - digits + 1}`)) === value);
}

describe('numbers in JSON', () => {
  it('prints every float32 so that the same bits come back, with as few digits as possible', () => {
    fc.assert(
      fc.property(fc.oneof(anyFloat32, everydayFloat32), (value) => {
        const printed = float32(value);
        if (!Number.isFinite(value)) return assert.equal(printed, `"${value}"`);
        assert.ok(Object.is(Math.fround(JSON.parse(printed)), value), `${value} printed as ${printed}`);
        const digits = significant(printed);
        if (value !== 0 && digits > 1) assert.ok(!roundTripsWith(value, digits - 1), `${printed} could be shorter`);
      }),
      { numRuns: 5000 },
    );
  });

  it('prints as the slow way does: at every exponent, at its ends, and for decimals of few digits', () => {
    const bits = new Uint32Array(1);
    const single = new Float32Array(bits.buffer);
    const check = (value: number): void => {
      if (Number.isFinite(value) && !Number.isInteger(value)) assert.equal(float32(value), shortestFloat32(value));
    };
    for (let exponent = 1; exponent < 255; exponent++) {
      for (let at = 0, mantissa = 1; at < 150; at++, mantissa = (mantissa * 48_271) % 0x7fffff) {
        for (const near of [mantissa, at, 0x7fffff - at]) {
          bits[0] = (exponent << 23) | near;
          check(single[0] ?? 0);
          check(-(single[0] ?? 0));
        }
      }
    }
    for (let places = 1; places <= 9; places++)
      for (let value = 1; value < 3000; value += 7) check(Math.fround(value / 10 ** places));
  });

  it('prints every power of two in float32, where the gaps differ on both sides, at its shortest', () => {
    for (let exponent = -149; exponent < 128; exponent++) {
      const value = 2 ** exponent;
      const printed = float32(value);
      assert.equal(Math.fround(Number(printed)), value);
      assert.ok(
        significant(printed) <= 1 || (exponent >= 0 && exponent <= 24) || !roundTripsWith(value, significant(printed) - 1),
        printed,
      );
    }
  });

  it('prints what people expect', () => {
    const expected = {
      0.1: '0.1',
      1: '1',
      '-2.5': '-2.5',
      16777216: '16777216',
      1e-7: '1e-7',
      3.4028234663852886e38: '3.4028235e+38',
      0.3: '0.3',
    };
    for (const [value, printed] of Object.entries(expected)) assert.equal(float32(Math.fround(Number(value))), printed);
    assert.deepEqual([float32(-0), float64(-0), float32(0)], ['-0.0', '-0.0', '0']);
    assert.deepEqual([float64(0.1), float64(1e21), float64(5e-324), float64(NaN)], ['0.1', '1e+21', '5e-324', '"NaN"']);
  });

  it('prints every float64 so that the same bits come back', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const read: unknown = JSON.parse(float64(value));
        assert.ok(Object.is(typeof read === 'string' ? Number(read) : read, value));
      }),
    );
  });

  it('prints every integer up to 2^53 as String does', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeInteger(), fc.integer()), (value) => {
        assert.equal(text(printInteger(out, 0, value)), String(value));
      }),
    );
  });

  it('knows the integer behind a decimal, exactly, and that some are none', () => {
    const tokens = [
      '0',
      '-0',
      '1.0',
      '1e2',
      '120e-1',
      '9007199254740993.000',
      '1.5',
      '1e-1',
      '0e99999999999',
      '-18446744073709551615',
    ];
    const integers = [0n, 0n, 1n, 100n, 12n, 9007199254740993n, undefined, undefined, 0n, -18446744073709551615n];
    assert.deepEqual(tokens.map(integerOf), integers);
    assert.ok((integerOf('1e999999999') ?? 0n) > 2n ** 64n);
    assert.equal(integerOf('1.00000000000000000000000000000001'), undefined);
  });

  it('knows the same integer however long its exponent is written', () => {
    const digits = fc.stringMatching(/^[0-9]{1,9}$/);
    const token = fc
      .tuple(fc.constantFrom('', '-'), digits, fc.option(digits), fc.option(fc.integer({ min: -12, max: 20 })))
      .map(([sign, whole, fraction, exponent]) => ({
        short: `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`,
        long: `${sign}${whole}${fraction === null ? '' : `.${fraction}`}e${(exponent ?? 0) < 0 ? '-' : '+'}${String(Math.abs(exponent ?? 0)).padStart(20, '0')}`,
      }));
    fc.assert(
      fc.property(token, ({ short, long }) => assert.equal(integerOf(short), integerOf(long))),
      { numRuns: 2000 },
    );
  });
});

describe('the JSON writer', () => {
  it('writes any string as JSON.stringify means it, across chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 400 }), { maxLength: 20 }), (strings) => {
        const writer = new JsonWriter(0);
        strings.forEach((string, index) => {
          writer.raw(index === 0 ? '[' : ',');
          if (index % 2 === 0) writer.string(string);
          else writer.utf8String(Buffer.from(string));
        });
        writer.raw(strings.length === 0 ? '[]' : ']');
        assert.deepEqual(JSON.parse(Buffer.concat(writer.finish()).toString()), strings);
      }),
    );
  });

  it('splits a large body into chunks of 64 KiB', () => {
    const writer = new JsonWriter(1 << 20);
    for (let i = 0; i < 50_000; i++) writer.raw('0123456789');
    const chunks = writer.finish();
    assert.ok(chunks.every((chunk) => chunk.length <= 65_536));
    assert.equal(
      chunks.reduce((sum, chunk) => sum + chunk.length, 0),
      500_000,
    );
  });
});

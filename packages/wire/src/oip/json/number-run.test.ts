import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { JsonReader, type NumberPrecision, readIntegers, readNumbers } from './index.ts';

/** Reads an array of numbers as a tensor does: in runs, and one by one where a run ends. */
function readAll(json: string, precision: NumberPrecision, room = 256): number[] {
  const reader = new JsonReader(Buffer.from(json));
  const values: number[] = [];
  const into = new Float64Array(room);
  reader.space();
  reader.enter();
  do {
    const count = readNumbers(reader, into, precision);
    values.push(...into.subarray(0, count));
    if (count === 0) {
      reader.space();
      values.push(reader.number());
    }
  } while (reader.moreElements());
  reader.leave();
  reader.finish();
  return values;
}

const same = (read: readonly number[], tokens: readonly string[], precision: NumberPrecision): void => {
  const round = precision === 'single' ? Math.fround : (value: number) => value;
  assert.equal(read.length, tokens.length);
  tokens.forEach((token, at) => {
    const [got, wanted] = [round(read[at] ?? Number.NaN), round(Number(token))];
    assert.ok(Object.is(got, wanted), `${token} was read as ${got} for ${precision}, not ${wanted}`);
  });
};
const both = (tokens: readonly string[], separator = ',', room = 256): void => {
  for (const precision of ['double', 'single'] as const)
    same(readAll(`[${tokens.join(separator)}]`, precision, room), tokens, precision);
};

const digits = (min: number, max: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: min, maxLength: max });
const whole = fc.oneof(
  fc.constant('0'),
  fc.tuple(fc.integer({ min: 1, max: 9 }), digits(0, 18)).map(([first, rest]) => `${first}${rest}`),
);
const fraction = fc.oneof(
  fc.constant(''),
  digits(1, 22).map((rest) => `.${rest}`),
);
const exponent = fc.oneof(
  { weight: 5, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.integer({ min: -40, max: 20 }).map((power) => `e${power}`) },
);
/** Any number as JSON writes them. */
const token = fc.tuple(fc.constantFrom('', '-'), whole, fraction, exponent).map((parts) => parts.join(''));
const anyFloat64 = fc.double({ noNaN: true, noDefaultInfinity: true });
const anyFloat32 = fc.float({ noNaN: true, noDefaultInfinity: true });
/** Both neighbours of a float32, and the middle to the next one in all its digits, which a double holds. */
const nearMiddle = anyFloat32.map((value) => {
  const bits = new Int32Array(Float32Array.of(value).buffer);
  const next = new Float32Array(Int32Array.of((bits[0] ?? 0) + 1).buffer)[0] ?? value;
  return Number.isFinite(next) ? (value + next) / 2 : value;
});
const spelled = (value: number): string => (Object.is(value, -0) ? '-0.0' : JSON.stringify(value));

describe('numbers of an array', () => {
  it('are the nearest double and the nearest float32, however they are written and whatever stands between them', () => {
    fc.assert(
      fc.property(
        fc.array(token, { minLength: 1, maxLength: 40 }),
        fc.constantFrom(',', ', ', ' ,\n\t'),
        fc.integer({ min: 1, max: 9 }),
        both,
      ),
      { numRuns: 2000 },
    );
  });

  it('are every float64 and every float32 that was printed, and what lies between two of them', () => {
    const value = fc.oneof(anyFloat64, anyFloat32, nearMiddle);
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 40 }), (values) => both(values.map(spelled))),
      { numRuns: 2000 },
    );
  });

  it('are exact at every number of digits before and behind the point', () => {
    const tokens: string[] = [];
    for (let before = 1; before <= 18; before++)
      for (let behind = 0; behind <= 20; behind++)
        for (const digit of ['1', '5', '9', '0'])
          tokens.push(`${'123456789012345678'.slice(0, before)}${behind === 0 ? '' : `.${digit.repeat(behind)}`}`);
    both(tokens);
    both(tokens.map((positive) => `-${positive}`));
  });

  it('keep the sign of zero, and the ends of both formats', () => {
    both(['0', '-0', '0.0', '-0.0', '-0.00000000000', '5e-324', '-5e-324', '2.2250738585072011e-308', '1.7976931348623157e308']);
    same(
      readAll('[3.4028234663852886e38,1e-45,-1.401298464324817e-45,7e-46]', 'single'),
      ['3.4028234663852886e38', '1e-45', '-1.401298464324817e-45', '7e-46'],
      'single',
    );
  });

  it('end where something else stands, which is complained about at its place', () => {
    for (const bad of [
      '01',
      '-',
      '.5',
      '5.',
      '-.5',
      '1.e5',
      '00.5',
      '1.5.5',
      '1e',
      '0x1',
      '1_0',
      'NaN',
      '1.23456789012x',
      '12345678.',
      '-01.5',
    ]) {
      for (const behind of ['', ',1.5,2.5,3.5,4.5,5.5,6.5']) {
        assert.throws(() => readAll(`[1.5,${bad}${behind}]`, 'single'), { kind: 'invalid-argument' }, `${bad}${behind}`);
      }
    }
  });

  it('are counted against the limit of elements', () => {
    const reader = new JsonReader(Buffer.from(`[${'1.5,'.repeat(99)}1.5]`), { bytesMax: 10_000, depthMax: 10, elementsMax: 50 });
    reader.enter();
    assert.throws(() => readNumbers(reader, new Float64Array(256), 'single'), { kind: 'too-large' });
  });
});

describe('integers of an array', () => {
  it('are read exactly up to fifteen digits, and longer ones are left to who reads them one by one', () => {
    const integer = fc.oneof(fc.integer({ min: -999_999_999_999_999, max: 999_999_999_999_999 }), fc.integer());
    fc.assert(
      fc.property(fc.array(integer, { minLength: 1, maxLength: 20 }), (values) => {
        const reader = new JsonReader(Buffer.from(`${values.join(' , ')}]`));
        const into = new Float64Array(64);
        assert.equal(readIntegers(reader, into), values.length);
        assert.deepEqual(
          [...into.subarray(0, values.length)],
          values.map((value) => value + 0),
        );
      }),
    );
    for (const other of ['1234567890123456]', '1.5]', '01]', '-]', '1e2]', '"1"]'])
      assert.equal(readIntegers(new JsonReader(Buffer.from(other)), new Float64Array(4)), 0, other);
  });
});

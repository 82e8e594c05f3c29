import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError } from '@modelmesh/core';
import fc from 'fast-check';
import { JsonReader, JsonWriter } from '../json/index.ts';
import { NO_PARAMETERS } from '../parameter.ts';
import {
  checkDataForm,
  checkRawData,
  DATATYPES,
  type Datatype,
  ElementPrinter,
  ElementSink,
  elementCount,
  endOfBytesElement,
  NestedData,
  traitsOf,
} from './index.ts';

/** JSON → raw bytes, and the form that was found. */
function read(json: string, datatype: Datatype): { data: Uint8Array; dimensions: number[]; count: number } {
  const reader = new JsonReader(Buffer.from(json));
  const sink = new ElementSink(datatype, { label: 'input "x"' });
  const nested = new NestedData(sink);
  nested.read(reader);
  reader.finish();
  return { data: sink.data(), dimensions: nested.dimensions(), count: sink.count };
}

/** Raw bytes → JSON. */
function print(data: Uint8Array, datatype: Datatype, shape: readonly number[]): string {
  const writer = new JsonWriter(0);
  new ElementPrinter({ name: 'y', datatype, shape, parameters: NO_PARAMETERS, data }, 'refuse').printNested(writer, shape, 0);
  return Buffer.concat(writer.finish()).toString();
}

const raw = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const refuses = (json: string, datatype: Datatype, message: RegExp): void => {
  assert.throws(
    () => read(json, datatype),
    (error: unknown) => error instanceof MeshError && error.kind === 'invalid-argument' && message.test(error.message),
    `${json} as ${datatype}`,
  );
};

const NUMERIC: readonly Datatype[] = ['INT8', 'INT16', 'INT32', 'INT64', 'UINT8', 'UINT16', 'UINT32', 'UINT64', 'FP32', 'FP64'];

describe('tensor elements in JSON', () => {
  for (const datatype of NUMERIC) {
    it(`raw → JSON → raw gives back every bit of ${datatype}`, () => {
      const size = traitsOf(datatype).byteSize ?? 1;
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 0, maxLength: 40 * size }), (bytes) => {
          const count = Math.floor(bytes.length / size);
          const data = bytes.slice(0, count * size);
          const back = read(print(data, datatype, [count]), datatype);
          assert.deepEqual(print(back.data, datatype, [count]), print(data, datatype, [count]));
          if (!datatype.startsWith('FP')) assert.deepEqual(Buffer.from(back.data), Buffer.from(data));
        }),
      );
    });
  }

  it('gives back every float but the payload of NaN', () => {
    fc.assert(
      fc.property(fc.float32Array(), fc.float64Array(), (floats, doubles) => {
        const singles = read(print(raw(floats), 'FP32', [floats.length]), 'FP32').data;
        assert.deepEqual(new Float32Array(singles.slice().buffer), floats);
        const pairs = read(print(raw(doubles), 'FP64', [doubles.length]), 'FP64').data;
        assert.deepEqual(new Float64Array(pairs.slice().buffer), doubles);
      }),
    );
  });

  it('reads a float32 as the nearest double, then the nearest float32, also with many digits and beside ties', () => {
    const float32 = fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(1e-20), max: Math.fround(1e20) });
    const digits = fc.tuple(float32, fc.integer({ min: 1, max: 25 })).map(([value, count]) => value.toFixed(count));
    const besideTie = fc
      .tuple(float32, fc.integer({ min: -600, max: 600 }), fc.constantFrom(17, 18, 20, 21))
      .map(([value, units, precision]) => {
        const bits = new BigUint64Array(new Float64Array([value]).buffer);
        bits[0] = (bits[0] ?? 0n) + 0x10000000n + BigInt(units);
        return (new Float64Array(bits.buffer)[0] ?? 0).toPrecision(precision);
      });
    fc.assert(
      fc.property(fc.oneof(digits, besideTie), (text) => {
        const { data } = read(`[${text}, ${text} , -${text}]`, 'FP32');
        const expected = Math.fround(Number(text));
        assert.deepEqual([...new Float32Array(data.slice().buffer)], [expected, expected, -expected]);
        const doubles = new Float64Array(read(`[${text}, -${text}]`, 'FP64').data.slice().buffer);
        assert.deepEqual([...doubles], [Number(text), -Number(text)]);
      }),
      { numRuns: 2000 },
    );
  });

  it('reads runs of any length with anything between the numbers', () => {
    const element = fc.constantFrom(
      '1',
      ' -2.5',
      '1e3',
      '"NaN"',
      '0',
      ' 0.25\n',
      '-0',
      '123456789012345678901234567890',
      '-Infinity',
    );
    fc.assert(
      fc.property(fc.array(element, { maxLength: 700 }), (elements) => {
        const strict: unknown[] = JSON.parse(`[${elements.join(',').replaceAll('-Infinity', '"-Infinity"')}]`);
        const { data, count } = read(`[${elements.join(',')}]`, 'FP64');
        assert.equal(count, elements.length);
        assert.deepEqual([...new Float64Array(data.slice().buffer)], strict.map(Number));
      }),
    );
  });

  it('gives back every 64-bit integer, and prints what BigInt prints', () => {
    fc.assert(
      fc.property(fc.bigInt64Array(), fc.bigUint64Array(), (signed, unsigned) => {
        const printed = print(raw(signed), 'INT64', [signed.length]);
        assert.equal(printed, `[${signed.join(',')}]`);
        assert.deepEqual(new BigInt64Array(read(printed, 'INT64').data.slice().buffer), signed);
        const positive = print(raw(unsigned), 'UINT64', [unsigned.length]);
        assert.equal(positive, `[${unsigned.join(',')}]`);
        assert.deepEqual(new BigUint64Array(read(positive, 'UINT64').data.slice().buffer), unsigned);
      }),
    );
    const edges = '[-9223372036854775808,9223372036854775807,9007199254740993,-9007199254740993,-4294967297,-1,0]';
    assert.equal(print(read(edges, 'INT64').data, 'INT64', [7]), edges);
    assert.equal(
      print(read('[18446744073709551615,4294967296]', 'UINT64').data, 'UINT64', [2]),
      '[18446744073709551615,4294967296]',
    );
  });

  it('gives back every string of BYTES, escaped or not', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.boolean(), (strings, escapeAll) => {
        const escaped = (text: string): string =>
          `"${[...text.matchAll(/[\s\S]/g)].map(([unit]) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
        const json = escapeAll ? `[${strings.map(escaped).join(',')}]` : JSON.stringify(strings);
        const { data } = read(json, 'BYTES');
        assert.deepEqual(JSON.parse(print(data, 'BYTES', [strings.length])), strings);
        const contents: string[] = [];
        for (let at = 0; at < data.length; at = endOfBytesElement(data, at)) {
          contents.push(Buffer.from(data.subarray(at + 4, endOfBytesElement(data, at))).toString());
        }
        assert.deepEqual(contents, strings);
      }),
    );
  });

  it('reads BOOL, and NaN and the infinities as strings or bare words', () => {
    assert.deepEqual([...read('[true,false]', 'BOOL').data], [1, 0]);
    assert.equal(print(Uint8Array.of(1, 0), 'BOOL', [2]), '[true,false]');
    const words = '["NaN", "Infinity", "-Infinity", NaN, Infinity, -Infinity]';
    const values = [NaN, Infinity, -Infinity, NaN, Infinity, -Infinity];
    assert.deepEqual([...new Float64Array(read(words, 'FP64').data.slice().buffer)], values);
    assert.equal(print(read(words, 'FP32').data, 'FP32', [6]), '["NaN","Infinity","-Infinity","NaN","Infinity","-Infinity"]');
  });

  it('takes integers as they may be written and refuses what is none', () => {
    assert.deepEqual([...read('[1.0, 1e2, -0, 120e-1, 127]', 'INT8').data], [1, 100, 0, 12, 127]);
    refuses('[1, 2.5]', 'INT32', /^input "x": element 1 of its data: 2\.5 is not an integer, as INT32 needs$/);
    refuses('[1.00000000000000000000000001]', 'INT64', /is not an integer/);
    refuses('["1"]', 'INT64', /element 0 of its data: "1" is not an integer/);
    refuses('[true]', 'UINT8', /true is not an integer/);
  });

  it('refuses numbers out of range, naming tensor, index and value', () => {
    const beyond: readonly [Datatype, string][] = [
      ['INT8', '128'],
      ['INT8', '-129'],
      ['UINT8', '256'],
      ['UINT8', '-1'],
      ['INT16', '32768'],
      ['UINT16', '65536'],
      ['INT32', '2147483648'],
      ['UINT32', '4294967296'],
      ['UINT32', '1e15'],
      ['INT64', '9223372036854775808'],
      ['UINT64', '18446744073709551616'],
      ['UINT64', '-1'],
      ['FP32', '1e39'],
      ['FP64', '1e400'],
    ];
    for (const [datatype, value] of beyond) {
      refuses(
        `[0, ${value}]`,
        datatype,
        new RegExp(`^input "x": element 1 of its data: (${value}|10{15}) does not fit in ${datatype}$`),
      );
    }
  });

  it('refuses elements of another type', () => {
    refuses('[1, "one"]', 'FP32', /element 1 of its data: "one" is not a number; the only strings are/);
    refuses('[null]', 'FP32', /null is not a number/);
    refuses('[{}]', 'FP32', /\{\} is not a number/);
    refuses('[1]', 'BOOL', /1 is not true or false, as BOOL needs/);
    refuses('[1]', 'BYTES', /1 is not a string, as BYTES needs/);
    refuses('[nul]', 'FP32', /^invalid JSON at line 1, column 2/);
    refuses('[1 2]', 'FP32', /^invalid JSON at line 1, column 4/);
    for (const datatype of ['FP16', 'BF16'] as const) refuses('[1]', datatype, /has no JSON form; send it as binary tensor data/);
  });

  it('learns the form of nested data and refuses ragged data', () => {
    assert.deepEqual(read('[[1,2,3],[4,5,6]]', 'INT8').dimensions, [2, 3]);
    assert.deepEqual(read('[[[],[]]]', 'INT8').dimensions, [1, 2, 0]);
    assert.deepEqual(read('5', 'INT8').dimensions, []);
    assert.deepEqual(read('[]', 'INT8').dimensions, [0]);
    refuses('[[1,2],[3]]', 'INT8', /ragged data: an array at depth 2 has 1 entries, another has 2/);
    refuses('[[1],2]', 'INT8', /ragged data: it holds single values beside arrays/);
    refuses('[1,[2]]', 'INT8', /the data is ragged/);
    refuses('[[1],[[2]]]', 'INT8', /ragged data: values stand at different depths/);
    refuses('[[[1]],[2]]', 'INT8', /ragged data: values stand at different depths/);
    refuses('[[],[[]]]', 'INT8', /ragged data/);
    assert.equal(read(`${'['.repeat(32)}1${']'.repeat(32)}`, 'INT8').dimensions.length, 32);
    refuses(`${'['.repeat(33)}1${']'.repeat(33)}`, 'INT8', /more than 32 dimensions/);
  });

  it('compares the form of the data with the shape', () => {
    const message = (dimensions: number[], count: number, shape: number[]): string => {
      try {
        checkDataForm(dimensions, count, shape, 'input "x"');
      } catch (error) {
        return error instanceof MeshError ? error.message : String(error);
      }
      return 'fits';
    };
    assert.equal(message([6], 6, [2, 3]), 'fits');
    assert.equal(message([2, 3], 6, [2, 3]), 'fits');
    assert.equal(message([3, 2], 6, [2, 3]), 'input "x": its data is nested as [3,2], its shape is [2,3]');
    assert.equal(message([5], 5, [2, 3]), 'input "x": shape [2,3] needs 6 elements, its data holds 5');
    assert.equal(message([], 1, [1]), 'input "x": its data must be an array');
    for (const dimensions of [[], [1]]) assert.equal(message(dimensions, 1, []), 'fits');
    for (const dimensions of [[0], [2, 0]]) assert.equal(message(dimensions, 0, [2, 0]), 'fits');
  });

  it('prints nested by any shape what JSON.parse reads as that shape', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 4 }), (shape) => {
        const count = elementCount(shape, 'y');
        const data = Uint8Array.from({ length: count }, (_, i) => i);
        const nested: unknown = JSON.parse(print(data, 'UINT8', shape));
        assert.deepEqual(Array.isArray(nested) ? nested.flat(4) : [nested], [...data]);
        assert.deepEqual(Buffer.from(read(print(data, 'UINT8', shape), 'UINT8').data), Buffer.from(data));
      }),
    );
  });
});

describe('raw tensor data', () => {
  const check = (datatype: Datatype, shape: number[], data: number[]): void =>
    checkRawData({ name: 'x', datatype, shape, data: Uint8Array.from(data) }, 'input "x"');

  it('must have the length that datatype and shape need', () => {
    for (const [datatype, { byteSize }] of Object.entries(DATATYPES)) {
      if (byteSize !== null) check(datatype as Datatype, [2, 1], new Array(2 * byteSize).fill(0));
    }
    assert.throws(() => check('FP32', [2], [0, 0, 0, 0]), /input "x": FP32 of shape \[2\] needs 8 bytes, got 4/);
    assert.throws(() => check('BOOL', [3], [0, 1, 2]), /element 2 of a BOOL tensor is the byte 2/);
    assert.throws(() => check('FP32', [-1], []), /must hold non-negative integers only/);
    assert.throws(() => check('FP32', [2 ** 40, 2 ** 40], []), /is too large/);
    assert.throws(() => elementCount(new Array(33).fill(1), 'input "x"'), /33 dimensions; at most 32/);
    check('FP32', [2, 0], []);
    check('INT8', [], [7]);
  });

  it('of BYTES must hold exactly as many elements as the shape needs', () => {
    check('BYTES', [2], [1, 0, 0, 0, 65, 0, 0, 0, 0]);
    check('BYTES', [0], []);
    assert.throws(() => check('BYTES', [2], [1, 0, 0, 0, 65]), /its shape needs 2 BYTES elements, its data holds 1/);
    assert.throws(() => check('BYTES', [1], [2, 0, 0, 0, 65]), /element 0 of its BYTES data is cut off at byte 5/);
    assert.throws(() => check('BYTES', [1], [2, 0, 0]), /cut off at byte 3/);
    assert.throws(() => check('BYTES', [1], [0, 0, 0, 255]), /cut off/);
  });
});

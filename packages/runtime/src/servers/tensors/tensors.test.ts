import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { MeshError } from '@modelmesh/core';
import { ModelInferRequestSchema, ModelInferResponseSchema } from '@modelmesh/wire/inference';
import fc from 'fast-check';
import {
  ELEMENT_TYPES,
  type ElementType,
  elementTypeOfOrt,
  type Feed,
  feedsOf,
  planInferResponse,
  REQUEST_TENSORS_MAX,
  readInferRequest,
  type Signature,
  wantedOutputs,
} from './index.ts';

const typeOf = (datatype: string): ElementType => {
  const type = ELEMENT_TYPES.find((candidate) => candidate.datatype === datatype);
  assert.ok(type);
  return type;
};

interface Given {
  readonly inputs?: { name: string; datatype: string; shape: number[]; contents?: Record<string, unknown> }[];
  readonly outputs?: string[];
  readonly raw?: Uint8Array[];
}

const encode = ({ inputs = [], outputs = [], raw = [] }: Given): Uint8Array<ArrayBuffer> =>
  toBinary(
    ModelInferRequestSchema,
    create(ModelInferRequestSchema, {
      modelName: 'm',
      id: 'call-1',
      inputs: inputs.map((input) => ({ ...input, shape: input.shape.map(BigInt) })),
      outputs: outputs.map((name) => ({ name })),
      rawInputContents: raw,
    }),
  ) as Uint8Array<ArrayBuffer>;

const oneInput = (datatype: string, shape: readonly number[] | null = [-1]): Signature => ({
  inputs: [{ name: 'x', type: typeOf(datatype), shape }],
  outputs: [{ name: 'y', type: typeOf('FP32'), shape: null }],
});

const feeds = (given: Given, signature: Signature): Feed[] => {
  const bytes = encode(given);
  return feedsOf(readInferRequest(bytes, 0, bytes.length), signature, bytes);
};

const refusal = (given: Given, signature: Signature): string => {
  try {
    feeds(given, signature);
  } catch (error) {
    assert.ok(error instanceof MeshError && error.kind === 'invalid-argument', String(error));
    return error.message;
  }
  assert.fail('was accepted');
};

const bytesElement = (bytes: Uint8Array): Uint8Array => {
  const out = Buffer.alloc(4 + bytes.length);
  out.writeUInt32LE(bytes.length);
  out.set(bytes, 4);
  return out;
};

describe('feeds of an inference request', () => {
  const typed: [string, string, unknown[]][] = [
    ['BOOL', 'boolContents', [true, false]],
    ['UINT8', 'uintContents', [0, 255]],
    ['UINT16', 'uintContents', [0, 65535]],
    ['UINT32', 'uintContents', [0, 4294967295]],
    ['UINT64', 'uint64Contents', [0n, 18446744073709551615n]],
    ['INT8', 'intContents', [-128, 127]],
    ['INT16', 'intContents', [-32768, 32767]],
    ['INT32', 'intContents', [-2147483648, 2147483647]],
    ['INT64', 'int64Contents', [-9223372036854775808n, 9223372036854775807n]],
    ['FP32', 'fp32Contents', [0.1, -1e30]],
    ['FP64', 'fp64Contents', [0.1, -1e300]],
  ];
  for (const [datatype, field, values] of typed) {
    it(`are equal for ${datatype} given raw or typed, aligned or not`, () => {
      const signature = oneInput(datatype);
      const byContents = feeds({ inputs: [{ name: 'x', datatype, shape: [2], contents: { [field]: values } }] }, signature)[0]
        ?.data;
      assert.ok(byContents !== undefined && !Array.isArray(byContents));
      const raw = new Uint8Array(byContents.buffer as ArrayBuffer);
      const message = encode({ inputs: [{ name: 'x', datatype, shape: [2] }], raw: [raw] });

      for (let shift = 0; shift < 8; shift++) {
        const shifted = new Uint8Array(message.length + shift);
        shifted.set(message, shift);
        const [feed] = feedsOf(readInferRequest(shifted, shift, shifted.length), signature, shifted);
        assert.deepEqual(feed?.data, byContents);
      }
      const expected = values.map((value) =>
        datatype === 'FP32' ? Math.fround(value as number) : typeof value === 'boolean' ? Number(value) : value,
      );
      assert.deepEqual(Array.from(byContents as Iterable<unknown>), expected);
    });
  }

  it('see aligned raw bytes in place, without a copy', () => {
    const raw = new Uint8Array(new Float64Array([1, 2]).buffer);
    const message = encode({ inputs: [{ name: 'x', datatype: 'FP64', shape: [2] }], raw: [raw] });
    const start = (8 - (message.length % 8)) % 8;
    const aligned = new Uint8Array(start + message.length);
    aligned.set(message, start);

    const [feed] = feedsOf(readInferRequest(aligned, start, aligned.length), oneInput('FP64'), aligned);

    assert.ok(feed?.data instanceof Float64Array);
    assert.equal(feed.data.buffer, aligned.buffer);
  });

  it('carry text from raw and typed BYTES, empty and beyond ASCII', () => {
    const texts = ['', 'a', 'grüße 🦊'];
    const encoded = texts.map((text) => new TextEncoder().encode(text));
    const signature = oneInput('BYTES');

    const raw = feeds(
      { inputs: [{ name: 'x', datatype: 'BYTES', shape: [3] }], raw: [Buffer.concat(encoded.map(bytesElement))] },
      signature,
    );
    const typedFeeds = feeds(
      { inputs: [{ name: 'x', datatype: 'BYTES', shape: [3], contents: { bytesContents: encoded } }] },
      signature,
    );

    assert.deepEqual(raw[0]?.data, texts);
    assert.deepEqual(typedFeeds[0]?.data, texts);
  });

  it('take scalars and tensors without elements', () => {
    const scalar = feeds(
      { inputs: [{ name: 'x', datatype: 'FP32', shape: [] }], raw: [new Uint8Array(4)] },
      oneInput('FP32', []),
    );
    const empty = feeds({ inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 0] }] }, oneInput('FP32', [-1, -1]));

    assert.deepEqual([scalar[0]?.data, scalar[0]?.dims], [new Float32Array(1), []]);
    assert.deepEqual([empty[0]?.data, empty[0]?.dims], [new Float32Array(0), [2, 0]]);
  });

  it('name the tensor, what was expected and what came', () => {
    const fp32 = (shape: number[], contents?: Record<string, unknown>) => ({
      name: 'x',
      datatype: 'FP32',
      shape,
      ...(contents && { contents }),
    });
    const four = new Uint8Array(16);
    const takes = oneInput('FP32', [-1, 4]);

    assert.equal(refusal({}, takes), 'missing input "x"; the model takes "x"');
    assert.equal(
      refusal({ inputs: [{ ...fp32([1, 4]), name: 'z' }], raw: [four] }, takes),
      'unknown input "z"; the model takes "x"',
    );
    assert.equal(refusal({ inputs: [fp32([1, 4]), fp32([1, 4])], raw: [four, four] }, takes), 'input "x" is given twice');
    assert.equal(
      refusal({ inputs: [{ ...fp32([1, 4]), datatype: 'FP64' }], raw: [four] }, takes),
      'input "x": expected datatype FP32, got FP64',
    );
    assert.equal(refusal({ inputs: [fp32([1, 3])], raw: [four] }, takes), 'input "x": expected shape [-1, 4], got [1, 3]');
    assert.equal(refusal({ inputs: [fp32([4])], raw: [four] }, takes), 'input "x": expected shape [-1, 4], got [4]');
    assert.match(refusal({ inputs: [fp32([-1, 4])], raw: [four] }, takes), /negative dimension/);
    assert.equal(
      refusal({ inputs: [fp32([2, 4])], raw: [four] }, takes),
      'input "x": shape [2, 4] of FP32 needs 32 raw bytes, got 16',
    );
    assert.match(
      refusal({ inputs: [fp32([1, 4])], raw: [four, four] }, takes),
      /number of inputs \(1\).*raw_input_contents \(2\)/,
    );
    assert.match(refusal({ inputs: [fp32([1, 4], { fp32Contents: [1] })], raw: [four] }, takes), /use one or the other/);
    assert.match(refusal({ inputs: [fp32([1, 4], { intContents: [1] })] }, takes), /belongs in fp32_contents, got int_contents/);
    assert.match(refusal({ inputs: [fp32([1, 4], { fp32Contents: [1, 2, 3] })] }, takes), /holds 4 elements, got 3/);
    assert.match(refusal({ inputs: [fp32([1, 4], { fp32Contents: [1, 2, 3, 4, 5] })] }, takes), /holds 4 elements, got 5/);
    assert.match(refusal({ inputs: [fp32([1e15, 4], { fp32Contents: [1] })] }, takes), /holds 4000000000000000 elements, got 1/);
    assert.match(
      refusal({ inputs: [{ name: 'x', datatype: 'INT8', shape: [2], contents: { intContents: [1, 128] } }] }, oneInput('INT8')),
      /element 1 is 128, out of range for INT8/,
    );
    assert.match(
      refusal({ inputs: [{ name: 'x', datatype: 'FP16', shape: [1], contents: { fp32Contents: [1] } }] }, oneInput('FP16')),
      /FP16 can only be sent in raw_input_contents/,
    );
  });

  it('refuse text that ONNX Runtime cannot carry, naming the element', () => {
    const signature = oneInput('BYTES');
    const raw = (...elements: Uint8Array[]) =>
      refusal({ inputs: [{ name: 'x', datatype: 'BYTES', shape: [2] }], raw: elements }, signature);

    assert.match(
      raw(Buffer.concat([bytesElement(Buffer.from('a')), bytesElement(Buffer.of(0xff))])),
      /element 1 is not valid UTF-8/,
    );
    assert.match(raw(Buffer.concat([bytesElement(Buffer.from('a\0b')), bytesElement(Buffer.of())])), /element 0 holds a NUL/);
    assert.match(raw(bytesElement(Buffer.from('a'))), /holds 2 elements, got 1/);
    assert.match(raw(Buffer.of(1, 0, 0)), /element 0 has no room for its 4-byte length/);
    assert.match(raw(Buffer.of(9, 0, 0, 0, 1)), /element 0 claims 9 bytes where 1 are left/);
  });

  it('refuse more tensors than a request may name', () => {
    const many = Array.from({ length: REQUEST_TENSORS_MAX + 1 }, () => new Uint8Array());

    assert.match(refusal({ raw: many }, oneInput('FP32')), /more than 4096 tensors are named/);
  });

  it('never fail with anything but a sentence, whatever the bytes', () => {
    const valid = encode({
      inputs: [{ name: 'x', datatype: 'INT64', shape: [2], contents: { int64Contents: [1n, -1n] } }],
      outputs: ['y'],
    });
    fc.assert(
      fc.property(fc.nat(valid.length - 1), fc.nat(255), fc.nat(valid.length), (at, byte, length) => {
        const bytes = Uint8Array.from(valid);
        bytes[at] = byte;
        const cut = bytes.subarray(0, length) as Uint8Array<ArrayBuffer>;
        try {
          feedsOf(readInferRequest(cut, 0, cut.length), oneInput('INT64'), cut);
        } catch (error) {
          assert.ok(error instanceof MeshError && error.kind === 'invalid-argument', String(error));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('wanted outputs', () => {
  const asked = (...outputs: string[]) => {
    const bytes = encode({ outputs });
    return wantedOutputs(readInferRequest(bytes, 0, bytes.length), oneInput('FP32'));
  };

  it('are all of them unless some are named', () => {
    assert.deepEqual(
      asked().map((output) => output.name),
      ['y'],
    );
    assert.deepEqual(
      asked('y').map((output) => output.name),
      ['y'],
    );
  });

  it('refuse what the model does not give and what is named twice', () => {
    assert.throws(() => asked('z'), { message: 'unknown output "z"; the model gives "y"' });
    assert.throws(() => asked('y', 'y'), { message: 'output "y" is asked for twice' });
  });
});

describe('an inference response', () => {
  it('is what protobuf reads back, for numbers and text of any size', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: 'grapheme' }),
        fc.array(fc.float()),
        fc.array(fc.string({ unit: 'grapheme' })),
        (name, id, floats, texts) => {
          const float = elementTypeOfOrt('float32');
          const text = elementTypeOfOrt('string');
          assert.ok(float !== undefined && text !== undefined);
          const plan = planInferResponse(name, id, [
            { spec: { name: 'scores', type: float, shape: null }, dims: [floats.length, 300], data: Float32Array.from(floats) },
            { spec: { name: 'étiquette', type: text, shape: null }, dims: [], data: texts },
          ]);
          const target = Buffer.alloc(plan.byteCount + 3);

          assert.equal(plan.write(target, 3), target.length);

          const read = fromBinary(ModelInferResponseSchema, target.subarray(3));
          assert.deepEqual([read.modelName, read.id], [name, id]);
          assert.deepEqual(
            read.outputs.map((output) => [output.name, output.datatype, output.shape]),
            [
              ['scores', 'FP32', [BigInt(floats.length), 300n]],
              ['étiquette', 'BYTES', []],
            ],
          );
          assert.deepEqual(Buffer.from(read.rawOutputContents[0] ?? []), Buffer.from(Float32Array.from(floats).buffer));
          assert.deepEqual(
            Buffer.from(read.rawOutputContents[1] ?? []),
            Buffer.concat(texts.map((one) => bytesElement(Buffer.from(one)))),
          );
        },
      ),
    );
  });
});

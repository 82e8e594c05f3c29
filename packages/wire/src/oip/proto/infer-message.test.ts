import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { MeshError } from '@modelmesh/core';
import fc from 'fast-check';
import {
  type InferTensorContentsSchema,
  ModelInferRequestSchema,
  ModelInferResponseSchema,
  ModelMetadataResponseSchema,
  ModelStreamInferResponseSchema,
} from '../../inference/index.ts';
import type { ParameterValue } from '../parameter.ts';
import { type Datatype, traitsOf } from '../tensor/index.ts';
import {
  decodeInferRequest,
  decodeInferResponse,
  decodeModelMetadata,
  decodeStreamInferResponse,
  encodeInferRequest,
  encodeInferResponse,
  type InferRequest,
} from './index.ts';

const parameterValue: fc.Arbitrary<ParameterValue> = fc.oneof(
  fc.boolean(),
  fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n),
  fc.double({ noNaN: true }),
  fc.string({ unit: 'grapheme' }),
  fc.constant(null),
);
const parameters = fc
  .uniqueArray(fc.tuple(fc.string(), parameterValue), { selector: ([key]) => key, maxLength: 4 })
  .map((entries) => new Map(entries));
const datatype = fc.constantFrom<Datatype>('BOOL', 'INT8', 'UINT16', 'INT32', 'INT64', 'FP16', 'BF16', 'FP32', 'FP64');
const tensor = fc
  .tuple(fc.string(), datatype, fc.array(fc.nat(3), { maxLength: 3 }), parameters)
  .map(([name, type, shape, own]) => {
    const size = shape.reduce((product, dimension) => product * dimension, traitsOf(type).byteSize ?? 0);
    return { name, datatype: type, shape, parameters: own, data: Uint8Array.from({ length: size }, (_, i) => i & 1) };
  });
const tensors = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 4 });
const aRequest: fc.Arbitrary<InferRequest> = fc.record({
  modelName: fc.string({ unit: 'grapheme' }),
  modelVersion: fc.string(),
  id: fc.string({ maxLength: 300 }),
  parameters,
  inputs: tensors,
  outputs: fc.uniqueArray(fc.record({ name: fc.string(), parameters }), { selector: ({ name }) => name, maxLength: 3 }),
});

const answer = (init: MessageInitShape<typeof ModelInferResponseSchema>): Uint8Array =>
  toBinary(ModelInferResponseSchema, create(ModelInferResponseSchema, init));

const refusal = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof MeshError, String(error));
    return `${error.kind}: ${error.message}`;
  }
  return 'accepted';
};

describe('inference messages', () => {
  it('are read back as they were written, request and response', () => {
    fc.assert(
      fc.property(aRequest, (request) => {
        assert.deepEqual(normal(decodeInferRequest(Buffer.concat(encodeInferRequest(request)))), normal(request));
        const response = { ...request, outputs: request.inputs };
        const back = decodeInferResponse(Buffer.concat(encodeInferResponse(response)));
        assert.deepEqual(normal({ ...request, inputs: back.outputs }), normal(request));
      }),
    );
  });

  it('are what generated code writes, field for field', () => {
    fc.assert(
      fc.property(aRequest, (request) => {
        const bytes = Buffer.concat(encodeInferRequest(request));
        const decoded = fromBinary(ModelInferRequestSchema, bytes);
        assert.deepEqual(normal(decodeInferRequest(toBinary(ModelInferRequestSchema, decoded))), normal(request));
        assert.equal(decoded.modelName, request.modelName);
        assert.equal(decoded.id, request.id);
        assert.deepEqual(
          decoded.inputs.map((input) => input.shape.map(Number)),
          request.inputs.map((input) => input.shape),
        );
        assert.deepEqual(
          decoded.rawInputContents.map((raw) => [...raw]),
          request.inputs.map((input) => [...input.data]),
        );
        assert.deepEqual(
          decoded.outputs.map((output) => output.name),
          request.outputs.map((output) => output.name),
        );
      }),
    );
  });

  it('carry large tensors as the very bytes that were given, without a copy', () => {
    const data = new Uint8Array(40_000);
    const small = new Uint8Array(8);
    const input = (name: string, bytes: Uint8Array) => ({
      name,
      datatype: 'UINT8' as const,
      shape: [bytes.length],
      parameters: new Map(),
      data: bytes,
    });
    const chunks = encodeInferRequest({
      modelName: 'm',
      modelVersion: '',
      id: '',
      parameters: new Map(),
      inputs: [input('a', data), input('b', small), input('c', data)],
      outputs: [],
    });
    assert.equal(chunks.filter((chunk) => chunk === data).length, 2);
    assert.equal(chunks.length, 4);
    const back = decodeInferRequest(Buffer.concat(chunks));
    assert.deepEqual(
      back.inputs.map(({ data: bytes }) => bytes.length),
      [40_000, 8, 40_000],
    );
  });

  it('accept typed contents of every datatype, packed, and give raw bytes', () => {
    const cases: readonly [Datatype, MessageInitShape<typeof InferTensorContentsSchema>, ArrayBufferView][] = [
      ['BOOL', { boolContents: [true, false] }, Uint8Array.of(1, 0)],
      ['INT8', { intContents: [-1, 127] }, Int8Array.of(-1, 127)],
      ['INT16', { intContents: [-2, 32767] }, Int16Array.of(-2, 32767)],
      ['INT32', { intContents: [-(2 ** 31), 5] }, Int32Array.of(-(2 ** 31), 5)],
      ['INT64', { int64Contents: [-(2n ** 63n), 2n ** 53n + 1n] }, BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n)],
      ['UINT8', { uintContents: [0, 255] }, Uint8Array.of(0, 255)],
      ['UINT16', { uintContents: [1, 65535] }, Uint16Array.of(1, 65535)],
      ['UINT32', { uintContents: [1, 2 ** 32 - 1] }, Uint32Array.of(1, 2 ** 32 - 1)],
      ['UINT64', { uint64Contents: [1n, 2n ** 64n - 1n] }, BigUint64Array.of(1n, 2n ** 64n - 1n)],
      ['FP32', { fp32Contents: [0.5, Number.NaN] }, Float32Array.of(0.5, Number.NaN)],
      ['FP64', { fp64Contents: [0.1, -0] }, Float64Array.of(0.1, -0)],
      ['BYTES', { bytesContents: [Uint8Array.of(65), new Uint8Array(0)] }, Uint8Array.of(1, 0, 0, 0, 65, 0, 0, 0, 0)],
    ];
    for (const [type, contents, expected] of cases) {
      const { outputs } = decodeInferResponse(answer({ outputs: [{ name: 'y', datatype: type, shape: [2n], contents }] }));
      const raw = new Uint8Array(expected.buffer, expected.byteOffset, expected.byteLength);
      assert.deepEqual(Buffer.from(outputs[0]?.data ?? []), Buffer.from(raw), type);
    }
  });

  it('accept typed contents and shapes one by one, or in several packed pieces', () => {
    // output: datatype INT64, shape 2 and 2 unpacked; contents: int64 7 unpacked, [1,300] packed, 9 unpacked
    const contents = [0x18, 7, 0x1a, 3, 1, 0xac, 2, 0x18, 9];
    const output = [0x0a, 1, 0x79, 0x12, 5, ...Buffer.from('INT64'), 0x18, 2, 0x18, 2, 0x2a, contents.length, ...contents];
    const { outputs } = decodeInferResponse(Uint8Array.from([0x2a, output.length, ...output]));
    assert.deepEqual(outputs[0]?.shape, [2, 2]);
    assert.deepEqual([...new BigInt64Array((outputs[0]?.data ?? new Uint8Array(0)).slice().buffer)], [7n, 1n, 300n, 9n]);
    // FP32 one by one: tag (6 << 3) | 5
    const floats = [0x35, 0, 0, 0x80, 0x3f, 0x35, 0, 0, 0, 0x40];
    const fp32 = [0x12, 4, ...Buffer.from('FP32'), 0x18, 2, 0x2a, floats.length, ...floats];
    const read = decodeInferResponse(Uint8Array.from([0x2a, fp32.length, ...fp32]));
    assert.deepEqual([...new Float32Array((read.outputs[0]?.data ?? new Uint8Array(0)).slice().buffer)], [1, 2]);
  });

  it('14, 15: are refused where they break the rules of raw and typed contents (spec `kserve.md` §6.5)', () => {
    const y = { name: 'y', datatype: 'INT8', shape: [2n] };
    const cases: readonly [MessageInitShape<typeof ModelInferResponseSchema>, RegExp][] = [
      [
        { outputs: [y], rawOutputContents: [new Uint8Array(2), new Uint8Array(2)] },
        /1 outputs, but 2 raw_output_contents; there must be one for each/,
      ],
      [
        { outputs: [{ ...y, contents: { intContents: [1, 2] } }], rawOutputContents: [new Uint8Array(2)] },
        /typed contents beside raw_output_contents/,
      ],
      [{ outputs: [y], rawOutputContents: [new Uint8Array(3)] }, /output "y": INT8 of shape \[2\] needs 2 bytes, got 3/],
      [
        { outputs: [{ ...y, contents: { fp32Contents: [1, 2] } }] },
        /output "y": fp32_contents carries no INT8; expected int_contents/,
      ],
      [{ outputs: [{ ...y, contents: { intContents: [1, 128] } }] }, /output "y": 128 does not fit in INT8/],
      [{ outputs: [{ ...y, contents: { intContents: [1] } }] }, /needs 2 bytes, got 1/],
      [{ outputs: [{ ...y, datatype: 'FP16' }] }, /FP16 travels in raw_output_contents only/],
      [{ outputs: [{ ...y, datatype: 'FLOAT' }] }, /unknown datatype "FLOAT"/],
      [{ outputs: [{ ...y, shape: [-1n] }] }, /must hold non-negative integers only/],
      [{ outputs: [y, y], rawOutputContents: [new Uint8Array(2), new Uint8Array(2)] }, /output "y" is given twice/],
    ];
    for (const [init, message] of cases) {
      const text = refusal(() => decodeInferResponse(answer(init)));
      assert.match(text, message);
      assert.match(text, /^internal: /, 'an answer that breaks the protocol is not the caller’s fault');
    }
    const twice = { inputs: [y, y], rawInputContents: [new Uint8Array(2), new Uint8Array(2)] };
    const request = toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, twice));
    assert.match(
      refusal(() => decodeInferRequest(request)),
      /^invalid-argument: input "y" is given twice/,
    );
  });

  it('ignore unknown fields and tolerate a parameter without a choice', () => {
    const response = answer({
      modelName: 'm',
      parameters: { none: {}, some: { parameterChoice: { case: 'uint64Param', value: 2n ** 64n - 1n } } },
    });
    const unknown = Uint8Array.from([
      0x98, 0x06, 1, 0x9a, 0x06, 1, 0, 0x9d, 0x06, 0, 0, 0, 0, 0x99, 0x06, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    const { parameters: read } = decodeInferResponse(Buffer.concat([unknown, response, unknown]));
    assert.deepEqual([...read].sort(), [
      ['none', null],
      ['some', 2n ** 64n - 1n],
    ]);
  });

  it('that are arbitrary or damaged bytes end in a value or a MeshError', () => {
    const whole = Buffer.concat(
      encodeInferRequest({
        modelName: 'model',
        modelVersion: '1',
        id: 'i',
        parameters: new Map([['k', 1n]]),
        inputs: [
          { name: 'x', datatype: 'BYTES', shape: [1], parameters: new Map([['d', 1.5]]), data: Uint8Array.of(1, 0, 0, 0, 65) },
        ],
        outputs: [],
      }),
    );
    const damaged = fc.tuple(fc.nat(whole.length - 1), fc.nat(255)).map(([at, byte]) => {
      const bytes = Buffer.from(whole);
      bytes[at] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          damaged,
          fc.nat(whole.length).map((end) => whole.subarray(0, end)),
        ),
        (bytes) => {
          assert.match(
            refusal(() => decodeInferRequest(bytes)),
            /^(accepted$|invalid-argument: )/,
          );
          assert.match(
            refusal(() => decodeInferResponse(bytes)),
            /^(accepted$|internal: )/,
          );
          assert.match(
            refusal(() => decodeModelMetadata(bytes)),
            /^(accepted$|internal: )/,
          );
          assert.match(
            refusal(() => decodeStreamInferResponse(bytes)),
            /^(accepted$|internal: )/,
          );
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('hold at most 1024 tensors and parameters', () => {
    const many = Array.from({ length: 1025 }, (_, i) => ({ name: `y${i}`, datatype: 'INT8', shape: [0n] }));
    assert.match(
      refusal(() => decodeInferResponse(answer({ outputs: many }))),
      /more than 1024 tensors/,
    );
    const crowded = Object.fromEntries(many.map(({ name }) => [name, {}]));
    assert.match(
      refusal(() => decodeInferResponse(answer({ parameters: crowded }))),
      /more than 1024 parameters/,
    );
  });
});

describe('metadata and stream messages', () => {
  it('are read as generated code writes them', () => {
    const init = {
      name: 'm',
      versions: ['1', '2'],
      platform: 'onnx_onnxv1',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1n, 4n] }],
      outputs: [{ name: 'y', datatype: 'INT64', shape: [-1n] }],
      properties: { k: 'v' },
    };
    const metadata = decodeModelMetadata(toBinary(ModelMetadataResponseSchema, create(ModelMetadataResponseSchema, init)));
    assert.deepEqual(metadata, {
      ...init,
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
      outputs: [{ name: 'y', datatype: 'INT64', shape: [-1] }],
      properties: new Map([['k', 'v']]),
    });
  });

  it('of a stream are an answer or an error', () => {
    const bytes = (init: MessageInitShape<typeof ModelStreamInferResponseSchema>): Uint8Array =>
      toBinary(ModelStreamInferResponseSchema, create(ModelStreamInferResponseSchema, init));
    assert.deepEqual(decodeStreamInferResponse(bytes({ errorMessage: 'no' })), { kind: 'error', message: 'no' });
    const read = decodeStreamInferResponse(bytes({ inferResponse: { id: '7' } }));
    assert.equal(read.kind === 'answer' && read.response.id, '7');
  });
});

/** Plain numbers in place of views, so that equality is of contents. */
function normal(request: InferRequest): unknown {
  const inputs = request.inputs.map((input) => ({ ...input, data: [...input.data] }));
  return { ...request, inputs, outputs: request.outputs.map((output) => ({ ...output })) };
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeInferRequest, decodeInferResponse, encodeInferRequest, encodeInferResponse } from '../proto/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { encodeRestInferResponse, PLAIN_ANSWER } from './index.ts';
import { ask, dataOf, refusal, refused, response, tell, tensor, textOf, x } from './testing/asking.ts';

describe('a V2 infer request', () => {
  it('becomes a ModelInferRequest with raw contents', () => {
    const { request } = ask({
      id: '42',
      parameters: { p: 1, q: 1.5 },
      inputs: [x],
      outputs: [{ name: 'y', parameters: { classification: 3 } }],
    });
    const read = decodeInferRequest(Buffer.concat(encodeInferRequest(request)));
    assert.equal(read.modelName, 'm');
    assert.equal(read.id, '42');
    assert.deepEqual(
      read.parameters,
      new Map<string, unknown>([
        ['p', 1n],
        ['q', 1.5],
      ]),
    );
    assert.deepEqual(
      read.inputs.map(({ name, datatype, shape, data }) => ({ name, datatype, shape, data: [...data] })),
      [x],
    );
    assert.deepEqual(read.outputs, [{ name: 'y', parameters: new Map([['classification', 3n]]) }]);
  });

  it('means the same whatever the order of its members, data before its datatype too', () => {
    const members = Object.entries({ ...x, shape: [2, 1], data: [[1], [2]], parameters: { a: true } });
    fc.assert(
      fc.property(fc.shuffledSubarray(members, { minLength: members.length }), (shuffled) => {
        const asked = ask({ inputs: [Object.fromEntries(shuffled)] });
        assert.deepEqual(dataOf(asked), [1, 2]);
        assert.deepEqual(asked.request.inputs[0]?.shape, [2, 1]);
      }),
    );
    const late = ask('{"inputs":[{"data":[NaN,-Infinity,Infinity,1],"name":"x","shape":[4],"datatype":"FP64"}]}').request
      .inputs[0];
    assert.deepEqual([...new Float64Array((late?.data ?? new Uint8Array(0)).slice().buffer)], [NaN, -Infinity, Infinity, 1]);
    assert.match(refused('{"inputs":[{"data":[1,],"name":"x"}]}'), /column 23: unexpected "]", expected a value/);
    assert.match(refused('{"inputs":[],"more":NaN}'), /unexpected "N", expected a value/);
  });

  it('ignores unknown members and takes null for absent ones', () => {
    const asked = ask({
      model_name: 'other',
      id: null,
      parameters: null,
      outputs: null,
      inputs: [{ ...x, parameters: null, extra: [{}] }],
      z: {},
    });
    assert.deepEqual(asked.request.id, '');
    assert.deepEqual(asked.answer, PLAIN_ANSWER);
  });

  it('says what is missing or of a wrong type', () => {
    assert.equal(refused({}), 'invalid-argument: the request has no "inputs"');
    assert.match(refused([]), /unexpected "\[", expected the request as an object/);
    assert.match(refused({ inputs: {} }), /expected inputs as an array/);
    assert.match(refused({ inputs: [{ ...x, name: undefined }] }), /inputs\[0\] has no "name"/);
    assert.match(refused({ inputs: [{ ...x, datatype: undefined }] }), /input "x" has no "datatype"/);
    assert.match(refused({ inputs: [{ ...x, shape: undefined }] }), /input "x" has no "shape"/);
    assert.match(refused({ inputs: [{ ...x, data: undefined }] }), /input "x" has neither "data" nor binary_data_size/);
    assert.match(refused({ inputs: [{ ...x, data: null }] }), /input "x" has neither "data" nor binary_data_size/);
    assert.match(
      refused({ inputs: [{ ...x, datatype: 'float' }] }),
      /input "x": unknown datatype "float"; expected one of BOOL, UINT8/,
    );
    assert.match(refused({ inputs: [{ ...x, shape: ['2'] }] }), /expected input "x": shape as an array of integers/);
    assert.match(refused({ inputs: [{ ...x, shape: [1.5] }] }), /shape \[1\.5\] must hold non-negative integers only/);
    assert.match(refused({ id: 7, inputs: [] }), /expected id as a string/);
    assert.match(refused({ inputs: [x], outputs: [{}] }), /outputs\[0\] has no "name"/);
    assert.match(
      refused({ inputs: [x], parameters: { p: [] } }),
      /expected the request: parameter "p" as a string, number or boolean/,
    );
    assert.match(
      refused('{"inputs": [], "parameters": {"p": 18446744073709551616}}'),
      /parameter "p": 18446744073709551616 does not fit in 64 bits/,
    );
    assert.match(refused('{"inputs": [], "parameters": {"p": 1e999}}'), /parameter "p": 1e999 is beyond the range of a double/);
  });

  it('takes BYTES as base64 where content_type says so, as ModelMesh’s proxy did', () => {
    const bytes = { name: 'x', datatype: 'BYTES', shape: [2], data: ['AP8=', 'QQ'], parameters: { content_type: 'base64' } };
    const asked = ask({ inputs: [bytes] });
    assert.deepEqual(dataOf(asked), [2, 0, 0, 0, 0, 255, 1, 0, 0, 0, 65]);
    assert.match(refused({ inputs: [{ ...bytes, data: ['AP8=', '?'] }] }), /element 1 of its data is not base64/);
  });

  it('answers arbitrary bytes and headers with a value or a MeshError', () => {
    const text = JSON.stringify({ id: 'i', inputs: [{ ...x, parameters: { a: 1 } }], outputs: [{ name: 'y' }] });
    const damaged = fc
      .tuple(fc.nat(text.length - 1), fc.string({ maxLength: 3 }))
      .map(([at, put]) => Buffer.from(text.slice(0, at) + put + text.slice(at + 1)));
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 50 }), damaged),
        fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
        (body, headerLength) => {
          assert.match(
            refusal(() => ask(body, { headerLength })),
            /^(accepted$|invalid-argument: )/,
          );
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('stops at its limits', () => {
    const limits = { bytesMax: 1000, depthMax: 8, elementsMax: 50 };
    assert.match(
      refused({ inputs: [{ ...x, shape: [500], data: Array(500).fill(1) }] }, { limits }),
      /^too-large: JSON body of \d+ bytes/,
    );
    assert.match(
      refused({ inputs: [{ ...x, shape: [60], data: Array(60).fill(1) }] }, { limits }),
      /^too-large: .* more than 50 array elements/,
    );
    assert.match(refused(`{"inputs": [${'{},'.repeat(1024)}{}]}`), /has no "name"/);
    const many = Array.from({ length: 1025 }, (_, i) => ({ ...x, name: `x${i}` }));
    assert.match(refused({ inputs: many }), /more than 1024 inputs/);
    const crowded = Object.fromEntries(many.map(({ name }) => [name, 1]));
    assert.match(refused({ inputs: [{ ...x, parameters: crowded }] }), /input "x": more than 1024 parameters/);
    assert.match(refused({ inputs: [x], outputs: many }), /more than 1024 outputs/);
  });
});

describe('a V2 infer response', () => {
  it('carries the name asked for, version, id, parameters and flat data in this order', () => {
    const body = encodeRestInferResponse(
      response([tensor('y', 'INT64', [1, 2], BigInt64Array.of(8n, 2n ** 60n + 1n))], {
        modelVersion: '3',
        parameters: new Map<string, string | bigint | number | boolean | null>([
          ['s', 'é"'],
          ['i', 12345n],
          ['d', 1],
          ['b', false],
          ['n', null],
        ]),
      }),
      { modelName: 'm', id: 'foo', answer: PLAIN_ANSWER },
    );
    assert.equal(
      textOf(body),
      '{"model_name":"m","model_version":"3","id":"foo","parameters":{"s":"é\\"","i":12345,"d":1.0,"b":false,"n":null},' +
        '"outputs":[{"name":"y","datatype":"INT64","shape":[1,2],"data":[8,1152921504606846977]}]}',
    );
    assert.equal(body.contentType, 'application/json');
    assert.equal(body.headerLength, undefined);
    assert.equal(body.byteLength, Buffer.byteLength(textOf(body)));
  });

  it('selects and orders the outputs that were asked for', () => {
    const outputs = ['a', 'b', 'c'].map((name) => tensor(name, 'INT8', [1], [1]));
    const answer = {
      binaryByDefault: false,
      outputs: [
        { name: 'c', binary: false },
        { name: 'a', binary: false },
      ],
    };
    const { outputs: told } = JSON.parse(textOf(tell(outputs, { answer })));
    assert.deepEqual(
      told.map(({ name }: Tensor) => name),
      ['c', 'a'],
    );
  });

  it('gives back what a request brought, for every JSON form', () => {
    const inputs = [
      { name: 'a', datatype: 'FP32', shape: [2, 2], data: [0.1, -1.5, 1e-7, 3] },
      { name: 'b', datatype: 'BYTES', shape: [2], data: ['é\n"\\', ''] },
      { name: 'c', datatype: 'BOOL', shape: [2], data: [true, false] },
      { name: 'd', datatype: 'UINT16', shape: [1], data: [65535] },
    ];
    const { request } = ask({ inputs });
    const back = decodeInferResponse(Buffer.concat(encodeInferResponse(response([...request.inputs]))));
    assert.deepEqual(JSON.parse(textOf(tell([...back.outputs]))).outputs, inputs);
  });

  it('comes in chunks when it is large, and is whole', () => {
    const floats = Float32Array.from({ length: 64_000 }, (_, i) => Math.fround(i / 7));
    const body = tell([tensor('y', 'FP32', [64, 1000], floats)]);
    assert.ok(body.chunks.length > 5 && body.chunks.every((chunk) => chunk.length <= 65_536));
    assert.deepEqual(Float32Array.from(JSON.parse(textOf(body)).outputs[0].data), floats);
  });
});

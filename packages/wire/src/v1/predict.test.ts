import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError } from '@modelmesh/core';
import fc from 'fast-check';
import type { Datatype, InferResponse, ModelMetadata, Tensor } from '../oip/index.ts';
import { decodePredictRequest, encodePredictResponse, modelListBody, modelStatusBody, type PredictRequest } from './index.ts';

const declare = (...inputs: [string, string, number[]][]): ModelMetadata => ({
  name: 'm',
  versions: [],
  platform: 'onnx_onnxv1',
  inputs: inputs.map(([name, datatype, shape]) => ({ name, datatype, shape })),
  outputs: [],
  properties: new Map(),
});
const IRIS = declare(['X', 'FP32', [-1, 4]]);
const TEXT = declare(['text', 'BYTES', [-1, 1]]);
const TWO = declare(['a', 'INT8', [-1, 2]], ['b', 'BYTES', [-1]]);

const ask = (body: unknown, metadata = IRIS): PredictRequest =>
  decodePredictRequest(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), { modelName: 'm', metadata });
const refused = (body: unknown, metadata?: ModelMetadata): string => {
  try {
    ask(body, metadata);
  } catch (error) {
    assert.ok(error instanceof MeshError, String(error));
    return `${error.kind}: ${error.message}`;
  }
  return 'accepted';
};
const summary = ({ request }: PredictRequest): unknown =>
  request.inputs.map(({ name, datatype, shape, data }) => [name, datatype, shape, [...data]]);
const bytes = (...texts: string[]): number[] => texts.flatMap((text) => [text.length, 0, 0, 0, ...Buffer.from(text)]);

describe('a V1 predict request', () => {
  it('of one input stacks instances along dimension 0', () => {
    const asked = ask({
      instances: [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
      signature_name: 'serving_default',
    });
    assert.deepEqual(asked.request.inputs[0]?.shape, [2, 4]);
    assert.deepEqual(
      [...new Float32Array((asked.request.inputs[0]?.data ?? new Uint8Array(0)).slice().buffer)],
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
    assert.equal(asked.form, 'row');
  });

  it('of one input also takes objects by its name', () => {
    assert.deepEqual(summary(ask({ instances: [{ X: [1, 2, 3, 4] }] })), summary(ask({ instances: [[1, 2, 3, 4]] })));
  });

  it('may leave out trailing dimensions that are declared as 1', () => {
    assert.deepEqual(summary(ask({ instances: ['a', 'bc'] }, TEXT)), [['text', 'BYTES', [2, 1], bytes('a', 'bc')]]);
    assert.deepEqual(summary(ask({ instances: [['a'], ['bc']] }, TEXT)), [['text', 'BYTES', [2, 1], bytes('a', 'bc')]]);
    assert.deepEqual(summary(ask({ inputs: 7 }, declare(['n', 'INT8', [1]]))), [['n', 'INT8', [1], [7]]]);
  });

  it('of several inputs takes objects by name, or columns', () => {
    const expected = [
      ['a', 'INT8', [2, 2], [1, 2, 3, 4]],
      ['b', 'BYTES', [2], bytes('x', 'y')],
    ];
    assert.deepEqual(
      summary(
        ask(
          {
            instances: [
              { a: [1, 2], b: 'x' },
              { b: 'y', a: [3, 4] },
            ],
          },
          TWO,
        ),
      ),
      expected,
    );
    const columnar = ask(
      {
        inputs: {
          b: ['x', 'y'],
          a: [
            [1, 2],
            [3, 4],
          ],
        },
      },
      TWO,
    );
    assert.deepEqual(summary(columnar), expected);
    assert.equal(columnar.form, 'columnar');
    assert.deepEqual(summary(ask({ inputs: [[1, 2, 3, 4]] })), summary(ask({ inputs: { X: [[1, 2, 3, 4]] } })));
  });

  it('takes {"b64"} for BYTES, wherever an element may stand', () => {
    const expected = [['text', 'BYTES', [2, 1], [2, 0, 0, 0, 0, 255, 1, 0, 0, 0, 97]]];
    assert.deepEqual(summary(ask({ instances: [{ b64: 'AP8=' }, 'a'] }, TEXT)), expected);
    assert.deepEqual(summary(ask({ instances: [{ text: { b64: 'AP8=' } }, { text: ['a'] }].slice(0, 1) }, TEXT)), [
      ['text', 'BYTES', [1, 1], [2, 0, 0, 0, 0, 255]],
    ]);
    assert.deepEqual(summary(ask({ inputs: [[{ b64: 'AP8=' }], ['a']] }, TEXT)), expected);
    assert.deepEqual(summary(ask({ inputs: { b64: 'AA==' } }, declare(['t', 'BYTES', [1]]))), [
      ['t', 'BYTES', [1], [1, 0, 0, 0, 0]],
    ]);
    assert.match(refused({ instances: [{ b64: '!' }] }, TEXT), /the text of "b64" is not base64/);
    assert.match(refused({ instances: [{ b64: 'AA==', x: 'y' }] }, TEXT), /the only object is \{"b64": "<base64>"\}/);
    assert.match(refused({ instances: [[{ b64: 'AA==' }, 1, 2, 3]] }), /is not a number/);
  });

  it('says what is wrong in the words of the protocol', () => {
    assert.equal(refused({ instances: {} }), 'invalid-argument: Expected "instances" to be a list');
    assert.equal(refused({ instances: 'text' }, TEXT), 'invalid-argument: Expected "instances" to be a list');
    assert.match(
      refused('{"instances": [1,'),
      /^invalid-argument: Unrecognized request format: invalid JSON at line 1, column 18: unexpected end/,
    );
    assert.match(refused('{"instances": '), /^invalid-argument: Unrecognized request format: /);
    assert.equal(refused({}), 'invalid-argument: the request has neither "instances" nor "inputs"');
    assert.equal(
      refused({ instances: [[1, 2, 3, 4]], inputs: [] }),
      'invalid-argument: the request has both "instances" and "inputs"; give one of them',
    );
  });

  it('is refused with the names of the inputs where its form is ambiguous', () => {
    const names = /"a" INT8 \[-1,2\], "b" BYTES \[-1\]$/;
    assert.match(refused({ instances: [[1, 2]] }, TWO), /instances\[0\] must be an object with a value for each input: .*/);
    for (const body of [
      { instances: [[1, 2]] },
      { inputs: [[1, 2]] },
      { instances: [] },
      { instances: [{ a: [1, 2] }] },
      { inputs: { b: [] } },
      { instances: [{ z: 1 }] },
    ]) {
      assert.match(refused(body, TWO), names);
    }
    assert.match(refused({ instances: [{ a: [1, 2], b: 'x' }, { a: [1, 2] }] }, TWO), /input "b" is given in 1 of 2 instances/);
  });

  it('is refused where shapes do not fit, naming input and both shapes', () => {
    assert.equal(
      refused({ instances: [[1, 2, 3]] }),
      'invalid-argument: input "X": data of shape [1,3] does not fit the declared shape [-1,4]',
    );
    assert.match(refused({ instances: [1, 2, 3, 4] }), /data of shape \[4\] does not fit the declared shape \[-1,4\]/);
    assert.match(refused({ instances: [[[1, 2, 3, 4]]] }), /data of shape \[1,1,4\] does not fit/);
    assert.match(
      refused({
        instances: [
          [1, 2, 3, 4],
          [1, 2, 3],
        ],
      }),
      /input "X": ragged data/,
    );
    assert.match(
      refused(
        {
          instances: [
            { a: [1, 2], b: 'x' },
            { a: [1], b: 'y' },
          ],
        },
        TWO,
      ),
      /input "a": ragged data/,
    );
    assert.match(refused({ instances: [['a', 2, 3, 4]] }), /input "X": element 0 of its data: "a" is not a number/);
    assert.match(refused({ instances: [[1, 2, 3, 4]] }, declare(['X', 'FP16', [-1, 4]])), /FP16 has no JSON form/);
    assert.match(
      refused({ instances: [[1]] }, declare()),
      /its inputs are not declared, so values have no type; use the V2 protocol/,
    );
  });

  it('that is arbitrary ends in a request or a MeshError', () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const body = fc.record(
      { instances: fc.oneof(value, fc.array(fc.record({ a: value, b: value }))), inputs: value },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          body.map((object) => JSON.stringify(object)),
        ),
        fc.constantFrom(IRIS, TEXT, TWO),
        (text, metadata) => {
          assert.match(refused(text, metadata), /^(accepted$|invalid-argument: )/);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('a V1 answer', () => {
  const output = (name: string, datatype: Datatype, shape: number[], data: number[]): Tensor => ({
    name,
    datatype,
    shape,
    parameters: new Map(),
    data: Uint8Array.from(data),
  });
  const tell = (form: 'row' | 'columnar', ...outputs: Tensor[]): string => {
    const response: InferResponse = { modelName: 'k', modelVersion: '', id: '', parameters: new Map(), outputs };
    return Buffer.concat(encodePredictResponse(response, form)).toString();
  };
  const label = output('label', 'INT8', [2], [1, 2]);
  const scores = output('scores', 'UINT8', [2, 3], [1, 2, 3, 4, 5, 6]);

  it('of one output is a list of its rows', () => {
    assert.equal(tell('row', label), '{"predictions":[1,2]}');
    assert.equal(tell('row', scores), '{"predictions":[[1,2,3],[4,5,6]]}');
    assert.equal(tell('row', output('e', 'FP32', [0, 3], [])), '{"predictions":[]}');
  });

  it('of several outputs is a list of objects by name', () => {
    assert.equal(tell('row', label, scores), '{"predictions":[{"label":1,"scores":[1,2,3]},{"label":2,"scores":[4,5,6]}]}');
  });

  it('in columnar form is the output, or outputs by name', () => {
    assert.equal(tell('columnar', scores), '{"outputs":[[1,2,3],[4,5,6]]}');
    assert.equal(tell('columnar', label, scores), '{"outputs":{"label":[1,2],"scores":[[1,2,3],[4,5,6]]}}');
    assert.equal(tell('columnar', output('s', 'INT8', [], [3])), '{"outputs":3}');
  });

  it('carries BYTES that are not UTF-8 as b64', () => {
    assert.equal(
      tell('row', output('t', 'BYTES', [2], [1, 0, 0, 0, 97, 2, 0, 0, 0, 0, 255])),
      '{"predictions":["a",{"b64":"AP8="}]}',
    );
  });

  it('in row form needs rows', () => {
    assert.throws(
      () => tell('row', label, output('s', 'INT8', [3], [1, 2, 3])),
      /do not share a first dimension, so there are no rows: "label" \[2\], "s" \[3\]; ask in columnar form/,
    );
    assert.throws(() => tell('row', output('s', 'INT8', [], [3])), /there are no rows: "s" \[\]/);
    assert.throws(() => tell('row', output('h', 'FP16', [1], [0, 0])), /FP16 has no JSON form/);
  });
});

describe('V1 lists and status', () => {
  it('have their fixed bodies', () => {
    assert.equal(Buffer.from(modelListBody(['a', 'b'])).toString(), '{"models":["a","b"]}');
    assert.equal(Buffer.from(modelStatusBody('a', false)).toString(), '{"name":"a","ready":false}');
  });
});

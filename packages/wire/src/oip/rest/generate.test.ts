import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError } from '@modelmesh/core';
import fc from 'fast-check';
import type { InferRequest, InferResponse, TensorMetadata } from '../proto/index.ts';
import type { Datatype, Tensor } from '../tensor/index.ts';
import { decodeGenerateRequest, encodeGenerateResponse, serverSentError, serverSentEvent } from './index.ts';

const declare = (...inputs: [string, string, number[]][]): TensorMetadata[] =>
  inputs.map(([name, datatype, shape]) => ({ name, datatype, shape }));
const LLM = declare(
  ['text_input', 'BYTES', [-1, 1]],
  ['max_tokens', 'INT32', [1, 1]],
  ['stop', 'BYTES', [-1]],
  ['temperature', 'FP32', [1]],
);

const ask = (body: unknown, inputs: readonly TensorMetadata[] = LLM): InferRequest =>
  decodeGenerateRequest(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), { modelName: 'm', inputs });
const refused = (body: unknown, inputs?: readonly TensorMetadata[]): string => {
  try {
    ask(body, inputs);
  } catch (error) {
    assert.ok(error instanceof MeshError, String(error));
    return error.message;
  }
  return 'accepted';
};
const summary = ({ inputs }: InferRequest): unknown =>
  inputs.map(({ name, datatype, shape, data }) => [name, datatype, shape, [...data]]);

describe('a generate request', () => {
  it('of a model whose signature is unknown has a prompt of shape [1] and parameters', () => {
    const request = ask(
      { id: '7', text_input: 'hé', stream: false, parameters: { temperature: 0.5, max_tokens: 20, user: 'u' } },
      [],
    );
    assert.deepEqual(summary(request), [['text_input', 'BYTES', [1], [3, 0, 0, 0, 0x68, 0xc3, 0xa9]]]);
    assert.deepEqual(
      request.parameters,
      new Map<string, unknown>([
        ['stream', false],
        ['temperature', 0.5],
        ['max_tokens', 20n],
        ['user', 'u'],
      ]),
    );
    assert.equal(request.id, '7');
  });

  it('sends to declared inputs what carries their name, in the declared datatype and rank, else parameters', () => {
    const request = ask({ text_input: 'a', max_tokens: 5, parameters: { stop: ['x', 'y'], temperature: 1, seed: 3 } });
    assert.deepEqual(summary(request), [
      ['text_input', 'BYTES', [1, 1], [1, 0, 0, 0, 97]],
      ['max_tokens', 'INT32', [1, 1], [5, 0, 0, 0]],
      ['stop', 'BYTES', [2], [1, 0, 0, 0, 120, 1, 0, 0, 0, 121]],
      ['temperature', 'FP32', [1], [0, 0, 128, 63]],
    ]);
    assert.deepEqual(request.parameters, new Map([['seed', 3n]]));
  });

  it('gives a list the last variable dimension, and keeps a form that fits', () => {
    const shapeOf = (declared: number[], value: unknown): readonly number[] | undefined =>
      ask({ text_input: 'a', v: value }, [...LLM, ...declare(['v', 'INT8', declared])]).inputs[1]?.shape;
    assert.deepEqual(shapeOf([-1, -1], [1, 2, 3]), [1, 3]);
    assert.deepEqual(shapeOf([-1, 3], [1, 2, 3]), [1, 3]);
    assert.deepEqual(
      shapeOf(
        [-1, 2],
        [
          [1, 2],
          [3, 4],
        ],
      ),
      [2, 2],
    );
    assert.deepEqual(shapeOf([], 4), []);
    assert.match(
      refused({ text_input: 'a', max_tokens: [1, 2] }),
      /input "max_tokens": 2 values do not fit the declared shape \[1,1\]/,
    );
  });

  it('is refused where it cannot mean anything', () => {
    assert.equal(refused({}), 'the request has no "text_input"');
    assert.equal(refused({}, []), 'the request has no "text_input"');
    assert.match(
      refused({ text_input: 'a' }, declare(['x', 'FP32', [1]])),
      /the model has no input "text_input", so it cannot generate; its inputs are "x"/,
    );
    assert.match(refused({ text_input: 5 }), /input "text_input": element 0 of its data: 5 is not a string/);
    assert.match(refused({ text_input: 'a', other: [1] }), /"other" is no input of the model, and a parameter must be/);
    assert.match(refused({ text_input: 'a', k: 1, parameters: { k: 2 } }), /"k" is given twice, beside and within "parameters"/);
    assert.match(refused({ text_input: 'a', max_tokens: 2.5 }), /2\.5 is not an integer/);
    assert.match(refused('{"text_input": "a"'), /invalid JSON at line 1, column 19/);
    assert.match(
      refused({ text_input: 'a', parameters: Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [`k${i}`, 1])) }),
      /more than 1024/,
    );
  });

  it('that is arbitrary ends in a request or a MeshError', () => {
    const key = fc.constantFrom('text_input', 'max_tokens', 'stop', 'parameters', 'id', 'other');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.dictionary(key, fc.jsonValue({ maxDepth: 2 })).map((body) => JSON.stringify(body)),
        ),
        (text) => {
          refused(text);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('a generate response', () => {
  const output = (name: string, datatype: Datatype, shape: number[], data: number[]): Tensor => ({
    name,
    datatype,
    shape,
    parameters: new Map(),
    data: Uint8Array.from(data),
  });
  const answer = (outputs: Tensor[]): InferResponse => ({
    modelName: 'k',
    modelVersion: '1',
    id: '',
    parameters: new Map([['final', true]]),
    outputs,
  });

  it('is flat: single elements bare, others as lists, parameters beside them', () => {
    const json = encodeGenerateResponse(
      answer([output('text_output', 'BYTES', [1, 1], [2, 0, 0, 0, 104, 105]), output('scores', 'INT8', [2], [1, 2])]),
      { modelName: 'm', id: '7' },
    );
    assert.equal(
      Buffer.concat(json).toString(),
      '{"model_name":"m","model_version":"1","id":"7","text_output":"hi","scores":[1,2],"final":true}',
    );
  });

  it('never repeats a key', () => {
    const json = encodeGenerateResponse(answer([output('final', 'INT8', [1], [1]), output('model_name', 'INT8', [1], [2])]), {
      modelName: 'm',
    });
    assert.equal(Buffer.concat(json).toString(), '{"model_name":"m","model_version":"1","final":1}');
  });

  it('33: streams as server-sent events, errors in-band', () => {
    const text = (chunks: Uint8Array[]): string => Buffer.concat(chunks).toString();
    const json = encodeGenerateResponse(answer([output('text_output', 'BYTES', [1], [2, 0, 0, 0, 10, 13])]), { modelName: 'm' });
    assert.equal(
      text(serverSentEvent(json)),
      'data: {"model_name":"m","model_version":"1","text_output":"\\u000a\\u000d","final":true}\n\n',
    );
    assert.equal(text(serverSentError('line\nfeed')), 'data: {"error":"line\\nfeed"}\n\n');
  });
});

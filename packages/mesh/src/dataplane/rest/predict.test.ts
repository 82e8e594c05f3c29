import assert from 'node:assert/strict';
import { it } from 'node:test';
import { durationMs } from '@modelmesh/core';
import type { InferRequest, InferResponse } from '@modelmesh/wire/oip';
import { answerOf, echo, errorOf, jsonOf, overBoth, type RestRig, textOf200 } from './testing/index.ts';

/** Sums the rows of `x`. */
function rowSums({ inputs: [x] }: InferRequest): InferResponse {
  assert.ok(x !== undefined && x.datatype === 'FP32');
  const [rows = 0, columns = 0] = x.shape;
  const view = new DataView(x.data.buffer, x.data.byteOffset, x.data.byteLength);
  const sums = new Float32Array(rows);
  for (let at = 0; at < rows * columns; at += 1) {
    const row = Math.floor(at / columns);
    sums[row] = (sums[row] ?? 0) + view.getFloat32(at * 4, true);
  }
  const data = new Uint8Array(sums.buffer);
  return answerOf({ name: 'sum', datatype: 'FP32', shape: [rows], parameters: new Map(), data });
}

const ROWS = [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }];
const PAIR = [
  { name: 'age', datatype: 'INT64', shape: [-1] },
  { name: 'name', datatype: 'BYTES', shape: [-1] },
];

async function prepare(rig: RestRig): Promise<void> {
  await rig.model('sums', { behaviour: { platform: 't_t', inputs: ROWS, infer: rowSums } });
  await rig.model('pair', { behaviour: { platform: 't_t', inputs: PAIR, infer: echo } });
  await rig.model('fam@1', { family: 'fam', version: '1', behaviour: { platform: 't_t', inputs: ROWS, infer: rowSums } });
  await rig.model('fam@2', { family: 'fam', version: '2', behaviour: { platform: 't_t', inputs: PAIR, infer: echo } });
  await rig.model('mute', { behaviour: { inputs: [], infer: echo } });
  await rig.model('untold', { behaviour: { platform: 't_t', inputs: [], infer: echo } });
}

overBoth('V1', {}, prepare, (on) => {
  const predict = (model: string, body: unknown) => on.post(`/v1/models/${model}:predict`, body);

  it('stacks the instances of a model with one input', async () => {
    const answer = await predict('sums', {
      instances: [
        [1, 2],
        [3, 4.5],
      ],
    });
    assert.equal(textOf200(answer), '{"predictions":[3,7.5]}');
  });

  it('takes the columnar form and answers in it', async () => {
    assert.equal(textOf200(await predict('sums', { inputs: [[1, 2]] })), '{"outputs":[3]}');
    assert.equal(
      textOf200(await predict('pair', { inputs: { age: [1, 2], name: ['a', 'b'] } })),
      '{"outputs":{"age":[1,2],"name":["a","b"]}}',
    );
  });

  it('takes objects where there are several inputs, and bytes as b64', async () => {
    const instances = [
      { age: 1, name: 'a' },
      { name: { b64: '//8=' }, age: '9007199254740993' },
    ];
    const exact = JSON.stringify({ instances }).replace('"9007199254740993"', '9007199254740993');
    assert.equal(
      textOf200(await predict('pair', exact)),
      '{"predictions":[{"age":1,"name":"a"},{"age":9007199254740993,"name":{"b64":"//8="}}]}',
    );
  });

  it('names the inputs where a request does not say which value is whose', async () => {
    assert.match(errorOf(await predict('pair', { instances: [1, 2] }), 400), /"age" INT64 \[-1\], "name" BYTES \[-1\]/);
    assert.match(errorOf(await predict('sums', { instances: [[1, 2, 3]] }), 400), /"x".*\[1,3\].*\[-1,2\]/);
    assert.match(errorOf(await predict('sums', { instances: 5 }), 400), /Expected "instances" to be a list/);
    assert.match(errorOf(await predict('sums', '{"instances":'), 400), /^Unrecognized request format: /);
  });

  it('cannot ask a model whose inputs nobody knows', async () => {
    assert.match(errorOf(await predict('untold', { instances: [1] }), 400), /V2 protocol/);
    assert.equal(errorOf(await predict('mute', { instances: [1] }), 501), 'no metadata here');
  });

  it('goes to a version that is named, and knows the inputs of each', async () => {
    const versioned = (version: string, body: unknown) => on.post(`/v1/models/fam/versions/${version}:predict`, body);
    assert.equal(textOf200(await versioned('1', { instances: [[1, 2]] })), '{"predictions":[3]}');
    assert.equal(textOf200(await versioned('2', { inputs: { age: [1], name: ['z'] } })), '{"outputs":{"age":[1],"name":["z"]}}');
    assert.match(errorOf(await versioned('3', { instances: [] }), 404), /version "3"/);
    on.rig.repository.states.set('fam@1', { state: 'STANDBY' });
    assert.equal(textOf200(await on.get('/v1/models/fam/versions/1')), '{"name":"fam","ready":true}');
  });

  it('tells a status', async () => {
    const { states } = on.rig.repository;
    states.set('sums', { state: 'STANDBY' });
    assert.equal(textOf200(await on.get('/v1/models/sums')), '{"name":"sums","ready":true}');
    states.set('sums', { state: 'UNAVAILABLE', reason: 'corrupt' });
    const failed = await on.get('/v1/models/sums');
    assert.match(errorOf(failed, 503), /corrupt/);
    assert.equal((jsonOf(failed) as { ready: boolean }).ready, false);
    errorOf(await on.get('/v1/models/unknown'), 404);
    errorOf(await on.post('/v1/models/sums:explain', '{}'), 404);
    errorOf(await on.get('/v1/models/sums:predict'), 405);
  });

  it('asks a copy for its metadata once, however many calls there are, and a new copy again', async () => {
    const { runtime } = on.rig;
    await on.rig.model('fresh', { cold: true, behaviour: { platform: 't_t', inputs: ROWS, infer: rowSums } });
    const asked = (): number =>
      runtime.seen.filter(({ method, headers }) => method === 'ModelMetadata' && headers.get('mm-model-id') === 'fresh').length;
    const many = await Promise.all(Array.from({ length: 20 }, () => predict('fresh', { instances: [[1, 1]] })));
    assert.ok(many.every(({ status }) => status === 200));
    assert.equal(asked(), 1);
    assert.equal(on.rig.located.filter((model) => model === 'fresh').length, 1);
    await predict('fresh', { instances: [[1, 1]] });
    assert.equal(asked(), 1);
    await on.rig.unload('fresh');
    await predict('fresh', { instances: [[1, 1]] });
    assert.equal(asked(), 2);
  });

  it('announces what is converted in one go: the body of the request, and the message of the answer', async () => {
    const before = on.rig.announced.length;
    const body = JSON.stringify({ instances: [[1, 2]] });
    textOf200(await predict('sums', body));
    const [asked, answered = 0, ...more] = on.rig.announced.slice(before);
    assert.equal(asked, body.length);
    assert.ok(answered > 0);
    assert.deepEqual(more, []);
  });

  it('measures a call as the inference that it is', async () => {
    await predict('sums', { instances: [[1, 2]] });
    const facts = on.rig.calls.at(-1);
    assert.equal(facts?.method, 'inference.GRPCInferenceService/ModelInfer');
    assert.deepEqual([facts?.code, facts?.model, facts?.requestBytes, facts?.responseBytes], [0, 'sums', 21, 19]);
    assert.ok((facts?.durationMs ?? -1) >= durationMs(0));
  });
});

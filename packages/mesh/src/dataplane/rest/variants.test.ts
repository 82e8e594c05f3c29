import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type ModelKey, modelKey } from '@modelmesh/core';
import { newEndpointPolicy, newVariant } from '@modelmesh/core/records';
import { GrpcStatusError } from '@modelmesh/grpc/call';
import type { InferRequest, InferResponse } from '@modelmesh/wire/oip';
import { GRPC_CODE } from '@modelmesh/wire/status';
import type { Located } from '../../link/index.ts';
import { answerOf, echo, errorOf, jsonOf, overBoth, type RestRig, type TestAnswer } from './testing/index.ts';

const INPUTS = [{ name: 'x', datatype: 'FP32', shape: [-1] }];
const BODY = { inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [0.5, 1] }] };

/** Answers with its name, and knows whether it was called by it. */
const named =
  (model: string) =>
  (request: InferRequest): InferResponse => {
    assert.equal(request.modelName, model, 'the body names the model that answers');
    return answerOf({ name: 'y', datatype: 'FP32', shape: [1], parameters: new Map(), data: new Uint8Array(4) });
  };
const broken = (): InferResponse => {
  throw new GrpcStatusError(GRPC_CODE.INTERNAL, 'broken');
};
const variant = (name: string, weight: number, labels: readonly string[] = []) =>
  newVariant({ name, model: modelKey(name), weight, labels });

async function prepare(rig: RestRig): Promise<void> {
  current = rig;
  for (const model of ['stable', 'canary', 'third'])
    await rig.model(model, { behaviour: { platform: 't_t', inputs: INPUTS, infer: named(model) } });
  await rig.model('e@3', { family: 'e', version: '3', behaviour: { platform: 't_t', inputs: INPUTS, infer: named('e@3') } });
  await rig.model('broken', { behaviour: { platform: 't_t', inputs: INPUTS, infer: broken } });
  await rig.model('cold', { cold: true, behaviour: { platform: 't_t', inputs: INPUTS, infer: echo } });
  const variants = [variant('stable', 100), variant('canary', 0, ['next']), variant('third', 0)];
  const rules = [
    { name: 'query', when: 'query["tier"] == "gold"', to: { kind: 'variant', variant: 'canary' } },
    { name: 'country', when: 'payload.country == "de"', to: { kind: 'variant', variant: 'third' } },
  ] as const;
  const payload = [{ name: 'country', type: 'string', json: 'parameters.country', parameter: 'country', proto: null }] as const;
  await rig.policy('e', newEndpointPolicy({ variants, defaultVariant: 'stable', rules, payload }));
  await rig.policy('plain', newEndpointPolicy({ variants, defaultVariant: 'stable', rules: [rules[0]] }));
  const failing = (name: string) => [variant(name, 100), variant('canary', 0)];
  const fallback = { on: ['error'], to: 'canary', timeoutMs: null } as const;
  for (const name of ['broken', 'cold'])
    await rig.policy(`to-${name}`, newEndpointPolicy({ variants: failing(name), defaultVariant: name, fallback }));
}

const EXPLAIN = { 'mm-explain': 'true' };
const answerer = (answer: TestAnswer): string => {
  assert.equal(answer.status, 200, answer.body.toString());
  return `${answer.headers['mm-variant']} ${answer.headers['mm-rule'] ?? '-'}`;
};

/** The model `cold` does not load. */
const locate = (model: ModelKey, load: () => Located): void => {
  const error = { kind: 'load-failed', message: 'corrupt', retryAfterMs: null } as const;
  current?.answerLocate(model, model === 'cold' ? { kind: 'failed', where: 'nowhere', error } : load());
};
let current: RestRig | undefined;

overBoth('an endpoint with a policy', { locate }, prepare, (on) => {
  const routes = [
    ['V2', (name: string) => `/v2/models/${name}/infer`, BODY],
    ['V1', (name: string) => `/v1/models/${name}:predict`, { instances: [0.5, 1] }],
  ] as const;

  for (const [protocol, path, body] of routes) {
    it(`picks by weights, query and payload for ${protocol}, and says so`, async () => {
      assert.equal(answerer(await on.post(path('e'), body, EXPLAIN)), 'stable -');
      assert.equal(answerer(await on.post(`${path('e')}?tier=gold`, body, EXPLAIN)), 'canary query');
      const german = { ...body, parameters: { country: 'de' } };
      assert.equal(answerer(await on.post(path('e'), german, EXPLAIN)), 'third country');
      assert.equal(answerer(await on.post(path('e'), { ...body, parameters: { country: 'fr' } }, EXPLAIN)), 'stable -');
      const quiet = await on.post(path('e'), body);
      assert.equal(quiet.headers['mm-variant'], undefined);
    });

    it(`asks another variant where one fails or cannot be loaded, for ${protocol}`, async () => {
      const answer = await on.post(path('to-broken'), body, EXPLAIN);
      assert.equal(answerer(answer), 'canary -');
      assert.equal(answer.headers['mm-reason'], 'variant broken ended with error');
      assert.equal(answer.headers['mm-instance'], 'inst1');
      assert.equal(answerer(await on.post(path('to-cold'), body, EXPLAIN)), 'canary -');
    });
  }

  it('finds the payload of a body with tensors behind its JSON', async () => {
    const json = Buffer.from(
      JSON.stringify({
        parameters: { country: 'de' },
        inputs: [{ name: 'x', datatype: 'FP32', shape: [2], parameters: { binary_data_size: 8 } }],
      }),
    );
    const headers = {
      ...EXPLAIN,
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(json.length),
    };
    const answer = await on.post('/v2/models/e/infer', Buffer.concat([json, Buffer.alloc(8)]), headers);
    assert.equal(answerer(answer), 'third country');
  });

  it('is reached by a label in the path, for every verb, and says which labels there are', async () => {
    assert.equal(answerer(await on.post('/v2/models/e/labels/next/infer', BODY, EXPLAIN)), 'canary -');
    assert.equal(answerer(await on.post('/v1/models/e/labels/third:predict', { instances: [1] }, EXPLAIN)), 'third -');
    const metadata = await on.get('/v2/models/e/labels/next');
    assert.equal(metadata.status, 200, metadata.body.toString());
    const unknown = await on.post('/v2/models/e/labels/x/infer', BODY);
    assert.equal(errorOf(unknown, 404), 'endpoint "e" has no label "x"; there are next, stable, canary, third');
    const denied = await on.post('/v2/models/e/infer', BODY, { 'mm-variant': 'canary' });
    assert.match(errorOf(denied, 403), /allowVariantHeader/);
    const both = await on.post('/v2/models/e/versions/3/infer', BODY, { 'mm-label': 'next' });
    assert.equal(both.status, 400);
  });

  it('says where an error comes from', async () => {
    const answer = await on.post('/v2/models/to-broken/labels/broken/infer', BODY, EXPLAIN);
    assert.equal(errorOf(answer, 500), 'broken');
    assert.equal(answer.headers['mm-variant'], 'broken');
    assert.equal(answer.headers['mm-reason'], 'the call names the label broken');
  });

  it('has a large body read before it is picked for where a rule looks into it', async () => {
    const count = 40_000;
    const large = { inputs: [{ name: 'x', datatype: 'FP32', shape: [count], data: Array(count).fill(0.5) }] };
    const answer = await on.post('/v2/models/e/infer', { parameters: { country: 'de' }, ...large }, EXPLAIN);
    assert.equal(answerer(answer), 'third country');
    assert.ok(jsonOf(answer) !== undefined);
    const behind = await on.post('/v2/models/e/infer', { ...large, parameters: { country: 'de' } }, EXPLAIN);
    assert.equal(answerer(behind), 'stable -', 'behind the bytes that are looked through');
  });
});

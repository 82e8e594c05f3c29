import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, modelKey } from '@modelmesh/core';
import { type EndpointPolicy, type FallbackPolicy, newEndpointPolicy, newVariant } from '@modelmesh/core/records';
import { factsOf } from '@modelmesh/core/traffic/testing';
import { headerBlock } from '@modelmesh/grpc/stream';
import { startWhole } from './index.ts';
import { CallRig, type ClientSide, framed } from './testing/index.ts';

const variant = (name: string, weight: number, concurrencyMax: number | null = null) =>
  newVariant({ name, model: modelKey(`${name}-model`), weight, concurrencyMax });
const ON_ALL: FallbackPolicy = { on: ['error', 'timeout', 'overloaded'], to: 'safe', timeoutMs: null };

/** All calls go to `first`; `safe` answers in its place. */
const policyOf = (fields: Partial<EndpointPolicy> = {}): EndpointPolicy =>
  newEndpointPolicy({
    variants: [variant('first', 100), variant('safe', 0)],
    defaultVariant: 'first',
    fallback: ON_ALL,
    ...fields,
  });

async function serving(policy = policyOf(), retry: 'safe' | 'never' = 'safe'): Promise<CallRig> {
  const rig = await CallRig.ready();
  for (const { model } of policy.variants) await rig.route(model, rig.openSlot(), retry);
  await rig.endpoint('e', policy);
  return rig;
}

function call(rig: CallRig, fields: readonly string[] = [], question = 'q'): ClientSide {
  const client = rig.client(['mm-vmodel-id', 'e', 'mm-explain', 'true', ...fields]);
  client.push(framed(question), true);
  return client;
}

const asked = (rig: CallRig): readonly (string | undefined)[] => rig.streams.map(({ headers }) => headers.get('mm-model-id'));

function nothingIsLeft(rig: CallRig): void {
  const { plane } = rig.dataPlane;
  const inFlight = ['first', 'safe'].map((name) => plane.picker.book.of('e' as never, name).inFlight);
  assert.deepEqual([plane.replay.used, plane.locator.waitingCalls, rig.timers.count, ...inFlight], [0, 0, 0, 0, 0]);
}

describe('a variant that does not answer', () => {
  it('is answered for by the fallback, with the whole request, and the answer says so', async () => {
    const rig = await serving();
    const client = call(rig, [], 'the question');
    rig.stream.refuses(13, 'broken');
    assert.deepEqual(asked(rig), ['first-model', 'safe-model']);
    assert.deepEqual([rig.stream.body, rig.stream.sentEnd], [framed('the question'), true]);
    rig.stream.answers(framed('a'));
    assert.deepEqual([client.stream.body, client.status], [framed('a'), [0, '']]);
    const told = ['mm-variant', 'mm-model', 'mm-reason'].map((name) => client.stream.sentHeaders?.get(name));
    assert.deepEqual(told, ['safe', 'safe-model', 'variant first ended with error']);
    await rig.settle();
    const [record] = rig.said('call-ended');
    assert.deepEqual(record?.record.attempts, ['runtime-status', 'variant safe answers instead: variant first ended with error']);
    assert.equal(record.record.pick?.variant, 'safe');
    assert.equal(rig.finished[0]?.model, 'safe-model');
    nothingIsLeft(rig);
  });

  it('is its own answer where the call is wrong, where the policy does not say so, and where the fallback fails too', async () => {
    const rig = await serving();
    const wrong = call(rig);
    rig.stream.refuses(3, 'no such input');
    assert.deepEqual(wrong.status, [3, 'no such input']);
    const both = call(rig);
    rig.stream.refuses(13, 'broken');
    rig.stream.refuses(13, 'broken too');
    assert.deepEqual(both.status, [13, 'broken too']);
    const narrow = await serving(policyOf({ fallback: { ...ON_ALL, on: ['timeout'] } }));
    const failed = call(narrow);
    narrow.stream.refuses(13, 'broken');
    assert.deepEqual([failed.status, asked(narrow)], [[13, 'broken'], ['first-model']]);
    nothingIsLeft(rig);
    nothingIsLeft(narrow);
  });

  it('is the answer to a caller that named it', async () => {
    const rig = await serving(policyOf({ callerChooses: true }));
    for (const field of ['mm-label', 'mm-variant']) {
      const client = call(rig, [field, 'first']);
      rig.stream.refuses(13, 'broken');
      assert.deepEqual(client.status, [13, 'broken'], field);
    }
  });

  it('stays the answer once a byte of it went on, and where it may have been executed and must not be again', async () => {
    const rig = await serving();
    const begun = call(rig);
    rig.stream.answersHeaders();
    rig.stream.answersData(framed('half'));
    rig.stream.answersTrailers('grpc-status', '13', 'grpc-message', 'late');
    assert.deepEqual(begun.status, [13, 'late']);
    const never = call(rig, ['mm-retry', 'never']);
    rig.stream.refuses(13, 'broken');
    assert.deepEqual(never.status, [13, 'broken']);
    assert.deepEqual(asked(rig), ['first-model', 'first-model']);
    const model = await serving(policyOf(), 'never');
    const forbidden = call(model);
    model.stream.refuses(14, 'gone');
    assert.equal(forbidden.status?.[0], 14);
    nothingIsLeft(rig);
  });

  it('is left after its time, the request withdrawn; the fallback has the rest', async () => {
    const rig = await serving(policyOf({ fallback: { ...ON_ALL, timeoutMs: durationMs(50) } }));
    const client = call(rig, ['grpc-timeout', '1S']);
    const slow = rig.stream;
    rig.clock.advance(60);
    assert.deepEqual(asked(rig), ['first-model', 'safe-model']);
    assert.equal(slow.resets.length, 1, 'nobody wants its answer');
    rig.stream.answers(framed('a'));
    assert.deepEqual(client.status, [0, '']);
    assert.equal(client.stream.sentHeaders?.get('mm-reason'), 'variant first ended with timeout');
    nothingIsLeft(rig);
  });

  it('has four fifths of the time of the call where the policy sets none', async () => {
    const rig = await serving();
    const client = call(rig, ['grpc-timeout', '1S']);
    rig.clock.advance(780);
    assert.deepEqual(asked(rig), ['first-model']);
    rig.clock.advance(40);
    assert.deepEqual(asked(rig), ['first-model', 'safe-model']);
    rig.clock.advance(200);
    assert.equal(client.status?.[0], 4, 'the deadline is that of the call');
    nothingIsLeft(rig);
  });

  it('is left while its model is still being loaded', async () => {
    const rig = await serving(policyOf({ fallback: { ...ON_ALL, timeoutMs: durationMs(50) } }));
    await rig.route('first-model', null);
    const client = call(rig);
    assert.deepEqual(asked(rig), []);
    rig.clock.advance(60);
    assert.deepEqual(asked(rig), ['safe-model']);
    rig.stream.answers(framed('a'));
    assert.deepEqual(client.status, [0, '']);
    nothingIsLeft(rig);
  });
});

describe('a model that cannot be had', () => {
  const failure = {
    kind: 'failed',
    where: 'nowhere',
    error: { kind: 'load-failed', message: 'corrupt', retryAfterMs: null },
  } as const;

  it('is answered for by the fallback whatever it is for, and without one by the others', async () => {
    for (const fallback of [{ ...ON_ALL, on: ['timeout'] } as const, null]) {
      const variants = [variant('first', 100), variant('safe', fallback === null ? 1 : 0)];
      const rig = await serving(policyOf({ fallback, variants, rules: [RULE] }));
      await rig.route('first-model', null);
      const client = call(rig);
      await rig.settle();
      await rig.located('first-model', failure);
      assert.deepEqual(asked(rig), ['safe-model']);
      rig.stream.answers(framed('a'));
      assert.deepEqual(client.status, [0, '']);
      assert.equal(client.stream.sentHeaders?.get('mm-reason'), 'variant first cannot be loaded');
      nothingIsLeft(rig);
    }
  });

  it('fails the call where nobody else is', async () => {
    const rig = await serving(policyOf({ fallback: null }));
    await rig.route('first-model', null);
    const client = call(rig);
    await rig.settle();
    await rig.located('first-model', failure);
    assert.match(client.status?.[1] ?? '', /corrupt/);
    nothingIsLeft(rig);
  });

  const RULE = { name: 'all', when: 'method == "POST"', to: { kind: 'variant', variant: 'first' } } as const;
});

describe('a request that was made for its model', () => {
  it('is sent as it was made for the variant that answers, once, though it is still being handed over', async () => {
    const rig = await serving(policyOf({ variants: [variant('first', 100, 1), variant('safe', 0)] }));
    call(rig);
    const { routes, picker } = rig.dataPlane.plane;
    const route = routes.endpoint('e');
    const policy = route && picker.policyOf(route);
    assert.ok(policy !== undefined);
    const choice = policy.choiceOf(policy.compiled.pick(factsOf({}), policy));
    const whole = (model: string): Uint8Array[] => [framed(`a question to ${model}`)];
    const headers = (model: string) => headerBlock([':method', 'POST', ':path', '/any.Service/Method', 'mm-model-id', model]);
    const forModel = { headersFor: headers, framedFor: whole };
    const { call: second, caller } = rig.call('first-model', { choice, endpoint: choice, forModel });
    startWhole(second, whole('first-model'));
    assert.equal(asked(rig).at(-1), 'safe-model');
    assert.deepEqual([rig.stream.body, rig.stream.sentEnd], [whole('safe-model')[0], true]);
    for (const stream of rig.streams) stream.answers(framed('a'));
    assert.equal(caller.ended, true);
    nothingIsLeft(rig);
  });
});

describe('a variant with a limit of calls', () => {
  const limited = (fallback: FallbackPolicy | null) =>
    policyOf({ variants: [variant('first', 100, 2), variant('safe', 0)], fallback });

  it('has further calls answered by the fallback, or refused with when to try again', async () => {
    const rig = await serving(limited(ON_ALL));
    call(rig);
    call(rig);
    const [one, two] = rig.streams;
    call(rig);
    assert.deepEqual(asked(rig), ['first-model', 'first-model', 'safe-model']);
    one?.answers(framed('a'));
    call(rig);
    assert.deepEqual(asked(rig).at(-1), 'first-model', 'a place is free again');
    for (const stream of [two, ...rig.streams.slice(2)]) stream?.answers(framed('a'));
    nothingIsLeft(rig);

    const alone = await serving(limited(null));
    call(alone);
    call(alone);
    const refused = call(alone);
    assert.equal(refused.status?.[0], 8);
    assert.match(refused.status[1], /variant "first" of endpoint "e" runs 2 calls on this node already \(its concurrency\)/);
    assert.ok(refused.stream.sentHeaders?.get('grpc-retry-pushback-ms') !== undefined);
    for (const stream of alone.streams) stream.answers(framed('a'));
    nothingIsLeft(alone);
  });
});

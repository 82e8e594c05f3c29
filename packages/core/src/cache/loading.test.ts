/** The load queue, single flight and timeouts: spec §4.4, and ModelMeshLoadPriorityTest of §8. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { durationMs, epochMs, modelKey } from '../index.ts';
import { CacheRig, mib, unitsOf } from './testing/index.ts';

/** The models given to the runtime, in that order. */
const started = (rig: CacheRig): string[] =>
  rig.effects.filter((effect) => effect.kind === 'start-load').map(({ model }) => model as string);

function rigWith(loadingConcurrency: number, behaviour: ConstructorParameters<typeof CacheRig>[0] = {}, config = {}): CacheRig {
  const rig = new CacheRig({ loadMs: () => 100, ...behaviour }, config);
  rig.ready(mib(1024), { loadingConcurrency });
  return rig;
}

const background = (rig: CacheRig, name: string, lastUsedMs: number): void =>
  rig.request(name, { urgency: 'background', lastUsedMs: epochMs(lastUsedMs), knownUnits: unitsOf(10) });

test('a thousand calls for one cold model are one load, and all are woken together', () => {
  const rig = rigWith(6);
  for (let call = 0; call < 1000; call += 1) rig.request('cold');
  rig.clock.advance(200);
  assert.deepEqual(started(rig), ['cold']);
  assert.deepEqual(
    rig.woken.map(({ outcome, waiters }) => [outcome.kind, waiters]),
    [['serving', 1000]],
  );
  rig.request('cold');
  assert.equal(rig.woken.length, 2, 'a copy that serves answers in the same step');
});

test('no more loads run at a time than the runtime allows', () => {
  const rig = rigWith(3);
  for (const name of ['a', 'b', 'c', 'd', 'e']) rig.request(name);
  rig.clock.advance(50);
  assert.deepEqual([rig.cache.summary().loadsRunning, rig.cache.summary().loadsQueued], [3, 2]);
  rig.clock.advance(100);
  assert.equal(rig.cache.summary().loadsRunning, 2);
});

test('a load for a call overtakes queued loads for later, which go by their last use', () => {
  const rig = rigWith(1);
  background(rig, 'first', 0);
  background(rig, 'old', 1000);
  background(rig, 'recent', 2000);
  rig.request('wanted', { knownUnits: unitsOf(10) });
  rig.clock.runAll();
  assert.deepEqual(started(rig), ['first', 'wanted', 'recent', 'old']);
});

test('among calls the one that waits longest is first, however many come after it', () => {
  const rig = rigWith(1);
  for (const name of ['d', 'c', 'b', 'a']) {
    rig.request(name, { knownUnits: unitsOf(10) });
    rig.clock.advance(10);
  }
  rig.request('d');
  rig.clock.runAll();
  assert.deepEqual(started(rig), ['d', 'c', 'b', 'a']);
});

test('a queued load that nobody waits for any more lets those pass that somebody waits for', () => {
  const rig = rigWith(1);
  for (const name of ['first', 'given-up', 'wanted']) {
    rig.request(name, { knownUnits: unitsOf(10) });
    rig.clock.advance(10);
  }
  rig.leave('given-up');
  rig.clock.advance(100);
  assert.deepEqual(started(rig), ['first', 'wanted']);
  rig.clock.runAll();
  assert.deepEqual(started(rig), ['first', 'wanted', 'given-up']);
});

test('law: calls are loaded in the order in which they came, and what is only to be ready follows by its last use', () => {
  const want = fc.record({ id: fc.nat(30), call: fc.boolean(), ageMs: fc.integer({ min: 1, max: 100_000 }) });
  fc.assert(
    fc.property(fc.uniqueArray(want, { selector: ({ id }) => id, maxLength: 20 }), (wants) => {
      const rig = rigWith(1);
      rig.request('first', { knownUnits: unitsOf(1) });
      for (const { id, call, ageMs } of wants) {
        const lastUsedMs = epochMs(rig.clock.wallMs() - ageMs);
        rig.request(`w${id}`, { urgency: call ? 'call' : 'background', lastUsedMs, knownUnits: unitsOf(1) });
      }
      rig.clock.runAll();
      const calls = wants.filter(({ call }) => call);
      const later = wants.filter(({ call }) => !call).sort((a, b) => a.ageMs - b.ageMs);
      assert.deepEqual(started(rig), ['first', ...[...calls, ...later].map(({ id }) => `w${id}`)]);
    }),
    { numRuns: 100 },
  );
});

test('a queued load is upgraded when a call arrives for it', () => {
  const rig = rigWith(1);
  background(rig, 'first', 0);
  background(rig, 'recent', 2000);
  background(rig, 'old', 1000);
  rig.request('old');
  rig.clock.runAll();
  assert.deepEqual(started(rig), ['first', 'old', 'recent']);
});

test('the queue is bounded: one more is refused by name and number, and a joining call is not', () => {
  const rig = rigWith(1, { loadMs: () => null }, { loadQueueMax: 2 });
  for (const name of ['a', 'b', 'c', 'd']) rig.request(name, { knownUnits: unitsOf(10) });
  assert.deepEqual(rig.outcomesOf('d'), ['queue-full']);
  rig.request('c');
  assert.deepEqual(rig.outcomesOf('c'), []);
});

test('before the runtime is ready wants are queued, within the same bound', () => {
  const rig = new CacheRig({}, { loadQueueMax: 2 });
  for (const name of ['a', 'b', 'c']) rig.request(name);
  assert.deepEqual(rig.outcomesOf('c'), ['queue-full']);
  rig.ready(mib(1024));
  rig.clock.runAll();
  assert.deepEqual(rig.serving(), ['a', 'b']);
});

test('the load timeout runs from the real start; then the load is called off, the failure recorded, and the unload follows after 3 s', () => {
  const rig = rigWith(1, { loadMs: () => null });
  rig.request('slow');
  rig.clock.advance(89_999);
  assert.equal(rig.stateOf('slow'), 'loading');
  rig.clock.advance(1);
  assert.equal(rig.stateOf('slow'), 'failed');
  assert.deepEqual(rig.outcomesOf('slow'), ['load-failed']);
  assert.equal(rig.count('cancel-load'), 1);
  rig.clock.advance(2999);
  assert.equal(rig.count('start-unload'), 0);
  rig.clock.advance(1);
  assert.equal(rig.count('start-unload'), 1);
});

test('a load that the runtime has not begun does not time out', () => {
  const rig = rigWith(1);
  const model = modelKey('waiting');
  rig.cache.step(
    {
      kind: 'request',
      model,
      artifact: '',
      urgency: 'call',
      lastUsedMs: epochMs(0),
      knownUnits: unitsOf(10),
      declaredUnits: null,
      policy: { pinned: false, idleAfterMs: null },
    },
    { monotonicMs: rig.clock.monotonicMs(), wallMs: rig.clock.wallMs() },
  );
  rig.clock.advance(600_000);
  assert.equal(rig.stateOf('waiting'), 'loading');
});

test('a copy serves only after the registry confirmed the claim, and a lost claim calls its load off', () => {
  const rig = rigWith(2, { claimMs: 500, claimLost: (model) => model === 'lost' });
  rig.request('late');
  rig.clock.advance(400);
  assert.equal(rig.stateOf('late'), 'claiming');
  assert.equal(rig.count('serving'), 0);
  rig.clock.advance(100);
  assert.deepEqual(rig.serving(), ['late']);
  rig.request('lost');
  rig.clock.advance(700);
  assert.deepEqual(rig.outcomesOf('lost'), ['claim-lost']);
  assert.equal(rig.effects.filter((effect) => effect.kind === 'withdraw-claim').length, 0, 'there is nothing to withdraw');
  rig.clock.runAll();
  assert.equal(rig.stateOf('lost'), undefined);
});

test('without an answer to the prediction in 500 ms the default size is booked', () => {
  const rig = rigWith(1, { predictMs: null, measured: () => null });
  rig.request('silent');
  rig.clock.advance(499);
  assert.equal(rig.stateOf('silent'), 'predicting');
  rig.clock.advance(1);
  assert.equal(rig.cache.copy(modelKey('silent'))?.units, unitsOf(50));
});

test('of the guesses the larger is booked; what was measured before wins over both', () => {
  const rig = rigWith(2, { predict: () => mib(20), measured: () => mib(70) });
  rig.request('m', { declaredUnits: unitsOf(30) });
  rig.clock.advance(1);
  assert.equal(rig.cache.copy(modelKey('m'))?.units, unitsOf(30));
  rig.clock.advance(1000);
  assert.equal(rig.cache.rememberedSize(modelKey('m')), mib(70));
  rig.send({ kind: 'remove', model: modelKey('m') });
  rig.clock.runAll();
  rig.request('m', { declaredUnits: unitsOf(30) });
  assert.equal(rig.cache.copy(modelKey('m'))?.units, unitsOf(70));
  assert.equal(rig.count('predict-size'), 1);
});

test('space that does not come free in three minutes ends the wait without a failure', () => {
  const rig = new CacheRig({ drainMs: () => null, measured: () => null }, { drainGraceMs: durationMs(600_000) });
  rig.ready(mib(1000), { loadingConcurrency: 1, defaultSize: mib(1) });
  for (const name of ['a', 'b']) rig.request(name, { knownUnits: unitsOf(490) });
  rig.clock.advance(1000);
  rig.request('c', { knownUnits: unitsOf(490) });
  rig.clock.advance(180_000);
  assert.deepEqual(rig.outcomesOf('c'), ['no-space']);
  assert.equal(rig.count('record-failure'), 0);
});

test('a load whose victim serves a long call pushes out another one after a second, once, and never for a load that nobody waits for', () => {
  const rig = new CacheRig({ drainMs: (model) => (model === 'talks' ? null : 0), measured: () => null, unloadMs: 10 });
  rig.ready(mib(1000), { loadingConcurrency: 1, defaultSize: mib(1) });
  for (const name of ['talks', 'next', 'last']) {
    rig.request(name, { knownUnits: unitsOf(300) });
    rig.clock.advance(1000);
  }
  rig.request('new', { knownUnits: unitsOf(300), urgency: 'background' });
  rig.clock.advance(1500);
  assert.deepEqual([rig.victims(), rig.stateOf('new')], [['talks'], 'waiting-for-space']);
  rig.send({ kind: 'remove', model: modelKey('new') });
  rig.request('called', { knownUnits: unitsOf(300) });
  rig.clock.advance(999);
  assert.deepEqual([rig.victims(), rig.stateOf('called')], [['talks'], 'waiting-for-space']);
  rig.clock.advance(100);
  assert.deepEqual(rig.victims(), ['talks', 'next']);
  assert.deepEqual(
    rig.decisions('evict').map(({ cause }) => cause),
    ['new-copy', 'others-drain'],
  );
  assert.deepEqual(rig.serving(), ['called', 'last']);
});

test('small loads pass a large one that waits for space, but not for ever', () => {
  const rig = new CacheRig({ drainMs: () => 60_000, measured: () => null, unloadMs: 0 });
  rig.ready(mib(1000), { loadingConcurrency: 2, defaultSize: mib(1) });
  rig.request('victim', { knownUnits: unitsOf(600) });
  rig.clock.advance(1000);
  rig.request('large', { knownUnits: unitsOf(700) });
  assert.equal(rig.stateOf('large'), 'waiting-for-space');
  rig.request('early', { knownUnits: unitsOf(50) });
  rig.clock.advance(31_000);
  rig.request('late', { knownUnits: unitsOf(50) });
  rig.clock.advance(1000);
  assert.deepEqual(rig.serving(), ['early']);
  rig.clock.runAll();
  assert.deepEqual(rig.serving(), ['early', 'large', 'late']);
});

test('a copy that calls wait for is spared while anything else can go, and not any more when they have left', () => {
  const rig = new CacheRig({ loadMs: (model) => (model === 'awaited' ? null : 10), measured: () => null });
  rig.ready(mib(1000), { loadingConcurrency: 4, defaultSize: mib(1) });
  rig.request('awaited', { knownUnits: unitsOf(480) });
  rig.clock.advance(1000);
  rig.request('later', { knownUnits: unitsOf(480) });
  rig.clock.advance(1000);
  rig.request('newest', { knownUnits: unitsOf(480) });
  rig.clock.advance(2000);
  assert.deepEqual(rig.victims(), ['later'], 'although `awaited` was used before it');
  rig.leave('awaited');
  rig.request('last', { knownUnits: unitsOf(480) });
  assert.deepEqual(rig.victims(), ['later', 'awaited']);
});

test('a copy that calls waited for is not pushed out before they could use it', () => {
  const rig = new CacheRig({ loadMs: () => 10, measured: () => null });
  rig.ready(mib(1000), { loadingConcurrency: 4, defaultSize: mib(1) });
  rig.request('first', { knownUnits: unitsOf(900) });
  rig.request('second', { knownUnits: unitsOf(900) });
  rig.clock.advance(109);
  assert.deepEqual(rig.serving(), ['first']);
  rig.clock.advance(1);
  assert.deepEqual(rig.victims(), ['first']);
  rig.clock.runAll();
  assert.deepEqual(rig.outcomesOf('second'), ['serving']);
});

test('a shutdown gives up what is queued, refuses what comes, and leaves alone what serves', () => {
  const rig = rigWith(1);
  rig.request('serves');
  rig.clock.advance(200);
  rig.request('loads', { knownUnits: unitsOf(10) });
  rig.request('queued', { knownUnits: unitsOf(10) });
  rig.clock.advance(1);
  rig.send({ kind: 'stop' });
  rig.request('new');
  assert.deepEqual([rig.outcomesOf('queued'), rig.outcomesOf('new')], [['stopping'], ['stopping']]);
  rig.clock.runAll();
  assert.deepEqual(rig.serving(), ['loads', 'serves']);
});

test('a second want with the queue full of the same models never starts a second load', () => {
  const rig = rigWith(1, { loadMs: () => 10 });
  for (let round = 0; round < 20; round += 1) {
    for (const name of ['a', 'b', 'c']) rig.request(name);
    rig.clock.advance(7);
  }
  rig.clock.runAll();
  assert.deepEqual(started(rig).sort(), ['a', 'b', 'c']);
});

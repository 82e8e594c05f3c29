/** The examples of spec §8: EvictionsModelMeshTest, ModelMeshEvictionsTest. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesForUnits, durationMs, epochMs } from '../index.ts';
import { CacheRig, MIB, mib, unitsOf } from './testing/index.ts';

const name = (id: number): string => `m${String(id).padStart(2, '0')}`;
const names = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, at) => name(from + at));

/** 1024 MiB, six loads at a time, 50 MiB models: the numbers of the spec's tests. */
function filled(count: number, rig = new CacheRig()): CacheRig {
  rig.ready(mib(1024));
  for (const model of names(0, count)) {
    rig.request(model);
    rig.clock.advance(200);
  }
  return rig;
}

test('of 1024 MiB, 75 MiB are kept for unloads and 949 MiB can be filled', () => {
  const rig = filled(0);
  assert.equal(bytesForUnits(rig.cache.summary().effectiveUnits) / MIB, 949);
});

test('18 models of 50 MiB fit without an eviction', () => {
  const rig = filled(18);
  assert.equal(rig.count('evicted'), 0);
  assert.deepEqual(rig.serving(), names(0, 18));
});

test('the 19th evicts the oldest and loads from the unload buffer, before the unload of its victim is done', () => {
  const rig = filled(18);
  const startMs = rig.nowMs;
  rig.request(name(18));
  rig.clock.advance(50);
  assert.deepEqual(rig.outcomesOf(name(18)), ['serving']);
  assert.ok((rig.woken.at(-1)?.atMs ?? Infinity) - startMs <= 50);
  assert.deepEqual(rig.victims(), [name(0)]);
  assert.equal(rig.stateOf(name(0)), 'unloading');
});

test('once the buffer is used up a load waits until an unload has returned its memory', () => {
  const rig = filled(18);
  for (const model of names(18, 21)) rig.request(model);
  rig.clock.advance(500);
  assert.equal(rig.serving().filter((model) => model >= name(18)).length, 2);
  assert.equal([...rig.cache.copies()].filter(({ state }) => state.kind === 'waiting-for-space').length, 1);
  rig.clock.advance(1000);
  assert.equal(rig.serving().filter((model) => model >= name(18)).length, 3);
});

test('ten registrations at once evict exactly the ten oldest, without a cascade', () => {
  const rig = filled(18);
  for (const model of names(18, 28)) rig.request(model, { urgency: 'background' });
  rig.clock.runAll();
  assert.deepEqual(rig.victims().sort(), names(0, 10));
  assert.deepEqual(rig.serving(), names(10, 28));
});

test('a model that turns out four times as large evicts several after it was sized', () => {
  const rig = filled(18, new CacheRig({ measured: (model) => mib(model === name(18) ? 200 : 50) }));
  rig.request(name(18));
  rig.clock.advance(19);
  assert.equal(rig.victims().length, 1, 'for the prediction of 50 MiB');
  rig.clock.advance(1);
  assert.equal(rig.victims().length, 4, 'three more in the step that measured it');
  rig.clock.runAll();
  assert.deepEqual(rig.victims(), names(0, 4));
  assert.equal(rig.cache.summary().overdraftUnits, 0);
});

test('a touch that only the counters of the data plane know saves the oldest', () => {
  const rig = filled(18);
  rig.use(name(0));
  rig.request(name(18));
  assert.deepEqual(rig.victims(), []);
  rig.clock.advance(0);
  assert.deepEqual(rig.victims(), [name(1)]);
});

test('the choice is exact when every copy was used since the last one, in another order', () => {
  const rig = new CacheRig({ predict: () => mib(1), measured: () => mib(1) });
  rig.ready(mib(300), { loadingConcurrency: 2, defaultSize: mib(1) });
  const all = Array.from({ length: 285 }, (_, id) => `c${id}`);
  for (const model of all) rig.request(model);
  rig.clock.advance(5000);
  for (const model of all.toReversed()) {
    rig.clock.advance(1);
    rig.use(model);
  }
  for (const model of ['x', 'y', 'z', 'u', 'v', 'w', 't', 's', 'r', 'q', 'p']) {
    rig.request(model);
    rig.clock.advance(200);
  }
  const victims = rig.victims();
  assert.ok(victims.length > 0);
  assert.deepEqual(victims, all.toReversed().slice(0, victims.length));
});

test('a model that was used before everything else in a full cache is refused and evicts nothing', () => {
  const rig = filled(18);
  rig.request('old', { urgency: 'background', lastUsedMs: epochMs(1) });
  rig.clock.advance(100);
  assert.deepEqual(rig.outcomesOf('old'), ['least-recent']);
  assert.equal(rig.count('evicted'), 0);
});

test('a model older than some of its victims evicts none of them', () => {
  const rig = filled(18);
  const third = rig.cache.copy('m02' as never)?.lastUsedMs;
  assert.ok(third !== undefined);
  rig.request('large', { urgency: 'background', lastUsedMs: third, knownUnits: unitsOf(250) });
  assert.deepEqual(rig.outcomesOf('large'), ['least-recent']);
  assert.equal(rig.count('evicted'), 0);
});

test('a model larger than everything that can be free is refused with both sizes, and its record says so', () => {
  const rig = new CacheRig({ predict: () => mib(950) });
  rig.ready(mib(1024));
  rig.request('huge');
  rig.clock.advance(1);
  const [woken] = rig.woken;
  assert.deepEqual(woken?.outcome.kind === 'refused' && woken.outcome.refusal.kind, 'too-large');
  const recorded = rig.effects.find((effect) => effect.kind === 'record-failure');
  assert.equal(recorded?.message, 'needs 950.0 MiB, this instance can hold at most 949.0 MiB');
});

test('a model that is measured larger than the cache leaves again, and is refused at once the next time', () => {
  const rig = new CacheRig({ measured: () => mib(2000) });
  rig.ready(mib(1024));
  rig.request('liar');
  rig.clock.runAll();
  assert.deepEqual(rig.outcomesOf('liar'), ['too-large']);
  assert.equal(rig.cache.summary().bookedUnits, 0);
  rig.request('liar');
  assert.deepEqual(rig.outcomesOf('liar'), ['too-large', 'too-large']);
  assert.equal(rig.count('start-load'), 1);
});

test('pinned copies are never evicted, and when only they are left a newcomer is told so', () => {
  const rig = new CacheRig();
  rig.ready(mib(1024));
  for (const model of names(0, 17)) rig.request(model, { policy: { pinned: true, idleAfterMs: null } });
  rig.request(name(17));
  rig.clock.advance(1000);
  rig.request(name(18));
  rig.clock.advance(1000);
  assert.deepEqual(rig.victims(), [name(17)]);
  rig.request('two', { knownUnits: unitsOf(100) });
  assert.deepEqual(rig.outcomesOf('two'), ['all-pinned']);
  rig.send({ kind: 'described', model: name(0) as never, artifact: '', policy: { pinned: false, idleAfterMs: null } });
  rig.request('two', { knownUnits: unitsOf(100) });
  rig.clock.runAll();
  assert.deepEqual(rig.outcomesOf('two'), ['all-pinned', 'serving']);
});

test('a copy that is not used for its idle time is unloaded, one that is used stays', () => {
  const rig = new CacheRig();
  rig.ready(mib(1024));
  const policy = { pinned: false, idleAfterMs: durationMs(60_000) };
  rig.request('idle', { policy });
  rig.request('busy', { policy });
  for (let second = 0; second < 90; second += 1) {
    rig.clock.advance(1000);
    rig.use('busy');
  }
  assert.deepEqual(rig.serving(), ['busy']);
  rig.clock.runAll();
  assert.deepEqual(rig.serving(), []);
});

test('a full cache whose oldest copy is younger than the churn age takes nothing in', () => {
  const rig = filled(18, new CacheRig({}, { minChurnAgeMs: durationMs(60_000) }));
  rig.request(name(18));
  rig.clock.advance(100);
  assert.deepEqual(rig.outcomesOf(name(18)), ['churn']);
  rig.clock.advance(60_000);
  rig.request(name(18));
  rig.clock.advance(100);
  assert.deepEqual(rig.outcomesOf(name(18)), ['churn', 'serving']);
});

test('a use that the clock dates into the future counts as now: where no age is asked for, such a copy goes like any other', () => {
  const rig = filled(18);
  for (const model of names(0, 18)) rig.use(model);
  const lastUsedMs = epochMs(rig.nowMs + 1000);
  rig.clock.jumpWall(-3_600_000);
  rig.request(name(18), { lastUsedMs });
  rig.clock.advance(2000);
  assert.deepEqual(rig.outcomesOf(name(18)), ['serving']);
});

test('no more copies than slots: the oldest goes although memory is free', () => {
  const rig = new CacheRig({}, { copiesMax: 3 });
  rig.ready(mib(1024));
  for (const model of names(0, 4)) {
    rig.request(model);
    rig.clock.advance(200);
  }
  assert.deepEqual(rig.victims(), [name(0)]);
  rig.clock.advance(2000);
  assert.deepEqual(rig.serving(), names(1, 4));
});

test('more calls than fit at once wait for room instead of pushing one another out', () => {
  const rig = new CacheRig();
  rig.ready(mib(1024));
  for (const model of names(0, 60)) rig.request(model);
  rig.clock.runAll();
  for (const model of names(0, 60)) assert.deepEqual(rig.outcomesOf(model), ['serving'], model);
  assert.equal(rig.count('start-load'), 60);
});

test('what waits for its turn has pushed out nothing: only the load that runs and the next one have', () => {
  const rig = new CacheRig({ loadMs: () => 1000, unloadMs: 0 });
  rig.ready(mib(1024), { loadingConcurrency: 1 });
  for (const model of names(0, 19)) {
    rig.request(model);
    rig.clock.advance(1500);
  }
  for (const model of names(19, 29)) rig.request(model);
  for (let turn = 1; turn <= 10; turn += 1) {
    rig.clock.advance(500);
    const { loadsQueued, loadsRunning } = rig.cache.summary();
    assert.deepEqual([rig.serving().length, loadsRunning, loadsQueued], [turn < 10 ? 17 : 18, 1, 10 - turn]);
    assert.deepEqual(rig.victims(), names(0, Math.min(10, turn + 1)));
    rig.clock.advance(500);
  }
});

test('a held call is refused as soon as what it waits for is pinned', () => {
  const rig = new CacheRig({ loadMs: () => null });
  rig.ready(mib(1024), { loadingConcurrency: 2 });
  rig.request('first', { knownUnits: unitsOf(900) });
  rig.request('held', { knownUnits: unitsOf(900) });
  assert.deepEqual(rig.outcomesOf('held'), []);
  rig.request('first', { knownUnits: unitsOf(900), policy: { pinned: true, idleAfterMs: null } });
  assert.deepEqual(rig.outcomesOf('held'), ['all-pinned']);
});

test('a held call is explained once', () => {
  const rig = new CacheRig({ loadMs: () => 10 });
  rig.ready(mib(1024));
  for (const model of names(0, 20)) rig.request(model);
  rig.clock.runAll();
  const held = rig.decisions('hold');
  assert.deepEqual(
    held.map(({ model, awaitedCopies }) => [model, awaitedCopies]),
    [
      [name(18), 18],
      [name(19), 18],
    ],
  );
});

test('a want for this instant is not too old for the cache because its prediction took a while', () => {
  const rig = filled(18, new CacheRig({ predictMs: 100 }));
  rig.request('slow-to-predict', { urgency: 'background' });
  rig.clock.advance(50);
  for (const model of names(0, 18)) rig.use(model);
  rig.clock.advance(500);
  assert.deepEqual(rig.outcomesOf('slow-to-predict'), ['serving']);
});

test('an eviction explains itself: cause, need, victims, and who would have been next', () => {
  const rig = filled(19);
  const [decision] = rig.decisions('evict');
  assert.equal(decision?.model, name(18));
  assert.equal(decision?.cause, 'new-copy');
  assert.deepEqual(
    decision?.victims.map(({ model, units }) => [model, units]),
    [[name(0), unitsOf(50)]],
  );
  assert.equal(decision?.spared?.model, name(1));
  const evicted = rig.effects.find((effect) => effect.kind === 'evicted');
  assert.equal(evicted?.decision, decision?.number);
});

test('the ring keeps the last decisions only', () => {
  const rig = filled(40, new CacheRig({}, { decisionsMax: 5 }));
  const decisions = rig.cache.decisions();
  assert.equal(decisions.length, 5);
  assert.deepEqual(
    decisions.map(({ number }) => number),
    [17, 18, 19, 20, 21],
  );
});

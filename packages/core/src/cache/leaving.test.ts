/** Draining, unloading and what becomes of memory that does not come back: spec §4.4.8, design *ControlLink* and *Memory*. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs, modelKey, sizeUnits } from '../index.ts';
import { CacheRig, mib, unitsOf } from './testing/index.ts';

const remove = (rig: CacheRig, name: string): void => void rig.send({ kind: 'remove', model: modelKey(name) });

function serving(behaviour: ConstructorParameters<typeof CacheRig>[0] = {}, config = {}, names = ['m']): CacheRig {
  const rig = new CacheRig(behaviour, config);
  rig.ready(mib(1024));
  for (const name of names) rig.request(name);
  rig.clock.advance(500);
  assert.deepEqual(rig.serving(), names);
  return rig;
}

test('a copy leaves service at once, unloads when nothing is in flight, and is credited when the unload is done', () => {
  const rig = serving({ drainMs: () => 300, unloadMs: 1000 });
  remove(rig, 'm');
  assert.equal(rig.stateOf('m'), 'draining');
  assert.equal(rig.count('withdraw-claim'), 1);
  rig.clock.advance(299);
  assert.equal(rig.count('start-unload'), 0);
  rig.clock.advance(1);
  assert.equal(rig.stateOf('m'), 'unloading');
  assert.equal(rig.cache.summary().bookedUnits, unitsOf(50));
  rig.clock.advance(1000);
  assert.equal(rig.stateOf('m'), undefined);
  assert.equal(rig.cache.summary().bookedUnits, 0);
});

test('after the grace the copy is unloaded with calls in flight, and its slot is not used again before they end', () => {
  const rig = serving({ drainMs: () => null }, { copiesMax: 1 });
  const slot = rig.effects.find((effect) => effect.kind === 'serving')?.slot;
  assert.ok(slot);
  remove(rig, 'm');
  rig.clock.advance(128_000 + 1000);
  assert.equal(rig.stateOf('m'), undefined);
  rig.request('next');
  rig.clock.advance(1000);
  assert.equal(rig.stateOf('next'), 'waiting-for-space');
  rig.send({ kind: 'in-flight-zero', slot });
  rig.clock.advance(1000);
  const serves = rig.effects.filter((effect) => effect.kind === 'serving').at(-1);
  assert.deepEqual(serves?.slot, { index: slot.index, generation: slot.generation + 1 });
  assert.ok(serves);
  rig.send({ kind: 'in-flight-zero', slot: serves.slot });
  remove(rig, 'next');
  rig.request('third');
  rig.clock.advance(1000);
  assert.equal(rig.stateOf('third'), 'waiting-for-space', 'a word about a slot that serves frees nothing');
});

test('a model that is wanted again while its copy leaves is loaded after the unload, once', () => {
  const rig = serving({ drainMs: () => 100, unloadMs: 1000 });
  remove(rig, 'm');
  rig.request('m');
  rig.clock.advance(1099);
  assert.equal(rig.stateOf('m'), 'queued');
  rig.clock.advance(100);
  assert.deepEqual(rig.serving(), ['m']);
  assert.equal(rig.count('start-load'), 2);
});

test('a load that is removed is called off, and unloaded as soon as it has ended or after 3 s', () => {
  const rig = new CacheRig({ loadMs: (model) => (model === 'ends' ? 1000 : null) });
  rig.ready(mib(1024));
  for (const name of ['ends', 'hangs']) rig.request(name);
  rig.clock.advance(10);
  for (const name of ['ends', 'hangs']) remove(rig, name);
  assert.deepEqual([rig.outcomesOf('ends'), rig.outcomesOf('hangs')], [['removed'], ['removed']]);
  assert.deepEqual([rig.count('cancel-load'), rig.count('start-unload')], [2, 0]);
  rig.clock.advance(995);
  assert.equal(rig.stateOf('ends'), 'unloading');
  rig.clock.advance(2005);
  assert.equal(rig.stateOf('hangs'), 'unloading');
});

test('a failed unload is tried again after 1 s, then every 10 s; given up, it costs capacity until the runtime is recycled', () => {
  let attempts = 0;
  const rig = serving({ unloadFails: () => true, unloadMs: 0 }, { unloadAttemptsMax: 3 });
  const capacity = rig.cache.summary().capacityUnits;
  remove(rig, 'm');
  for (const waitMs of [0, 1000, 10_000]) {
    rig.clock.advance(waitMs);
    attempts += 1;
    assert.equal(rig.count('start-unload'), attempts);
  }
  rig.clock.advance(0);
  assert.equal(rig.cache.summary().capacityUnits, capacity - unitsOf(50));
  assert.equal(rig.cache.summary().lostUnits, unitsOf(50));
  rig.send({ kind: 'recycle', reason: 'asked for' });
  rig.clock.runAll();
  assert.equal(rig.cache.summary().capacityUnits, capacity);
});

test('capacity that shrank evicts what no longer fits', () => {
  const names = Array.from({ length: 18 }, (_, id) => `m${10 + id}`);
  const rig = serving({ unloadFails: (model) => model === 'm10', unloadMs: 0 }, { unloadAttemptsMax: 1 }, names);
  remove(rig, 'm10');
  rig.request('m99');
  rig.clock.runAll();
  assert.deepEqual(rig.victims(), ['m11']);
  assert.deepEqual(
    rig.decisions('evict').map(({ cause }) => cause),
    ['capacity-shrank'],
  );
});

test('a load that waited behind an unload that was given up fails, because the runtime may still hold the model', () => {
  const rig = serving({ unloadFails: () => true, unloadMs: 0 }, { unloadAttemptsMax: 1 });
  remove(rig, 'm');
  rig.request('m');
  rig.clock.advance(10);
  assert.deepEqual(rig.outcomesOf('m'), ['serving', 'load-failed']);
});

test('an unload that succeeds makes the failed ones try again at once', () => {
  let stuck = true;
  const rig = serving({ unloadFails: (model) => model === 'a' && stuck, unloadMs: 0 }, {}, ['a', 'b']);
  remove(rig, 'a');
  rig.clock.advance(1500);
  stuck = false;
  assert.equal(rig.stateOf('a'), 'unload-retry');
  remove(rig, 'b');
  rig.clock.advance(1);
  assert.equal(rig.stateOf('a'), undefined);
});

test('given up unloads beyond the limit recycle the runtime: drained first, then ended', () => {
  const rig = serving(
    { unloadFails: (model) => model === 'a', unloadMs: 0, drainMs: () => 200 },
    { unloadAttemptsMax: 1, leakMaxUnits: unitsOf(40) },
    ['a', 'b'],
  );
  remove(rig, 'a');
  rig.clock.advance(250);
  assert.equal(rig.cache.summary().phase, 'recycling');
  assert.equal(rig.stateOf('b'), 'draining');
  assert.equal(rig.count('recycle-runtime'), 0);
  rig.clock.advance(200);
  assert.equal(rig.count('recycle-runtime'), 1);
  rig.clock.runAll();
  assert.deepEqual([rig.cache.summary().phase, rig.cache.summary().bookedUnits], ['ready', 0]);
});

test('bytes that do not return are a leak after two quiet readings, and recycle the runtime', () => {
  const rig = serving({}, { leakMaxUnits: unitsOf(64) });
  const read = (mibHeld: number): void => void rig.send({ kind: 'runtime-measured', total: mib(100 + mibHeld), empty: mib(100) });
  read(50 + 64);
  read(50 + 64);
  assert.equal(rig.cache.summary().phase, 'ready', 'at the limit is not above it');
  read(50 + 65);
  read(50);
  read(50 + 65);
  assert.equal(rig.cache.summary().phase, 'ready', 'the readings were not consecutive');
  rig.request('loads');
  rig.clock.advance(10);
  read(200);
  read(200);
  assert.equal(rig.cache.summary().phase, 'ready', 'a load is running');
  rig.clock.advance(1000);
  read(200);
  read(200);
  assert.equal(rig.cache.summary().phase, 'recycling');
  assert.match(rig.decisions('recycle')[0]?.because ?? '', /12800 units more than is booked/);
});

test('a copy that grows while it serves evicts in the same step, and its high water is booked the next time', () => {
  const names = Array.from({ length: 18 }, (_, id) => `m${10 + id}`);
  const rig = serving({}, {}, names);
  rig.measure('m20', mib(150));
  assert.deepEqual(rig.victims(), ['m10', 'm11']);
  rig.measure('m20', mib(60));
  assert.equal(rig.cache.copy(modelKey('m20'))?.units, unitsOf(150));
  assert.equal(rig.cache.rememberedSize(modelKey('m20')), mib(150));
});

test('a copy that outgrows what pinned ones leave goes itself', () => {
  const rig = new CacheRig();
  rig.ready(mib(1024));
  for (let id = 0; id < 17; id += 1) rig.request(`p${id}`, { policy: { pinned: true, idleAfterMs: null } });
  rig.request('grows');
  rig.clock.advance(500);
  rig.measure('grows', mib(110));
  assert.equal(rig.stateOf('grows'), 'draining');
  assert.equal(rig.cache.summary().pinnedUnits, sizeUnits(17 * unitsOf(50)));
});

test('a pinned copy that outgrows the others stays, and the overdraft is written down', () => {
  const rig = new CacheRig();
  rig.ready(mib(1024));
  for (let id = 0; id < 18; id += 1) rig.request(`p${id}`, { policy: { pinned: true, idleAfterMs: null } });
  rig.clock.advance(500);
  rig.measure('p0', mib(200));
  assert.equal(rig.stateOf('p0'), 'active');
  assert.equal(rig.decisions('overdraft').length, 1);
  rig.request('next');
  rig.clock.advance(10);
  assert.deepEqual(rig.outcomesOf('next'), ['all-pinned']);
});

test('when the runtime dies its copies are gone, and what was loading or queued loads again with the next one', () => {
  const rig = new CacheRig({ loadMs: () => 100, restartMs: 1000 });
  rig.ready(mib(1024), { loadingConcurrency: 1 });
  rig.request('served');
  rig.clock.advance(200);
  rig.request('loading');
  rig.request('queued');
  rig.clock.advance(50);
  rig.crash();
  assert.deepEqual([rig.serving(), rig.count('copy-lost'), rig.cache.summary().loadsQueued], [[], 1, 2]);
  assert.deepEqual(rig.outcomesOf('loading'), []);
  rig.clock.runAll();
  assert.deepEqual(rig.serving(), ['loading', 'queued']);
  assert.deepEqual([rig.outcomesOf('loading'), rig.outcomesOf('queued')], [['serving'], ['serving']]);
});

test('a slot that drained when the runtime died is used again once its calls have ended', () => {
  const rig = serving({ drainMs: () => null }, { copiesMax: 1 });
  const slot = rig.effects.find((effect) => effect.kind === 'serving')?.slot;
  assert.ok(slot);
  remove(rig, 'm');
  rig.crash();
  rig.request('next');
  rig.clock.advance(1000);
  assert.equal(rig.stateOf('next'), 'waiting-for-space');
  rig.send({ kind: 'in-flight-zero', slot });
  rig.clock.advance(1000);
  assert.deepEqual(rig.serving(), ['next']);
});

test('a model that the runtime dies of is found alone and given up; the others load', () => {
  const rig = new CacheRig({ loadMs: (model) => (model === 'poison' ? null : 100), restartMs: 10 });
  rig.ready(mib(1024), { loadingConcurrency: 4 });
  for (const name of ['poison', 'a', 'b']) rig.request(name);
  rig.clock.advance(50);
  rig.crash();
  rig.clock.advance(15);
  assert.deepEqual([rig.cache.summary().loadsRunning, rig.cache.summary().loadsQueued], [1, 2]);
  for (let crashes = 1; crashes < 10 && rig.stateOf('poison') !== 'failed'; crashes += 1) {
    rig.clock.advance(500);
    if (rig.stateOf('poison') === 'loading') {
      assert.equal(rig.cache.summary().loadsRunning, 1, 'a suspect loads alone');
      rig.crash();
    }
    rig.clock.advance(50);
  }
  rig.clock.advance(500);
  assert.equal(rig.outcomesOf('poison').at(-1), 'load-failed');
  assert.match(rig.effects.filter((effect) => effect.kind === 'record-failure').at(-1)?.message ?? '', /ended 2 times/);
  for (const name of ['a', 'b']) assert.deepEqual(rig.outcomesOf(name), ['serving']);
});

test('a second runtime-ready without a loss between means that the first one is gone', () => {
  const rig = serving();
  rig.ready(mib(512));
  assert.deepEqual([rig.serving(), rig.cache.summary().bookedUnits], [[], 0]);
  assert.equal(rig.count('copy-lost'), 1);
});

test('answers about a copy that is gone are ignored', () => {
  const rig = serving({ unloadMs: 0 });
  const old = rig.cache.copy(modelKey('m'));
  assert.ok(old);
  remove(rig, 'm');
  rig.clock.advance(1000);
  rig.request('m');
  rig.clock.advance(5);
  for (const kind of ['load-started', 'claimed', 'unload-succeeded'] as const) {
    assert.deepEqual(rig.send({ kind, model: old.model, copy: old.copy }), []);
  }
  assert.deepEqual(rig.send({ kind: 'load-failed', model: old.model, copy: old.copy, message: 'late' }), []);
  assert.deepEqual(rig.send({ kind: 'timer', timer: 1 }), []);
  rig.clock.advance(durationMs(1000));
  assert.deepEqual(rig.serving(), ['m']);
});

/** Failures and their expiry: spec §4.4.6, §4.4.10, and ModelMeshLoadFailureTest, ModelMeshFailureExpiryTest of §8. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { durationMs, epochMs, instanceId, modelKey } from '../index.ts';
import { failureExpired, failureGate, type LoadFailure } from './index.ts';
import { CacheRig, mib } from './testing/index.ts';

const EXPIRY = durationMs(900_000);

function failing(behaviour: ConstructorParameters<typeof CacheRig>[0] = {}, config = {}): CacheRig {
  const rig = new CacheRig({ loadFails: () => 'UNKNOWN: no such operator', ...behaviour }, config);
  rig.ready(mib(1024));
  return rig;
}

test('a failed load is recorded once, weighs one unit, and its unload follows after 1 s', () => {
  const rig = failing();
  rig.request('bad');
  rig.clock.advance(25);
  assert.deepEqual(rig.outcomesOf('bad'), ['load-failed']);
  const recorded = rig.effects.filter((effect) => effect.kind === 'record-failure');
  assert.deepEqual(
    recorded.map(({ message }) => message),
    ['UNKNOWN: no such operator'],
  );
  assert.equal(rig.cache.copy(modelKey('bad'))?.units, 1);
  rig.clock.advance(994);
  assert.equal(rig.count('start-unload'), 0);
  rig.clock.advance(1);
  assert.equal(rig.count('start-unload'), 1);
});

test('requests fail with the same message until the failure expires, then the model loads and serves', () => {
  let broken = true;
  const rig = failing({ loadFails: () => (broken ? 'broken' : null) }, { failureExpiryMs: durationMs(2000) });
  const outcomes = new Set<string>();
  rig.request('m');
  rig.clock.advance(30);
  broken = false;
  for (let at = 0; at < 900; at += 100) {
    rig.request('m');
    rig.clock.advance(100);
    for (const outcome of rig.outcomesOf('m')) outcomes.add(outcome);
  }
  assert.deepEqual([...outcomes], ['load-failed'], 'in use: half of two seconds');
  rig.clock.advance(100);
  rig.request('m');
  rig.clock.advance(1500);
  assert.deepEqual(rig.serving(), ['m']);
});

test('the failure of a model that is not used lasts the whole expiry, and its record is cleared then', () => {
  const rig = failing();
  rig.request('m');
  rig.clock.advance(EXPIRY - 1);
  assert.equal(rig.stateOf('m'), 'failed');
  rig.clock.advance(22);
  assert.equal(rig.stateOf('m'), undefined);
  assert.equal(rig.count('clear-failure'), 1);
});

test('a request tries again when the record says that the failure expired, although the timer has not fired', () => {
  let broken = true;
  const rig = failing({ loadFails: () => (broken ? 'broken' : null) });
  rig.request('m');
  rig.clock.advance(5000);
  broken = false;
  rig.clock.jumpWall(EXPIRY);
  rig.request('m');
  rig.clock.advance(1000);
  assert.deepEqual(rig.outcomesOf('m'), ['load-failed', 'serving']);
  assert.equal(rig.count('clear-failure'), 1);
});

test('a clock that is set back does not make a failure last', () => {
  const rig = failing();
  rig.request('m');
  rig.clock.advance(5000);
  rig.clock.jumpWall(-4 * EXPIRY);
  rig.clock.advance(EXPIRY);
  assert.equal(rig.stateOf('m'), undefined);
  assert.equal(rig.count('clear-failure'), 1);
});

test('a new artifact clears the failure and the remembered size at once', () => {
  let broken = true;
  const rig = failing({ loadFails: () => (broken ? 'broken' : null) });
  rig.request('m');
  rig.clock.advance(5000);
  broken = false;
  rig.send({ kind: 'artifact-changed', model: modelKey('m') });
  assert.equal(rig.count('clear-failure'), 1);
  rig.request('m');
  rig.clock.advance(100);
  assert.deepEqual(rig.serving(), ['m']);
  rig.send({ kind: 'artifact-changed', model: modelKey('m') });
  assert.equal(rig.cache.rememberedSize(modelKey('m')), null);
});

test('a remembered failure is an ordinary victim, pinned or not', () => {
  const rig = new CacheRig({ loadFails: (model) => (model === 'bad' ? 'broken' : null) }, { copiesMax: 2 });
  rig.ready(mib(1024));
  rig.request('bad', { policy: { pinned: true, idleAfterMs: null } });
  rig.clock.advance(5000);
  for (const name of ['a', 'b']) {
    rig.request(name);
    rig.clock.advance(500);
  }
  assert.deepEqual(rig.victims(), ['bad']);
});

test('law: a failure of a model in use lives half as long, of any other the whole time', () => {
  const ms = fc.nat(1_000_000).map(epochMs);
  fc.assert(
    fc.property(ms, ms, ms, (failedAt, lastUsed, later) => {
      const now = epochMs(failedAt + later);
      const inUse = now - lastUsed <= 180_000;
      assert.equal(failureExpired(failedAt, lastUsed, now, EXPIRY), later >= (inUse ? EXPIRY / 2 : EXPIRY));
    }),
  );
});

test('three failures younger than half the expiry close the gate, with the message of the latest', () => {
  const now = epochMs(10_000_000);
  const failure = (id: number, ageMs: number): LoadFailure => ({
    instance: instanceId(`i${id}`),
    atMs: epochMs(now - ageMs),
    message: `m${id}`,
  });
  assert.equal(failureGate([failure(1, 5), failure(2, 10)], now, EXPIRY), null);
  assert.equal(failureGate([failure(1, 5), failure(2, 1), failure(3, 10)], now, EXPIRY)?.message, 'm2');
  assert.equal(failureGate([failure(1, 5), failure(2, 1), failure(3, EXPIRY / 2)], now, EXPIRY), null);
});

test('another artifact under the same key: the failure of the old one is forgotten, its copy leaves, and a request loads the new one', () => {
  let broken = true;
  const rig = failing({ loadFails: () => (broken ? 'broken' : null) });
  rig.request('m', { artifact: 'one' });
  rig.clock.advance(5000);
  broken = false;
  rig.request('m', { artifact: 'two' });
  rig.clock.advance(1000);
  assert.deepEqual([rig.outcomesOf('m'), rig.serving()], [['load-failed', 'serving'], ['m']]);

  const { copy } = rig.cache.copy(modelKey('m')) ?? {};
  const policy = { pinned: true, idleAfterMs: null };
  rig.send({ kind: 'described', model: modelKey('m'), artifact: 'two', policy });
  assert.equal(rig.cache.copy(modelKey('m'))?.copy, copy, 'another wish of the owner is no other artifact');
  rig.send({ kind: 'described', model: modelKey('m'), artifact: 'three', policy });
  assert.deepEqual([rig.serving(), rig.cache.rememberedSize(modelKey('m'))], [[], null]);
  rig.clock.runAll();
  assert.equal(rig.stateOf('m'), undefined);
});

test('another artifact while requests wait for the old one: each is answered once, that it is gone, and asks again', () => {
  const rig = failing({ loadFails: () => null });
  rig.request('m', { artifact: 'one' });
  rig.request('m', { artifact: 'two' });
  assert.deepEqual(rig.outcomesOf('m'), ['removed'], 'one word to both');
  rig.request('m', { artifact: 'two' });
  rig.clock.runAll();
  assert.deepEqual([rig.outcomesOf('m').at(-1), rig.serving()], ['serving', ['m']]);
});

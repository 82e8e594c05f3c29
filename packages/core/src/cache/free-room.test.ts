/** Copies that only shadows want: design, *mirror*: they are loaded into free memory, and go first. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs, epochMs } from '../index.ts';
import { CacheRig, mib, unitsOf } from './testing/index.ts';

const FREE_ROOM = { onlyFreeRoom: true, urgency: 'background', lastUsedMs: epochMs(1) } as const;

/** Room for ten models; so many of them are taken by copies that were called once, long ago. */
function rigWith(live: number, config = {}): CacheRig {
  const rig = new CacheRig({}, { minChurnAgeMs: durationMs(0), ...config });
  rig.ready(mib(1024));
  for (let at = 0; at < live; at++) rig.request(`live-${at}`);
  rig.clock.advance(3_600_000);
  assert.equal(rig.serving().length, live);
  return rig;
}

const evictions = (rig: CacheRig): readonly string[] =>
  rig.effects.flatMap((effect) => (effect.kind === 'evicted' ? [effect.model] : []));

test('a copy that is wanted where memory is free is loaded while there is some, and refused where another one would have to go', () => {
  const rig = rigWith(2);
  rig.request('shadow', FREE_ROOM);
  rig.clock.advance(1000);
  assert.equal(rig.stateOf('shadow'), 'active');
  for (let at = 2; rig.cache.summary().bookedUnits + 2 * unitsOf(50) <= unitsOf(1024); at++) {
    rig.request(`live-${at}`);
    rig.clock.advance(1000);
    if (evictions(rig).length > 0) break;
  }
  while (evictions(rig).length === 0) {
    rig.request(`more-${rig.nowMs}`);
    rig.clock.advance(1000);
  }
  assert.deepEqual(evictions(rig), ['shadow'], 'it goes before copies that were called an hour ago');
  rig.clock.advance(10_000);
  rig.request('shadow', FREE_ROOM);
  rig.clock.advance(1000);
  assert.equal(rig.stateOf('shadow'), undefined);
  const last = rig.woken.at(-1)?.outcome;
  assert.ok(last?.kind === 'refused' && last.refusal.kind === 'no-free-room', JSON.stringify(last));
  assert.deepEqual(evictions(rig), ['shadow']);
});

test('somebody else who wants the copy too makes it one like any other', () => {
  const rig = rigWith(2);
  rig.request('shadow', FREE_ROOM);
  rig.clock.advance(1000);
  rig.request('shadow');
  rig.clock.advance(1000);
  for (let at = 0; evictions(rig).length === 0; at++) {
    rig.request(`more-${at}`);
    rig.clock.advance(1000);
  }
  assert.equal(evictions(rig)[0], 'live-0');
  assert.equal(rig.stateOf('shadow'), 'active');
});

test('a copy that only shadows use stays for its idle time from when it serves, and no longer', () => {
  const rig = rigWith(0);
  rig.request('shadow', { ...FREE_ROOM, policy: { pinned: false, idleAfterMs: durationMs(60_000) } });
  rig.clock.advance(59_000);
  assert.equal(rig.stateOf('shadow'), 'active');
  rig.clock.advance(2000);
  rig.clock.advance(5000);
  assert.equal(rig.stateOf('shadow'), undefined);
});

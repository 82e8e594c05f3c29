import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytes, epochMs, modelKey, sizeUnits, UNIT_BYTES } from '../index.ts';
import type { Slot } from './copy-state.ts';
import { createCache, DEFAULT_CACHE_CONFIG, outcomeError } from './index.ts';
import { SizeLedger } from './size-ledger.ts';
import { SlotPool } from './slot-pool.ts';

const M = modelKey('m');
const units = (count: number) => bytes(count * UNIT_BYTES);

test('a new load replaces the measured size, the high water of use stays until the files change', () => {
  const ledger = new SizeLedger(10);
  assert.equal(ledger.loaded(M, units(50)), 50);
  assert.equal(ledger.observed(M, units(40), units(70)), 70);
  assert.equal(ledger.loaded(M, units(30)), 70);
  assert.equal(ledger.known(M, sizeUnits(5)), 70);
  ledger.forget(M);
  assert.equal(ledger.known(M, sizeUnits(5)), 5);
  assert.equal(ledger.loaded(M, units(30)), 30);
});

test('without any guess the default is booked, and nothing weighs less than a unit', () => {
  const ledger = new SizeLedger(10);
  assert.equal(ledger.guess(null, null, sizeUnits(9)), 9);
  assert.equal(ledger.guess(sizeUnits(3), units(2), sizeUnits(9)), 3);
  assert.equal(ledger.loaded(M, bytes(0)), 1);
});

test('remembered sizes are bounded: the one measured longest ago is forgotten', () => {
  const ledger = new SizeLedger(2);
  for (const name of ['a', 'b', 'a', 'c']) ledger.loaded(modelKey(name), units(1));
  assert.deepEqual(
    ['a', 'b', 'c'].map((name) => ledger.rememberedBytes(modelKey(name))),
    [UNIT_BYTES, null, UNIT_BYTES],
  );
});

test('law: a slot is never out twice, every use has a new generation, and no more than the maximum are out', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat()), { maxLength: 80 }), (ops) => {
      const pool = new SlotPool(5);
      const out: Slot[] = [];
      const seen = new Set<string>();
      for (const [take, pick] of ops) {
        if (take) {
          const slot = pool.take();
          assert.equal(slot === null, out.length === 5);
          if (slot === null) continue;
          assert.ok(!out.some(({ index }) => index === slot.index) && !seen.has(`${slot.index}/${slot.generation}`));
          seen.add(`${slot.index}/${slot.generation}`);
          out.push(slot);
        } else {
          const [slot] = out.splice(pick % Math.max(1, out.length), 1);
          if (slot === undefined) continue;
          pool.give(slot);
          pool.give(slot);
          pool.give({ index: slot.index, generation: slot.generation - 1 });
        }
      }
    }),
  );
});

test('a limit that is not positive is refused when the cache is made', () => {
  assert.throws(
    () => createCache({ ...DEFAULT_CACHE_CONFIG, loadQueueMax: 0 }, { lastUsedMs: () => epochMs(0), calls: () => 0 }),
    /loadQueueMax must be a positive integer, got 0/,
  );
});

test('every outcome that is not an answer has its error', () => {
  const kinds = [
    { kind: 'load-failed', message: 'x', failedAtMs: 0, timedOut: false },
    { kind: 'refused', refusal: { kind: 'queue-full', loadQueueMax: 3 } },
    { kind: 'refused', refusal: { kind: 'stopping' } },
    { kind: 'refused', refusal: { kind: 'all-pinned', neededUnits: 2, pinnedUnits: 3, effectiveUnits: 4 } },
    { kind: 'removed' },
    { kind: 'evicted' },
    { kind: 'claim-lost', message: 'x' },
    { kind: 'no-space', waitedMs: 180_000 },
  ] as Parameters<typeof outcomeError>[1][];
  assert.deepEqual(
    kinds.map((outcome) => outcomeError(M, outcome).kind),
    ['load-failed', 'overloaded', 'unavailable', 'no-capacity', 'model-not-found', 'no-capacity', 'unavailable', 'no-capacity'],
  );
});

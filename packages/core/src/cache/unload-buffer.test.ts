/** The arithmetic of spec §4.3 alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sizeUnits } from '../index.ts';
import { unloadReserve } from './index.ts';
import { UnloadBuffer } from './unload-buffer.ts';

const buffer = (capacity: number, reserve: number, headroom = 0): UnloadBuffer =>
  new UnloadBuffer(sizeUnits(capacity), sizeUnits(reserve), sizeUnits(headroom));

test('the reserve is a share of what loads at a time, at most a tenth of the capacity; at least a hundredth, in a small cache more', () => {
  const reserve = (capacity: number, concurrency: number, size: number): number =>
    unloadReserve(sizeUnits(capacity), concurrency, sizeUnits(size));
  assert.equal(reserve(131_072, 6, 6400), 9600, 'the worked example of the spec: 75 MiB of 1024 MiB');
  assert.equal(reserve(131_072, 2, 6400), 6400, 'up to two loads: half');
  assert.equal(reserve(131_072, 1, 10), 5242, 'at least a twenty-fifth');
  assert.equal(reserve(400_000, 1, 10), 8192, 'which is no more than 64 MiB');
  assert.equal(reserve(13_107_200, 1, 10), 131_072, 'but at least a hundredth');
  assert.equal(reserve(131_072, 50, 6400), 13_107, 'at most a tenth');
});

test('a copy borrows from what it will evict, so that one insertion causes no cascade', () => {
  const books = buffer(1000, 100);
  for (let copy = 0; copy < 9; copy += 1) {
    books.insert(100);
    books.claim(100);
  }
  assert.equal(books.excessAfter(100, 0), 100);
  books.insert(100);
  books.leave(100);
  assert.equal(books.excessAfter(0, 0), 0, 'one victim of the same size is enough although it is still resident');
  assert.ok(books.fits(100), 'the reserve lets the load start at once');
  books.claim(100);
  assert.equal(books.bookedUnits, 1000);
  assert.ok(!books.fits(1));
  books.unloaded(100);
  assert.equal(books.bookedUnits, 900);
});

test('loads leave the headroom free for copies that turn out larger than booked', () => {
  const books = buffer(1000, 100, 25);
  books.insert(900);
  books.claim(900);
  assert.deepEqual([books.fits(75), books.fits(76)], [true, false]);
  books.insert(75);
  books.claim(75);
  books.resize(25);
  assert.deepEqual(
    [books.bookedUnits, books.excessAfter(0, 0)],
    [1000, 100],
    'full, and more than a victim of that size has to go',
  );
});

test('what a measurement overdraws is repaid by the unloads that it causes, before they count as free', () => {
  const books = buffer(1000, 100);
  books.insert(900);
  books.claim(900);
  books.resize(60);
  assert.deepEqual([books.deficitUnits, books.bookedUnits, books.excessAfter(0, 0)], [60, 960, 60]);
  books.leave(300);
  assert.deepEqual([books.fits(40), books.fits(41)], [true, false], 'an overdraft is not free for a load');
  books.unloaded(300);
  assert.deepEqual([books.deficitUnits, books.bookedUnits], [0, 660]);
});

test('a copy that shrinks repays the deficit first', () => {
  const books = buffer(1000, 100);
  books.insert(900);
  books.claim(900);
  books.resize(60);
  books.resize(-80);
  assert.deepEqual([books.deficitUnits, books.bookedUnits, books.occupiedUnits], [0, 880, 880]);
});

test('an unload that was given up takes its memory out of the capacity, of which one unit stays', () => {
  const books = buffer(1000, 100);
  books.insert(300);
  books.claim(300);
  books.leave(300);
  books.lose(300);
  assert.deepEqual([books.capacityUnits, books.lostUnits, books.bookedUnits, books.effectiveUnits], [700, 300, 0, 600]);
  books.leave(0);
  const small = buffer(10, 0);
  small.insert(10);
  small.claim(10);
  small.leave(10);
  small.lose(10);
  assert.equal(small.capacityUnits, 1);
});

test('a claim of what is not free is a bug', () => {
  assert.throws(() => buffer(10, 1).claim(11), /not free/);
});

type Op = { readonly op: 'insert' | 'leave' | 'claim' | 'unloaded' | 'resize'; readonly pick: number; readonly units: number };
const anOp: fc.Arbitrary<Op> = fc.record({
  op: fc.constantFrom('insert' as const, 'leave', 'claim', 'unloaded', 'resize'),
  pick: fc.nat(),
  units: fc.integer({ min: 1, max: 300 }),
});

/** Copies in the three stages that the buffer distinguishes without knowing them. */
class Stages {
  readonly unclaimed: number[] = [];
  readonly resident: number[] = [];
  readonly leaving: number[] = [];
  readonly sum = (list: readonly number[]): number => list.reduce((total, units) => total + units, 0);
  take(list: number[], pick: number): number | undefined {
    return list.splice(pick % Math.max(1, list.length), 1)[0];
  }
}

function play(books: UnloadBuffer, stages: Stages, { op, pick, units }: Op): void {
  if (op === 'insert' && books.excessAfter(units, 0) <= 0) {
    books.insert(units);
    stages.unclaimed.push(units);
    return;
  }
  const from = op === 'claim' ? stages.unclaimed : op === 'unloaded' ? stages.leaving : stages.resident;
  const taken = stages.take(from, pick);
  if (taken === undefined) return;
  if (op === 'claim' && books.fits(taken)) {
    books.claim(taken);
    stages.resident.push(taken);
  } else if (op === 'leave') {
    books.leave(taken);
    stages.leaving.push(taken);
  } else if (op === 'unloaded') {
    books.unloaded(taken);
  } else if (op === 'resize') {
    books.resize(units - taken);
    stages.resident.push(units);
  } else {
    from.push(taken);
  }
}

test('law: the booking is what is resident and leaving, occupancy is what is wanted, and a deficit has an unload or an excess to repay it', () => {
  fc.assert(
    fc.property(fc.array(anOp, { maxLength: 200, size: 'max' }), (ops) => {
      const books = buffer(1000, 100);
      const stages = new Stages();
      for (const op of ops) {
        play(books, stages, op);
        assert.equal(books.bookedUnits, stages.sum(stages.resident) + stages.sum(stages.leaving));
        assert.equal(books.occupiedUnits, stages.sum(stages.resident) + stages.sum(stages.unclaimed));
        if (books.deficitUnits > 0)
          assert.ok(stages.leaving.length > 0 || books.excessAfter(0, 0) > 0 || stages.unclaimed.length > 0);
      }
    }),
    { numRuns: 300 },
  );
});

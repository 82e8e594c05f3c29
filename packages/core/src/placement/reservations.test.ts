import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { instance, NOW_MS, units } from '../cluster/testing/index.ts';
import { epochMs, instanceId } from '../index.ts';
import { RESERVATION_MS, RESERVATIONS_MAX, Reservations } from './index.ts';

const at = (ms: number) => epochMs(NOW_MS + ms);
const using = (usedUnits: number, id = 'a') => instance(id, { usedUnits: units(usedUnits) });

describe('memory given away', () => {
  it('is expected until the record shows it, the oldest first', () => {
    const reservations = new Reservations();
    reservations.reserve(using(1000), units(100), at(0));
    reservations.reserve(using(1000), units(200), at(1));
    assert.deepEqual(reservations.expected(using(1000), at(2)), { units: 300, loads: 2 });
    assert.deepEqual(reservations.expected(using(1099), at(2)), { units: 300, loads: 2 });
    assert.deepEqual(reservations.expected(using(1100), at(2)), { units: 200, loads: 1 });
    assert.deepEqual(reservations.expected(using(1250), at(2)), { units: 200, loads: 1 });
    assert.deepEqual(reservations.expected(using(1300), at(2)), { units: 0, loads: 0 });
    assert.equal(reservations.size, 0);
  });

  it('or until five seconds passed, since what makes room for itself never shows', () => {
    const reservations = new Reservations();
    reservations.reserve(using(1000), units(100), at(0));
    assert.equal(reservations.expected(using(1000), at(RESERVATION_MS - 1)).loads, 1);
    assert.equal(reservations.expected(using(1000), at(RESERVATION_MS)).loads, 0);
  });

  it('is not held longer because the clock was set back', () => {
    const reservations = new Reservations();
    reservations.reserve(using(1000), units(100), at(0));
    assert.equal(reservations.expected(using(1000), at(-1)).loads, 0);
  });

  it('shows above what was in use after others left meanwhile', () => {
    const reservations = new Reservations();
    reservations.reserve(using(1000), units(100), at(0));
    assert.equal(reservations.expected(using(400), at(1)).units, 100);
    assert.equal(reservations.expected(using(500), at(2)).units, 0);
  });

  it('is free again when the load did not come about, or the instance is gone', () => {
    const reservations = new Reservations();
    for (const size of [100, 200, 100]) reservations.reserve(using(0), units(size), at(0));
    reservations.release(instanceId('a'), units(200));
    reservations.release(instanceId('a'), units(7));
    reservations.release(instanceId('b'), units(100));
    assert.deepEqual(reservations.expected(using(0), at(1)), { units: 200, loads: 2 });
    reservations.forget(instanceId('a'));
    assert.deepEqual([reservations.expected(using(0), at(1)).loads, reservations.size], [0, 0]);
  });

  it('beyond the limit the oldest is forgotten', () => {
    const reservations = new Reservations();
    reservations.reserve(using(0, 'first'), units(1), at(0));
    for (let count = 0; count < RESERVATIONS_MAX; count++) reservations.reserve(using(0), units(1), at(1));
    assert.equal(reservations.size, RESERVATIONS_MAX);
    assert.equal(reservations.expected(using(0, 'first'), at(2)).loads, 0);
  });
});

const aStep = fc.record({
  op: fc.constantFrom('reserve' as const, 'look' as const, 'forget' as const, 'release' as const),
  id: fc.constantFrom('a', 'b'),
  used: fc.nat(20),
  size: fc.nat(5),
  waitMs: fc.constantFrom(0, 1, 1000, 5000),
});

test('law: never more is expected than was reserved in the last five seconds, and the books agree', () => {
  fc.assert(
    fc.property(fc.array(aStep, { maxLength: 60 }), (steps) => {
      const reservations = new Reservations();
      const reserved: { id: string; size: number; ms: number }[] = [];
      let ms = 0;
      for (const { op, id, used, size, waitMs } of steps) {
        ms += waitMs;
        if (op === 'reserve') {
          reservations.reserve(using(used, id), units(size), at(ms));
          reserved.push({ id, size, ms });
        } else if (op === 'forget') reservations.forget(instanceId(id));
        else if (op === 'release') reservations.release(instanceId(id), units(size));
        const both = ['a', 'b'].map((name) => {
          const expected = reservations.expected(using(used, name), at(ms));
          const recent = reserved.filter((one) => one.id === name && ms - one.ms < RESERVATION_MS);
          assert.ok(expected.units <= recent.reduce((sum, one) => sum + one.size, 0) && expected.loads <= recent.length);
          return expected.loads;
        });
        assert.equal(
          both.reduce((sum, loads) => sum + loads, 0),
          reservations.size,
        );
      }
    }),
  );
});

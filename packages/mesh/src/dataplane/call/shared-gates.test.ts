import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { epochMs } from '@modelmesh/core';
import fc from 'fast-check';
import { allocateCounters, SlotCounters } from '../../link/index.ts';
import { SharedGates } from './shared-gates.ts';

const slot = { index: 2, generation: 1 };

/** Gates of several workers on one memory, as each thread has its own. */
function rig(workers: number): { readonly gates: readonly SharedGates[]; readonly control: SlotCounters } {
  const memory = allocateCounters(workers, 4);
  const control = new SlotCounters(memory);
  control.open(slot, epochMs(1));
  return { gates: Array.from({ length: workers }, (_, worker) => new SharedGates(worker, new SlotCounters(memory))), control };
}

/** Resolves with its turn. */
function caller(): { readonly onTurn: () => void; readonly turn: Promise<void> } {
  const { promise: turn, resolve } = Promise.withResolvers<void>();
  return { onTurn: () => resolve(), turn };
}

const nobody = { onTurn: () => {} };

describe('turns that workers share', () => {
  it('are no more than the copy takes, whichever workers the calls are at, and another worker waits for one', async () => {
    const [a, b] = rig(2).gates;
    assert.ok(a !== undefined && b !== undefined);
    assert.equal(a.enter(slot, 2, 16, nobody), 'now');
    assert.equal(b.enter(slot, 2, 16, nobody), 'now');
    const later = caller();
    assert.equal(b.enter(slot, 2, 16, later), 'later');
    a.leave(slot);
    await later.turn;
    assert.equal(a.enter(slot, 2, 16, nobody), 'later');
  });

  it('are refused beyond the bound of those that run and wait at all workers', () => {
    const [a, b] = rig(2).gates;
    assert.ok(a !== undefined && b !== undefined);
    assert.equal(a.enter(slot, 1, 3, nobody), 'now');
    assert.equal(a.enter(slot, 1, 3, nobody), 'later');
    assert.equal(b.enter(slot, 1, 3, nobody), 'later');
    assert.equal(b.enter(slot, 1, 3, nobody), 'full');
    a.giveUp(slot, nobody);
    assert.equal(b.enter(slot, 1, 3, { onTurn: () => {} }), 'later');
  });

  it('of a dead worker go to those that wait', async () => {
    const { gates, control } = rig(2);
    const [a, b] = gates;
    assert.ok(a !== undefined && b !== undefined);
    assert.equal(a.enter(slot, 1, 16, nobody), 'now');
    const later = caller();
    assert.equal(b.enter(slot, 1, 16, later), 'later');
    control.forgetCalls(0);
    await later.turn;
    assert.equal(control.turns(slot), 1);
  });

  it('law: never more than the copy takes, and everybody who waits has a turn in the end', async () => {
    const calls = fc.array(fc.nat(2), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(calls, fc.integer({ min: 1, max: 4 }), async (workers, concurrency) => {
        const { gates, control } = rig(3);
        let [running, most] = [0, 0];
        const run = async (worker: number): Promise<void> => {
          const gate = gates[worker];
          assert.ok(gate !== undefined);
          const waiter = caller();
          if (gate.enter(slot, concurrency, 1000, waiter) === 'later') await waiter.turn;
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setImmediate(resolve));
          running -= 1;
          gate.leave(slot);
        };
        await Promise.all(workers.map(run));
        assert.ok(most <= concurrency, `${most} of ${concurrency}`);
        assert.equal(control.turns(slot), 0);
      }),
      { numRuns: 30 },
    );
  });
});

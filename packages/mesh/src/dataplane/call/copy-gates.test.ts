import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CopyGates, type TurnWaiter, turnsMax } from './copy-gates.ts';

const SLOT = { index: 3, generation: 1 };

describe('§4.8 the turns at a copy', () => {
  it('as many run as its concurrency says, the rest wait in order, and what is beyond the bound is refused', () => {
    const gates = new CopyGates();
    const turns: string[] = [];
    const waiter = (name: string): TurnWaiter => ({ onTurn: () => turns.push(name) });
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'e'].map((name) => gates.enter(SLOT, 2, 4, waiter(name))),
      ['now', 'now', 'later', 'later', 'full'],
    );
    assert.equal(gates.waitingAt(SLOT), 2);
    gates.leave(SLOT);
    gates.leave(SLOT);
    assert.deepEqual(turns, ['c', 'd']);
    gates.leave(SLOT);
    gates.leave(SLOT);
    assert.equal(gates.size, 0);
  });

  it('another life of the slot has turns of its own', () => {
    const gates = new CopyGates();
    const silent = { onTurn: () => {} };
    gates.enter(SLOT, 1, 1, silent);
    assert.equal(gates.enter({ ...SLOT, generation: 2 }, 1, 1, silent), 'now');
    gates.leave(SLOT);
    assert.equal(gates.enter({ ...SLOT, generation: 2 }, 1, 1, silent), 'full');
  });

  it('law: never more run than may, nobody is told twice, and nothing is left when all have gone', () => {
    const anOperation = fc.oneof(
      fc.constant({ op: 'enter' as const }),
      fc.record({ op: fc.constantFrom('leave' as const, 'give-up' as const), at: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(anOperation, { maxLength: 60 }), (concurrency, operations) => {
        const gates = new CopyGates();
        const running = new Set<TurnWaiter>();
        const waiting = new Set<TurnWaiter>();
        const leave = (one: TurnWaiter): void => {
          running.delete(one);
          gates.leave(SLOT);
        };
        for (const operation of operations) {
          if (operation.op === 'enter') {
            const one: TurnWaiter = {
              onTurn: () => {
                assert.ok(waiting.delete(one));
                running.add(one);
              },
            };
            const turn = gates.enter(SLOT, concurrency, turnsMax(concurrency), one);
            if (turn === 'now') running.add(one);
            if (turn === 'later') waiting.add(one);
          } else if (operation.op === 'leave') {
            const one = [...running][operation.at % Math.max(1, running.size)];
            if (one !== undefined) leave(one);
          } else {
            const one = [...waiting][operation.at % Math.max(1, waiting.size)];
            if (one === undefined) continue;
            waiting.delete(one);
            gates.giveUp(SLOT, one);
          }
          assert.ok(running.size <= concurrency);
          assert.ok(waiting.size === 0 || running.size === concurrency, 'nobody waits beside a free turn');
        }
        while (running.size > 0) leave([...running][0] as TurnWaiter);
        assert.deepEqual([waiting.size, gates.size], [0, 0]);
      }),
    );
  });
});

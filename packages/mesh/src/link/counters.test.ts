import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { epochMs } from '@modelmesh/core';
import fc from 'fast-check';
import { allocateCounters, SlotCounters } from './index.ts';

const NOW = epochMs(1_000_000);
const fresh = (workers = 2) => {
  const memory = allocateCounters(workers, 4);
  return { control: new SlotCounters(memory), worker: new SlotCounters(memory) };
};

describe('the counters of copies', () => {
  it('let calls in while a copy serves, and count them over all workers', () => {
    const { control, worker } = fresh();
    const slot = { index: 1, generation: 1 };
    control.open(slot, NOW);
    assert.ok(worker.enter(0, slot, NOW));
    assert.ok(worker.enter(1, slot, epochMs(NOW + 5)));
    assert.equal(control.inFlight(slot), 2);
    assert.equal(control.lastUse(slot), NOW + 5);
    worker.leave(0, slot, true, 1);
    worker.leave(1, slot, false, 1);
    assert.ok(worker.enter(1, slot, NOW));
    assert.equal(control.calls(slot), 3, 'two that left and one that is in flight');
  });

  it('let nobody into a copy that drains, and tell who was the last to leave', () => {
    const { control, worker } = fresh();
    const slot = { index: 0, generation: 7 };
    control.open(slot, NOW);
    assert.ok(worker.enter(0, slot, NOW));
    assert.ok(worker.enter(0, slot, NOW));
    control.drain(slot);
    assert.equal(worker.enter(0, slot, NOW), false);
    assert.equal(control.release(slot), false, 'two calls are in flight');
    assert.equal(worker.leave(0, slot, true, 1), false);
    assert.equal(worker.leave(0, slot, false, 700), true);
    assert.equal(control.release(slot), true);
  });

  it('know a copy of another life from the present one', () => {
    const { control, worker } = fresh();
    const before = { index: 2, generation: 1 };
    control.open(before, NOW);
    control.drain(before);
    assert.ok(control.release(before));
    const after = { index: 2, generation: 2 };
    assert.equal(control.lastUse(after), 0, 'it was never used, whatever the earlier life says');
    assert.equal(control.calls(after), 0);
    control.open(after, NOW);
    assert.equal(worker.enter(0, before, NOW), false);
    assert.ok(worker.enter(0, after, NOW));
    control.drain(before);
    assert.ok(worker.enter(0, after, NOW), 'draining an earlier life leaves the present one alone');
  });

  it('hold a copy for shadows, and count them as nothing else: no use, no call, no load', () => {
    const { control, worker } = fresh();
    const slot = { index: 3, generation: 1 };
    control.open(slot, epochMs(1));
    assert.ok(worker.enterShadow(0, slot));
    assert.ok(worker.enter(1, slot, NOW));
    assert.deepEqual([control.inFlight(slot), control.liveInFlight(slot), control.calls(slot)], [2, 1, 1]);
    worker.leave(1, slot, true, 5);
    assert.deepEqual([control.inFlight(slot), control.liveInFlight(slot), control.calls(slot)], [1, 0, 1]);
    control.drain(slot);
    assert.equal(worker.enterShadow(0, slot), false);
    assert.equal(control.release(slot), false, 'it is not unloaded beneath a shadow');
    assert.equal(worker.leaveShadow(0, slot), true, 'the last one');
    assert.equal(control.processingMs(slot), 5);
    assert.equal(control.release(slot), true);
    const next = { index: 3, generation: 2 };
    control.open(next, epochMs(1));
    assert.ok(worker.enterShadow(1, next));
    assert.equal(control.lastUse(next), 1);
    control.forgetCalls(1);
    assert.deepEqual([control.inFlight(next), control.liveInFlight(next)], [0, 0], 'a worker that is dead holds nothing');
  });

  it('sort latencies into buckets and outcomes into two', () => {
    const { control, worker } = fresh();
    const slot = { index: 0, generation: 1 };
    control.open(slot, NOW);
    for (const [latencyMs, succeeded] of [
      [0.4, true],
      [0.5, true],
      [999_999, false],
    ] as const) {
      worker.enter(1, slot, NOW);
      worker.leave(1, slot, succeeded, latencyMs);
    }
    const { succeeded, failed, latency } = control.totals(slot);
    assert.deepEqual([succeeded, failed, latency[0], latency.at(-1)], [2, 1, 2, 1]);
  });

  it('law: what entered and did not leave is in flight, whatever the order', () => {
    const step = fc.record({ worker: fc.nat(1), enters: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { control, worker } = fresh();
        const slot = { index: 3, generation: 1 };
        control.open(slot, NOW);
        const inside = [0, 0];
        for (const { worker: at, enters } of steps) {
          const count = inside[at] ?? 0;
          if (enters) {
            assert.ok(worker.enter(at, slot, NOW));
            inside[at] = count + 1;
          } else if (count > 0) {
            worker.leave(at, slot, true, 1);
            inside[at] = count - 1;
          }
        }
        assert.equal(control.inFlight(slot), (inside[0] ?? 0) + (inside[1] ?? 0));
      }),
    );
  });

  it('law: after a worker died the calls in flight are those of the others, and so are the turns', () => {
    const step = fc.record({ worker: fc.nat(2), slot: fc.nat(1), takes: fc.boolean(), turn: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.nat(2), (steps, dead) => {
        const { control, worker } = fresh(3);
        const slots = [0, 1].map((index) => ({ index, generation: 1 }));
        for (const slot of slots) control.open(slot, NOW);
        const places = Array.from({ length: 6 }, () => ({ calls: 0, turns: 0 }));
        for (const { worker: at, slot: index, takes, turn } of steps) {
          const [slot, inside] = [slots[index], places[at * 2 + index]];
          if (slot === undefined || inside === undefined) continue;
          if (turn && takes) inside.turns += worker.takeTurn(at, slot, 5) ? 1 : 0;
          else if (turn && inside.turns > 0) {
            worker.giveTurn(at, slot);
            inside.turns -= 1;
          } else if (takes) {
            worker.enter(at, slot, NOW);
            inside.calls += 1;
          } else if (inside.calls > 0) {
            worker.leave(at, slot, true, 1);
            inside.calls -= 1;
          }
        }
        const finished = slots.map((slot) => control.totals(slot).succeeded);
        control.forgetCalls(dead);
        for (const [index, slot] of slots.entries()) {
          const others = places.filter((_, place) => place % 2 === index && Math.floor(place / 2) !== dead);
          assert.equal(
            control.inFlight(slot),
            others.reduce((sum, { calls }) => sum + calls, 0),
          );
          assert.equal(
            control.turns(slot),
            others.reduce((sum, { turns }) => sum + turns, 0),
          );
          assert.equal(control.totals(slot).succeeded, finished[index]);
        }
      }),
    );
  });

  it('a copy that drains is free once the worker that held its last call is dead', () => {
    const { control, worker } = fresh();
    const slot = { index: 1, generation: 1 };
    control.open(slot, NOW);
    worker.enter(1, slot, NOW);
    control.drain(slot);
    assert.equal(control.release(slot), false);
    control.forgetCalls(1);
    assert.equal(control.release(slot), true);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monotonicMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import fc from 'fast-check';
import { type Expirable, TimerWheel, WHEEL_TICK_MS } from './index.ts';

/** Notes when it was woken. */
class Noted implements Expirable {
  readonly firedMs: number[] = [];
  readonly #clock: FakeClock;
  constructor(clock: FakeClock) {
    this.#clock = clock;
  }
  expired(): void {
    this.firedMs.push(this.#clock.monotonicMs());
  }
}

const start = (delayMs: number, clock: FakeClock) => monotonicMs(clock.monotonicMs() + delayMs);

test('every timer fires once, not before its instant and at most two ticks late', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 40 }), fc.array(fc.boolean()), (delays, called) => {
      const clock = new FakeClock();
      const wheel = new TimerWheel(clock);
      const timers = delays.map((delay) => {
        const task = new Noted(clock);
        const at = start(delay, clock);
        return { at, task, timer: wheel.add(at, task) };
      });
      for (const [index, { timer }] of timers.entries()) if (called[index] === true) wheel.cancel(timer);
      clock.advance(21_000);
      for (const [index, { at, task }] of timers.entries()) {
        assert.equal(task.firedMs.length, called[index] === true ? 0 : 1);
        for (const firedMs of task.firedMs) assert.ok(firedMs >= at && firedMs <= at + 2 * WHEEL_TICK_MS);
      }
      assert.equal(wheel.count, 0);
    }),
    { numRuns: 30 },
  );
});

test('the clock is left alone while nothing waits', () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  assert.equal(clock.pendingTimers, 0);
  wheel.cancel(wheel.add(start(100, clock), new Noted(clock)));
  clock.runAll();
  assert.equal(clock.pendingTimers, 0);
});

test('a wheel that rested for long takes new timers at once', () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  clock.advance(1_000_000);
  const task = new Noted(clock);
  wheel.add(start(50, clock), task);
  clock.advance(40);
  assert.deepEqual(task.firedMs, []);
  clock.advance(30);
  assert.equal(task.firedMs.length, 1);
});

test('after a process was stopped for longer than a turn of the wheel everything due fires', () => {
  const clock = new FakeClock();
  // A clock whose timers come late: nothing fires until the end of the pause.
  let pausedFire: (() => void) | undefined;
  const wheel = new TimerWheel({
    wallMs: () => clock.wallMs(),
    monotonicMs: () => clock.monotonicMs(),
    after: (_delayMs, fire) => {
      pausedFire = fire;
      return { cancel: () => undefined };
    },
  });
  const tasks = [10, 3000, 8000, 60_000].map((delay) => {
    const task = new Noted(clock);
    wheel.add(start(delay, clock), task);
    return task;
  });
  clock.advance(20_000);
  pausedFire?.();
  assert.deepEqual(
    tasks.map((task) => task.firedMs.length),
    [1, 1, 1, 0],
  );
});

test('a task may call off another that is due in the same turn', () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const second = new Noted(clock);
  const first: Expirable = { expired: () => wheel.cancel(secondTimer) };
  wheel.add(start(5, clock), first);
  const secondTimer = wheel.add(start(5, clock), second);
  clock.advance(50);
  assert.deepEqual(second.firedMs, []);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { durationMs, sleep } from '../index.ts';
import { FakeClock } from './index.ts';

test('a timer fires once, at its own instant, in the order of instants and then of setting', () => {
  const clock = new FakeClock();
  const start = clock.monotonicMs();
  const fired: string[] = [];
  const note = (name: string) => () => fired.push(`${name}@${clock.monotonicMs() - start}`);
  clock.after(durationMs(20), note('late'));
  clock.after(durationMs(10), note('first'));
  clock.after(durationMs(10), note('second'));
  clock.after(durationMs(15), note('cancelled')).cancel();
  clock.advance(9);
  assert.deepEqual(fired, []);
  clock.advance(100);
  assert.deepEqual(fired, ['first@10', 'second@10', 'late@20']);
  assert.equal(clock.pendingTimers, 0);
});

test('a timer set by a timer fires within the same advance when it is due', () => {
  const clock = new FakeClock();
  let fired = 0;
  clock.after(durationMs(10), () => clock.after(durationMs(10), () => (fired += 1)));
  clock.advance(20);
  assert.equal(fired, 1);
});

test('the wall clock jumps alone', () => {
  const clock = new FakeClock();
  const [wall, monotonic] = [clock.wallMs(), clock.monotonicMs()];
  clock.jumpWall(-3_600_000);
  assert.equal(clock.wallMs(), wall - 3_600_000);
  assert.equal(clock.monotonicMs(), monotonic);
});

test('runAll ends when timers come to rest and refuses those that never do', () => {
  const clock = new FakeClock();
  const again = (): void => void clock.after(durationMs(1), again);
  again();
  assert.throws(() => clock.runAll(50), /within 50 firings/);
});

test('sleep resolves by the fake clock alone', async () => {
  const clock = new FakeClock();
  const slept = sleep(clock, durationMs(5000));
  clock.advance(5000);
  await slept;
  assert.equal(clock.pendingTimers, 0);
});

test('law: advancing in two steps fires what one step fires', () => {
  const run = (delays: readonly number[], steps: readonly number[]): string[] => {
    const clock = new FakeClock();
    const fired: string[] = [];
    delays.forEach((delay, id) => void clock.after(durationMs(delay), () => fired.push(`${id}@${clock.monotonicMs()}`)));
    for (const step of steps) clock.advance(step);
    return fired;
  };
  fc.assert(
    fc.property(fc.array(fc.nat(100)), fc.nat(60), fc.nat(60), (delays, first, second) => {
      assert.deepEqual(run(delays, [first, second]), run(delays, [first + second]));
    }),
  );
});

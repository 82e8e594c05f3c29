import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { durationMs, type MonotonicMs, monotonicMs } from '../units.ts';
import {
  type Balance,
  connectionToShed,
  LOOK_COUNTS_MAX_MS,
  LOOK_EVERY_MS,
  look,
  NO_BALANCE,
  NO_WATCH,
  nextStart,
  OVER_FOR_MS,
  PATIENCE_MS_PER_MIB,
  RESTART_PAUSE_MAX_MS,
  RESTART_PAUSE_MS,
  SHED_EVERY_MS,
  type Shed,
  SILENCE_MAX_MS,
  STEADY_LIFE_MS,
  shedBy,
  type Watch,
  weigh,
} from './index.ts';

/** Looks every {@link LOOK_EVERY_MS}; returns when worker 0 was first found silent. */
function watched(beatAt: (lookNumber: number) => number, looks: number): number | null {
  let watch: Watch = NO_WATCH;
  for (let number = 0; number < looks; number++) {
    const seen = look(watch, new Map([[0, beatAt(number)]]), monotonicMs(number * LOOK_EVERY_MS));
    watch = seen.watch;
    if (seen.silent.length > 0) return number * LOOK_EVERY_MS;
  }
  return null;
}

describe('the watchdog', () => {
  it('finds a worker silent whose beat stands still for a second, and no sooner', () => {
    assert.equal(
      watched(() => 7, 100),
      SILENCE_MAX_MS,
    );
    const slow = watched((number) => Math.floor(number / 9), 1000);
    assert.equal(slow, null, 'a beat each 900 ms is late, and a life');
  });

  it('blames no worker for looks that come late: who looks, or the whole machine, stood still then', () => {
    let watch: Watch = NO_WATCH;
    const lookAt = (ms: number) => {
      const seen = look(watch, new Map([[0, 1]]), monotonicMs(ms));
      watch = seen.watch;
      return seen.silent;
    };
    assert.deepEqual([lookAt(0), lookAt(60_000), lookAt(120_000)], [[], [], []]);
    assert.equal(watch.pulses.get(0)?.silentMs, 2 * LOOK_COUNTS_MAX_MS);
  });

  it('waits longer for a worker that has announced work, as long as there is of it', () => {
    const mib = 1_048_576;
    const silentAfterMs = (workBytes: number): number | null => {
      let watch: Watch = NO_WATCH;
      for (let at = 0; at < 100; at++) {
        const seen = look(watch, new Map([[0, 7]]), monotonicMs(at * LOOK_EVERY_MS), new Map([[0, workBytes]]));
        watch = seen.watch;
        if (seen.silent.length > 0) return at * LOOK_EVERY_MS;
      }
      return null;
    };
    assert.equal(silentAfterMs(0), SILENCE_MAX_MS);
    assert.equal(silentAfterMs(8 * mib), SILENCE_MAX_MS + 8 * PATIENCE_MS_PER_MIB);
    assert.equal(silentAfterMs(64 * mib), null);
  });

  it('starts anew with the next life of a worker', () => {
    let watch: Watch = NO_WATCH;
    for (let at = 0; at < 9; at++) watch = look(watch, new Map([[0, 1]]), monotonicMs(at * LOOK_EVERY_MS)).watch;
    watch = look(watch, new Map(), monotonicMs(900)).watch;
    assert.deepEqual(look(watch, new Map([[0, 1]]), monotonicMs(1000)).silent, []);
  });

  it('law: a worker whose beat changed since the last look is never silent', () => {
    const step = fc.record({ passedMs: fc.nat(10_000), beats: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let [watch, nowMs, beat]: [Watch, number, number] = [NO_WATCH, 0, 0];
        for (const { passedMs, beats } of steps) {
          nowMs += passedMs;
          if (beats) beat += 1;
          const seen = look(watch, new Map([[3, beat]]), monotonicMs(nowMs));
          watch = seen.watch;
          if (beats) assert.deepEqual(seen.silent, []);
        }
      }),
    );
  });
});

describe('a worker that fell', () => {
  it('starts again after a pause that doubles, up to a bound', () => {
    const pauses: number[] = [];
    let falls = 0;
    for (let at = 0; at < 9; at++) {
      const next = nextStart(falls, durationMs(50));
      falls = next.falls;
      pauses.push(next.pauseMs);
    }
    assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    assert.equal(pauses.at(-1), RESTART_PAUSE_MAX_MS);
  });

  it('starts as at first after a steady life', () => {
    assert.deepEqual(nextStart(8, STEADY_LIFE_MS), { falls: 1, pauseMs: RESTART_PAUSE_MS });
  });
});

/** Weighs the same streams every 100 ms; tells each worker that is to shed and when. `answer`: whether it can. */
function weighed(
  streamsAt: (ms: number) => readonly number[],
  untilMs: number,
  answer = true,
): readonly (Shed & { atMs: number })[] {
  const sheds: (Shed & { atMs: number })[] = [];
  let balance: Balance = NO_BALANCE;
  for (let ms = 0; ms <= untilMs; ms += 100) {
    const nowMs: MonotonicMs = monotonicMs(ms);
    const result = weigh(balance, new Map(streamsAt(ms).entries()), nowMs);
    balance = result.balance;
    if (result.shed === null) continue;
    sheds.push({ ...result.shed, atMs: ms });
    balance = shedBy(balance, result.shed.worker, answer, nowMs);
  }
  return sheds;
}

describe('the balance of workers', () => {
  it('asks the one that has more than one and a half times the others, after five seconds, and again after ten', () => {
    const sheds = weighed(() => [30, 10], 16_000);
    assert.deepEqual(
      sheds.map(({ worker, atMs }) => [worker, atMs]),
      [
        [0, OVER_FOR_MS],
        [0, OVER_FOR_MS + SHED_EVERY_MS],
      ],
    );
  });

  it('leaves 60 to 40 alone, one worker alone, idle workers, and whoever was over for less than five seconds', () => {
    assert.deepEqual(
      weighed(() => [60, 40], 60_000),
      [],
    );
    assert.deepEqual(
      weighed(() => [60], 60_000),
      [],
    );
    assert.deepEqual(
      weighed(() => [0, 0], 60_000),
      [],
    );
    assert.deepEqual(
      weighed((ms) => (ms % 6000 < 3000 ? [30, 10] : [10, 30]), 60_000),
      [],
    );
  });

  it('is not misled by samples between two calls of a busy connection', () => {
    const sheds = weighed((ms) => [ms % 300 === 0 ? 0 : 30, 10], 8000);
    assert.deepEqual(
      sheds.map(({ worker }) => worker),
      [0],
    );
  });

  it('asks a worker that could not shed again after five seconds, and lets others come first', () => {
    const sheds = weighed(() => [30, 10], 16_000, false);
    assert.deepEqual(
      sheds.map(({ atMs }) => atMs),
      [5000, 10_100, 15_200],
    );
  });

  it('law: nobody sheds within the pause, and only who has the largest share', () => {
    const loads = fc.array(fc.nat(100), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(loads, { minLength: 1, maxLength: 5 }), (phases) => {
        const streamsAt = (ms: number): readonly number[] => phases[Math.floor(ms / 12_000) % phases.length] ?? [];
        const sheds = weighed(streamsAt, 60_000);
        for (const [at, { worker, atMs, othersMean }] of sheds.entries()) {
          const before = sheds[at - 1];
          if (before !== undefined) assert.ok(atMs - before.atMs >= SHED_EVERY_MS);
          assert.ok(othersMean >= 0);
          assert.ok(worker < Math.max(...phases.map((phase) => phase.length)));
        }
      }),
    );
  });
});

describe('the connection that goes', () => {
  it('is the one that makes both workers most alike', () => {
    assert.equal(connectionToShed([10, 10, 10], 10), 0);
    assert.equal(connectionToShed([1, 25, 9], 5), 2);
  });

  it('is none where whoever went would only change sides', () => {
    assert.equal(connectionToShed([30], 0), null);
    assert.equal(connectionToShed([10, 10], 10), null, 'two against one');
    assert.equal(connectionToShed([], 3), null);
  });

  it('law: its leaving makes the larger load smaller', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 12 }), fc.nat(100), (loads, othersMean) => {
        const at = connectionToShed(loads, othersMean);
        const own = loads.reduce((sum, load) => sum + load, 0);
        if (at === null) return;
        const load = loads[at] ?? Number.NaN;
        assert.ok(Math.max(own - load, othersMean + load) < own);
      }),
    );
  });
});

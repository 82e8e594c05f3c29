/** The books of scaling: busyness, load times, budgets, copies that an owner wants. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { durationMs, epochMs, modelKey, monotonicMs } from '../index.ts';
import {
  BUSYNESS_SAMPLES_MAX,
  Busyness,
  checkScalingConfig,
  DEFAULT_SCALING_CONFIG,
  LOAD_TIME_TYPES_MAX,
  LoadTimes,
  missingCopies,
  regularUseAge,
  ScaleUpBudget,
  type UseMarks,
  WANTED_MODELS_MAX,
  withUse,
} from './index.ts';
import { aCluster, aRecord, HOUR, MINUTE } from './testing/index.ts';

const NOW = epochMs(1_700_000_000_000);

describe('§4.17 busyness', () => {
  test('calls a minute over the last six to seven minutes', () => {
    const busy = new Busyness('calls', monotonicMs(0));
    assert.equal(busy.value(), 0);
    for (let minute = 1; minute <= 20; minute += 1) {
      busy.observe(minute <= 10 ? minute * 600 : 6000, monotonicMs(minute * MINUTE));
      if (minute === 10) assert.equal(busy.value(), 600);
      if (minute === 13) assert.equal(busy.value(), 300);
      if (minute === 16) assert.equal(busy.value(), 0);
    }
  });

  test('in latency mode processing time in 0.1 %: 1000 is one call that runs all the time', () => {
    const busy = new Busyness('processing-ms', monotonicMs(0));
    busy.observe(60_000, monotonicMs(60_000));
    assert.equal(busy.value(), 1000);
  });

  test('however often it is told, it keeps few samples', () => {
    const busy = new Busyness('calls', monotonicMs(0));
    for (let at = 1; at < 100_000; at += 1) busy.observe(at, monotonicMs(at * 100));
    assert.equal(busy.value(), 600);
    assert.ok(BUSYNESS_SAMPLES_MAX >= 7);
  });
});

describe('§4.4.9 load times', () => {
  test('a copy is taken to be loaded after max(3 s, a third of the load timeout) until loads were measured', () => {
    assert.equal(new LoadTimes(durationMs(90_000)).assumeLoadedAfterMs('onnx'), 30_000);
    assert.equal(new LoadTimes(durationMs(3000)).assumeLoadedAfterMs('onnx'), 3000);
  });

  test('the first three samples move it by thirds, the fourth sets mean and five deviations', () => {
    const times = new LoadTimes(durationMs(9000));
    times.add('onnx', durationMs(600));
    assert.equal(times.assumeLoadedAfterMs('onnx'), (2 * 3000 + 600) / 3);
    for (const took of [600, 600, 600]) times.add('onnx', durationMs(took));
    assert.equal(times.assumeLoadedAfterMs('onnx'), 600);
    assert.equal(times.expectedMs('onnx'), 600);
    for (const took of [400, 800, 400, 800]) times.add('onnx', durationMs(took));
    assert.ok(Math.abs(times.assumeLoadedAfterMs('onnx') - (600 + 5 * Math.sqrt(20_000))) < 1e-6);
    assert.equal(times.assumeLoadedAfterMs('other'), 3000);
  });

  test('beyond 20 samples three deviations are enough', () => {
    const times = new LoadTimes(durationMs(9000));
    for (let at = 0; at < 24; at += 1) times.add('onnx', durationMs(at % 2 === 0 ? 400 : 800));
    assert.ok(Math.abs(times.assumeLoadedAfterMs('onnx') - (600 + 3 * 200)) < 1e-6);
  });

  test('a typical load is the mean of all, whatever their type', () => {
    const times = new LoadTimes(durationMs(9000));
    assert.equal(times.typicalMs(), 3000);
    for (const [type, took] of [
      ['a', 100],
      ['a', 200],
      ['b', 600],
    ] as const)
      times.add(type, durationMs(took));
    assert.equal(times.typicalMs(), 300);
  });

  test('the types that are remembered are bounded', () => {
    const times = new LoadTimes(durationMs(9000));
    for (let at = 0; at <= LOAD_TIME_TYPES_MAX; at += 1) times.add(`t${at}`, durationMs(600));
    assert.equal(times.expectedMs('t0'), 3000);
    assert.equal(times.expectedMs('t1'), 600);
  });
});

test('§4.7.3 a first use that became too old gives its place to the last one, so that regular use goes on being seen', () => {
  const regular = { minAgeMs: durationMs(420_000), maxAgeMs: durationMs(2_400_000) };
  let marks: UseMarks = null;
  const seen = [0, 30, 41, 45].map((minute) => {
    const ageMs = regularUseAge(marks, monotonicMs(minute * MINUTE), regular);
    marks = withUse(marks, monotonicMs(minute * MINUTE), regular);
    return ageMs === null ? null : ageMs / MINUTE;
  });
  assert.deepEqual(seen, [null, 30, 11, 15]);
});

describe('configuration', () => {
  test('what is out of range is refused', () => {
    const wrong = [
      { callsPerMinuteMax: 9 },
      { concurrencyPercent: 9 },
      { concurrencyPercent: 201 },
      { checkMs: durationMs(0) },
      { secondCopyMinAgeMs: durationMs(2_400_000) },
      { scaleUpsInFlightMax: 0 },
      { meanQueueMaxMs: durationMs(0) },
      { hotCallsPerCopyMax: 0 },
    ];
    for (const part of wrong)
      assert.throws(() => checkScalingConfig({ ...DEFAULT_SCALING_CONFIG, ...part }), JSON.stringify(part));
    assert.deepEqual(checkScalingConfig(DEFAULT_SCALING_CONFIG), DEFAULT_SCALING_CONFIG);
  });

  test('§4.17 the defaults are the spec’s', () => {
    const { callsPerMinuteMax, checkMs, concurrencyPercent, secondCopyMinAgeMs, secondCopyMaxAgeMs } = DEFAULT_SCALING_CONFIG;
    assert.deepEqual(
      [callsPerMinuteMax, checkMs, concurrencyPercent, secondCopyMinAgeMs, secondCopyMaxAgeMs],
      [2000, 10_000, 90, 420_000, 2_400_000],
    );
  });
});

test('a budget is taken in parts, given back, and never exceeded', () => {
  const budget = new ScaleUpBudget(5);
  const now = monotonicMs(0);
  assert.deepEqual(
    [budget.take(modelKey('a'), 3, now), budget.take(modelKey('b'), 3, now), budget.take(modelKey('c'), 1, now)],
    [3, 2, 0],
  );
  budget.settle(modelKey('a'));
  assert.equal(budget.inFlight(now), 2);
  assert.equal(budget.inFlight(monotonicMs(600_000)), 0);
});

describe('copies.min', () => {
  const wanted = (min: number, copies: Record<string, number>, failedIn: readonly string[] = []) =>
    aRecord('m', copies, NOW, { policy: { min }, failedIn });
  const missing = (record: ReturnType<typeof wanted>, instances = ['a', 'b', 'c']) =>
    missingCopies([record], aCluster({ nowMs: NOW, instances }), NOW)[0];

  test('copies that are missing are loaded without any call, this instance being a candidate too', () => {
    const decision = missing(wanted(2, {}));
    assert.deepEqual([decision?.copies, decision?.exclude, decision?.because], [2, [], '0 copies, 2 are wanted']);
    assert.equal(missing(wanted(2, { a: HOUR, b: HOUR })), undefined);
    assert.equal(missing(wanted(0, {})), undefined);
  });

  test('copies in instances that are gone count as missing, so that they are replaced at once', () => {
    assert.equal(missing(wanted(2, { a: HOUR, gone: HOUR }))?.copies, 1);
  });

  test('no more than instances can take; where it failed none is loaded until that expires', () => {
    assert.equal(missing(wanted(5, {}))?.copies, 3);
    assert.equal(missing(wanted(3, { b: HOUR }, ['c']))?.copies, 1);
    assert.equal(missing(wanted(1, {}, ['a', 'b', 'c'])), undefined);
  });

  test('models without any copy come first, and a run asks for a bounded number', () => {
    const records = Array.from({ length: WANTED_MODELS_MAX + 10 }, (_, at) =>
      aRecord(`m${String(at).padStart(3, '0')}`, at === 200 ? {} : { b: HOUR }, NOW, { policy: { min: 2 } }),
    );
    const run = missingCopies(records, aCluster({ nowMs: NOW }), NOW);
    assert.equal(run.length, WANTED_MODELS_MAX);
    assert.equal(run[0]?.model, 'm200');
  });
});

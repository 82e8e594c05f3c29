import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { durationMs, epochMs, instanceId, modelKey, monotonicMs, sizeUnits } from '../index.ts';
import { DEFAULT_COPIES_POLICY, type ModelRecord, newModelRecord, withCopyUnloaded } from '../records/index.ts';
import {
  type CopyLoad,
  CopyScaler,
  type CountedCopy,
  DEFAULT_SCALING_CONFIG,
  decideScaleDown,
  type IdleCopy,
  mayRemove,
  regularUseAge,
  type ScaleUpStep,
  scaleDownPass,
  type UseMarks,
  withUse,
} from './index.ts';
import { aCluster, HOUR, MINUTE, runUnderLoad, type SmallCluster } from './testing/index.ts';

const NOW = epochMs(1_700_000_000_000);
const NAMES = ['a', 'b', 'c', 'd', 'e'];
const aSubset = fc.subarray(NAMES);

const aPolicy = fc.record({
  min: fc.nat(4),
  max: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
  pin: fc.boolean(),
  idleAfterMs: fc.option(fc.nat(2 * HOUR).map(durationMs), { nil: undefined }),
});

const aRecordOf = (name: string): fc.Arbitrary<ModelRecord> =>
  fc
    .record({
      ages: fc.dictionary(fc.constantFrom(...NAMES, 'gone'), fc.integer({ min: -MINUTE, max: 48 * HOUR })),
      failedIn: aSubset,
      policy: aPolicy,
      unloadedAgoMs: fc.nat(200_000),
    })
    .map(({ ages, failedIn, policy, unloadedAgoMs }) =>
      newModelRecord({
        key: modelKey(name),
        type: 'onnx',
        copies: new Map(Object.entries(ages).map(([id, age]) => [instanceId(id), epochMs(NOW - age)])),
        failures: new Map(
          failedIn.filter((id) => ages[id] === undefined).map((id) => [instanceId(id), { atMs: NOW, message: '' }]),
        ),
        copiesPolicy: { ...DEFAULT_COPIES_POLICY, ...policy },
        lastUnloadMs: epochMs(NOW - unloadedAgoMs),
      }),
    );

const aClusterOf: fc.Arbitrary<SmallCluster> = fc.record({
  instances: fc.constant(NAMES),
  unsuitable: aSubset,
  busyness: fc.dictionary(fc.constantFrom(...NAMES), fc.nat(20_000)),
  order: fc.shuffledSubarray(NAMES, { minLength: NAMES.length }),
  freeShare: fc.double({ min: 0, max: 1, noNaN: true }),
  cacheAgeMs: fc.option(fc.nat(1000 * HOUR), { nil: null }),
  nowMs: fc.constant(NOW),
});

const aLoad: fc.Arbitrary<CopyLoad | undefined> = fc.option(
  fc.double({ min: 0, max: 3, noNaN: true }).map((ratio) => ({
    measure: 'rate' as const,
    value: ratio * 2000,
    bound: 2000,
    ratio,
    copiesWanted: Math.floor(ratio),
  })),
  { nil: undefined },
);

const anIdleCopy = (name: string): fc.Arbitrary<IdleCopy> =>
  fc.record({
    record: aRecordOf(name),
    units: fc.nat(2000).map(sizeUnits),
    lastUsedMs: fc.nat(48 * HOUR).map((age) => epochMs(NOW - age)),
    heavyAgeMs: fc.option(fc.nat(48 * HOUR).map(durationMs), { nil: null }),
    load: aLoad,
    queued: fc.nat(3),
  });

test('law: a removal leaves copies.min live copies and at least one that serves, whatever the situation', () => {
  fc.assert(
    fc.property(
      anIdleCopy('m'),
      aClusterOf,
      fc.boolean(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (copy, cluster, full, free) => {
        const facts = aCluster(cluster);
        const view = { cluster: facts, nowMs: NOW, selfFull: full, freeShareOf: () => free };
        const decision = decideScaleDown(copy, view);
        if (decision?.kind !== 'remove-copy') return;
        const live = [...copy.record.copies].filter(([id]) => facts.isLive(id) && id !== facts.self);
        assert.ok(live.length >= Math.max(1, copy.record.copiesPolicy.min));
        const serving = live.filter(([, claimed]) => NOW - claimed > 3000);
        assert.ok(serving.length >= Math.max(1, copy.record.copiesPolicy.min));
        assert.ok(!copy.record.copiesPolicy.pin || decision.rule === 'above-max' || decision.rule === 'idle');
        assert.ok(mayRemove(copy.record, decision, facts.self, facts.isLive));
      },
    ),
    { numRuns: 5000 },
  );
});

test('law: all holders that decide at the same time, each on the record as it was, leave enough when they write by compare-and-set', () => {
  fc.assert(
    fc.property(anIdleCopy('m'), aClusterOf, fc.boolean(), (copy, cluster, full) => {
      const minimum = Math.max(1, copy.record.copiesPolicy.min);
      let stored = copy.record;
      for (const holder of copy.record.copies.keys()) {
        const facts = aCluster({ ...cluster, self: holder });
        const decision = decideScaleDown(copy, { cluster: facts, nowMs: NOW, selfFull: full, freeShareOf: () => 0.5 });
        if (decision?.kind !== 'remove-copy' || !mayRemove(stored, decision, holder, facts.isLive)) continue;
        stored = withCopyUnloaded(stored, holder, NOW);
        assert.ok([...stored.copies.keys()].filter((id) => facts.isLive(id)).length >= minimum);
      }
    }),
    { numRuns: 3000 },
  );
});

test('law: a pass removes at most 5 % of the capacity beyond its first copy, and looks at every copy that has others', () => {
  const copies = fc.tuple(...Array.from({ length: 8 }, (_, at) => anIdleCopy(`m${at}`)));
  fc.assert(
    fc.property(copies, aClusterOf, fc.integer({ min: 1, max: 50_000 }), (all, cluster, capacity) => {
      const facts = aCluster(cluster);
      const view = { cluster: facts, nowMs: NOW, selfFull: false, freeShareOf: () => 0 };
      const { decisions, removedUnits } = scaleDownPass(all, sizeUnits(capacity), view);
      const removed = decisions.flatMap((one) => (one.kind === 'remove-copy' ? [one.units] : []));
      assert.equal(
        removedUnits,
        removed.reduce((sum, units) => sum + units, 0),
      );
      assert.ok(removed.length <= 1 || removedUnits <= Math.max(removed[0] ?? 0, capacity * 0.05) + 1e-9 || removed[0] === 0);
      const looked = new Set(decisions.map(({ model }) => model));
      const expected = all.filter((copy) => decideScaleDown(copy, view) !== undefined).map(({ record }) => record.key);
      assert.deepEqual(looked, new Set(expected));
    }),
    { numRuns: 500 },
  );
});

test('law: two marks find the first regular use as the whole history of uses does', () => {
  const aHistory = fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 40 });
  const regular = { minAgeMs: durationMs(420), maxAgeMs: durationMs(2400) };
  fc.assert(
    fc.property(aHistory, (gaps) => {
      const uses: number[] = [];
      let marks: UseMarks = null;
      let now = 0;
      for (const gap of gaps) {
        now += gap * 5;
        const naive = uses.some((use) => now - use >= regular.minAgeMs && now - use <= regular.maxAgeMs);
        assert.equal(regularUseAge(marks, monotonicMs(now), regular) !== null, naive);
        if (naive) return;
        uses.push(now);
        marks = withUse(marks, monotonicMs(now), regular);
      }
    }),
    { numRuns: 5000 },
  );
});

const aCopy = (name: string): fc.Arbitrary<CountedCopy> =>
  fc.record({
    record: aRecordOf(name),
    maxConcurrency: fc.option(fc.integer({ min: 1, max: 16 }), { nil: null }),
    generation: fc.constant(1),
    counters: fc.record({ calls: fc.nat(5000), processingMs: fc.nat(1_000_000), queuedMs: fc.nat(1_000_000) }),
  });
const someCopies = fc.tuple(aCopy('m0'), aCopy('m1'), aCopy('m2'), aCopy('m3'));

function oneStep(copies: readonly CountedCopy[], cluster: SmallCluster, budget: number): ScaleUpStep {
  const scaler = new CopyScaler(monotonicMs(0), { ...DEFAULT_SCALING_CONFIG, scaleUpsInFlightMax: budget });
  return scaler.step(copies, aCluster(cluster), { monotonicMs: monotonicMs(10_000), wallMs: NOW });
}

test('law: what is added fits: candidates that are neither excluded nor unsuitable, the owner’s maximum, the budget', () => {
  fc.assert(
    fc.property(someCopies, aClusterOf, fc.integer({ min: 1, max: 6 }), (copies, cluster, budget) => {
      const facts = aCluster(cluster);
      const { decisions } = oneStep(copies, cluster, budget);
      let added = 0;
      for (const decision of decisions) {
        if (decision.kind === 'hold') continue;
        const record = copies.find((copy) => copy.record.key === decision.model)?.record;
        assert.ok(record !== undefined);
        assert.equal(new Set(decision.exclude).size, decision.exclude.length);
        const { suitable } = facts.factsFor('onnx');
        const left = [...suitable.keys()].filter((id) => id !== facts.self && !decision.exclude.includes(id));
        const count = decision.kind === 'add-copies' ? decision.copies : 1;
        assert.ok(count >= 1 && count <= left.length);
        const live = [...record.copies.keys()].filter((id) => facts.isLive(id)).length;
        assert.ok(live + count <= (record.copiesPolicy.max ?? Number.POSITIVE_INFINITY));
        if (decision.kind === 'add-copies') added += count;
      }
      assert.ok(added <= budget);
    }),
    { numRuns: 3000 },
  );
});

test('law: equal steps give equal decisions, in whatever order the copies are given', () => {
  fc.assert(
    fc.property(someCopies, aClusterOf, (copies, cluster) => {
      assert.deepEqual(oneStep(copies, cluster, 4).decisions, oneStep(copies.toReversed(), cluster, 4).decisions);
    }),
    { numRuns: 500 },
  );
});

test('law: one burst, however large, never proposes a second copy for regular use (§4.7.3)', () => {
  const burst = fc.array(fc.record({ gapMs: fc.integer({ min: 6000, max: 60_000 }), calls: fc.nat(100) }), { maxLength: 60 });
  fc.assert(
    fc.property(burst, fc.nat(50_000), (steps, firstMs) => {
      const scaler = new CopyScaler(monotonicMs(0));
      const record = newModelRecord({
        key: modelKey('m'),
        type: 'onnx',
        copies: new Map([[instanceId('a'), epochMs(NOW - HOUR)]]),
      });
      let atMs = 6000 + firstMs;
      let calls = 0;
      let begunMs: number | undefined;
      for (const step of steps) {
        atMs += step.gapMs;
        begunMs ??= atMs;
        // The burst lasts less than seven minutes; afterwards there is no call any more.
        if (atMs - begunMs < 7 * MINUTE) calls += step.calls;
        const copy = { record, maxConcurrency: null, generation: 1, counters: { calls, processingMs: 0, queuedMs: 0 } };
        const instant = { monotonicMs: monotonicMs(atMs), wallMs: epochMs(NOW + atMs) };
        const { decisions } = scaler.step([copy], aCluster({ nowMs: instant.wallMs, freeShare: 1 }), instant);
        assert.ok(decisions.every(({ kind }) => kind !== 'propose-second-copy'));
      }
    }),
    { numRuns: 500 },
  );
});

test('law: two hours of constant load: no model gains a copy after it lost one, none goes below its minimum, none loses its last', () => {
  const aModel = fc.record({
    callsPerMinute: fc.oneof(fc.constant(0), fc.nat(2500), fc.integer({ min: 1000, max: 12_000 })),
    policy: fc.record({ min: fc.nat(2) }),
  });
  const load = fc.tuple(
    fc.array(aModel, { minLength: 1, maxLength: 5 }),
    fc.integer({ min: 2, max: 6 }),
    fc.constantFrom(0, 0.04, 0.2),
  );
  fc.assert(
    fc.property(load, ([models, instances, freeShare]) => {
      const names = ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, instances);
      const { added, removed } = runUnderLoad(names, models, freeShare, 2 * HOUR);
      for (const { model, minute, left } of removed) {
        const min = Math.max(1, models[Number(model.slice(1))]?.policy?.min ?? 0);
        assert.ok(left >= min, `${model} was left with ${left} copies`);
        const back = added.find((one) => one.model === model && one.minute > minute);
        assert.equal(back, undefined, `${model} lost a copy in minute ${minute} and gained one in ${back?.minute}`);
      }
    }),
    { numRuns: 60 },
  );
});

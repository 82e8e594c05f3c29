import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { durationMs, epochMs, instanceId, modelKey, monotonicMs, sizeUnits } from '../index.ts';
import { newModelRecord } from '../records/index.ts';
import { BestCandidates, byWorth } from './best-candidates.ts';
import {
  clusterBudget,
  type FillBudget,
  type FillCandidate,
  Filler,
  type FillNode,
  type FillPlan,
  FillScan,
  probabilityNeeded,
  roomToFill,
  type ScanView,
  typicalUnits,
} from './index.ts';
import { aNode, HOUR, MINUTE, NOW, VirtualCluster } from './testing/index.ts';

const NAMES = ['a', 'b', 'c', 'd'];

const aNodeOf = (name: string): fc.Arbitrary<FillNode> =>
  fc
    .record({
      capacity: fc.integer({ min: 10, max: 2000 }),
      usedShare: fc.double({ min: 0, max: 1, noNaN: true }),
      models: fc.nat(50),
      oldestAgeMs: fc.option(fc.nat(50 * HOUR), { nil: null }),
      threads: fc.integer({ min: 1, max: 8 }),
      inProgress: fc.nat(300),
    })
    .map(({ usedShare, ...node }) => aNode(name, { ...node, used: Math.floor(node.capacity * usedShare) }));
const someNodes = fc.tuple(...NAMES.map(aNodeOf));

const aCandidateOf = (at: number): fc.Arbitrary<FillCandidate> =>
  fc.record({
    model: fc.constant(modelKey(`m${at}`)),
    type: fc.constantFrom('onnx', 'other'),
    reason: fc.constantFrom('first-copy' as const, 'second-copy' as const, 'spread' as const),
    units: fc.integer({ min: 1, max: 300 }).map(sizeUnits),
    loadMs: fc.integer({ min: 1, max: 60_000 }).map(durationMs),
    idleMs: fc.nat(60 * HOUR).map(durationMs),
    callsPerMinute: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: null }),
    exclude: fc.subarray(NAMES).map((ids) => ids.map((id) => instanceId(id))),
    freesPerUnit: fc.double({ min: 0, max: 1, noNaN: true }),
    idleAfterMs: fc.constant(null),
  });
const someCandidates = fc
  .integer({ min: 0, max: 30 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, at) => aCandidateOf(at))));

const aBudget = fc.record({
  freeUnits: fc.nat(3000).map(sizeUnits),
  evictUnits: fc.nat(1000).map(sizeUnits),
  loads: fc.nat(40),
});
const someWanted = fc
  .dictionary(fc.constantFrom(...NAMES), fc.nat(500))
  .map((wanted) => new Map(Object.entries(wanted).map(([id, units]) => [instanceId(id), sizeUnits(units)])));

const viewOf = (nodes: readonly FillNode[], wanted: ScanView['wanted']): ScanView => ({
  nodes,
  nowMs: NOW,
  typical: sizeUnits(10),
  typicalLoadMs: durationMs(1000),
  wanted,
  mayHold: (type, id) => type === 'onnx' || id === 'b' || id === 'c',
  unitsOf: () => sizeUnits(10),
  loadMsOf: () => durationMs(1000),
  isLive: () => true,
});

function planOf(
  nodes: readonly FillNode[],
  candidates: readonly FillCandidate[],
  budget: FillBudget,
  wanted: ScanView['wanted'],
): FillPlan {
  const scan = new FillScan(viewOf(nodes, wanted), () => false, 100);
  for (const candidate of candidates) scan.propose(candidate);
  return scan.plan(budget);
}

test('law: a plan stays within its budget, and within what each instance has free', () => {
  fc.assert(
    fc.property(someNodes, someCandidates, aBudget, someWanted, (nodes, candidates, budget, wanted) => {
      const plan = planOf(nodes, candidates, budget, wanted);
      const units = (evicts: boolean, to?: string) =>
        plan.loads
          .filter((load) => load.evicts === evicts && (to === undefined || load.to === to))
          .reduce((sum, load) => sum + load.units, 0);
      assert.equal(units(false), plan.freeUnits);
      assert.equal(units(true), plan.evictUnits);
      assert.ok(plan.freeUnits <= budget.freeUnits && plan.evictUnits <= budget.evictUnits && plan.loads.length <= budget.loads);
      for (const node of nodes) {
        assert.ok(units(false, node.id) <= roomToFill(node, sizeUnits(10)));
        assert.ok(units(false, node.id) <= Math.max(0, node.capacityUnits - node.usedUnits));
      }
      for (const { model, to, evicts } of plan.loads) {
        const candidate = candidates.find((one) => one.model === model);
        assert.ok(candidate !== undefined && !candidate.exclude.includes(to));
        assert.ok(candidate.type === 'onnx' || to === 'b' || to === 'c');
        assert.ok(!evicts || candidate.reason === 'first-copy');
      }
    }),
    { numRuns: 3000 },
  );
});

test('law: what is planned is worth ever less per unit, no model is planned twice, and every candidate is accounted for', () => {
  fc.assert(
    fc.property(someNodes, someCandidates, aBudget, someWanted, (nodes, candidates, budget, wanted) => {
      const plan = planOf(nodes, candidates, budget, wanted);
      for (const [at, load] of plan.loads.entries())
        assert.ok(load.worthPerUnit <= (plan.loads[at - 1]?.worthPerUnit ?? Number.POSITIVE_INFINITY));
      assert.equal(new Set(plan.loads.map(({ model }) => model)).size, plan.loads.length);
      const left = Object.values(plan.notPlanned).reduce((sum, count) => sum + count, 0);
      assert.equal(plan.loads.length + left, candidates.length);
    }),
    { numRuns: 1000 },
  );
});

test('law: of very many candidates exactly the best are kept, and none of them is turned away unseen', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { maxLength: 200 }), fc.nat(20), (worths, max) => {
      const best = new BestCandidates(max);
      const all = worths.map((perUnit, at) => ({ perUnit, candidate: { ...candidate, model: modelKey(`m${at}`) } }));
      for (const ranked of all) if (best.wouldKeep(ranked.perUnit)) best.offer(ranked);
      assert.deepEqual(best.sorted(), all.toSorted(byWorth).slice(0, max));
    }),
    { numRuns: 1000 },
  );
});

test('law: more room in the budget never makes a plan worth less', () => {
  fc.assert(
    fc.property(someNodes, someCandidates, aBudget, fc.nat(500), (nodes, candidates, budget, more) => {
      const without = { ...budget, evictUnits: sizeUnits(0) };
      const small = planOf(nodes, candidates, without, new Map());
      const large = planOf(nodes, candidates, { ...without, freeUnits: sizeUnits(budget.freeUnits + more) }, new Map());
      assert.ok(large.worthMs >= small.worthMs - 1e-6, `${large.worthMs} with more, ${small.worthMs} with less`);
    }),
    { numRuns: 3000 },
  );
});

test('law: equal candidates give equal plans, in whatever order they come', () => {
  fc.assert(
    fc.property(someNodes, someCandidates, aBudget, (nodes, candidates, budget) => {
      assert.deepEqual(planOf(nodes, candidates, budget, new Map()), planOf(nodes, candidates.toReversed(), budget, new Map()));
    }),
    { numRuns: 1000 },
  );
});

test('law: the probability of being needed is one, falls with idleness, rises with rate and time', () => {
  const aTime = fc.nat(1000 * HOUR).map(durationMs);
  const aRate = fc.double({ min: 0.001, max: 1000, noNaN: true });
  fc.assert(
    fc.property(aTime, aTime, aTime, aRate, aRate, (idleMs, more, withinMs, rate, moreRate) => {
      const p = (idle: number, callsPerMinute: number | null, within: number) =>
        probabilityNeeded({ idleMs: durationMs(idle), callsPerMinute }, durationMs(within));
      for (const value of [p(idleMs, null, withinMs), p(idleMs, rate, withinMs)]) assert.ok(value >= 0 && value <= 1);
      assert.ok(p(idleMs + more, null, withinMs) <= p(idleMs, null, withinMs));
      assert.ok(p(idleMs, null, withinMs + more) >= p(idleMs, null, withinMs));
      assert.ok(p(idleMs, rate + moreRate, withinMs) >= p(idleMs, rate, withinMs));
      assert.ok(p(idleMs, rate, withinMs + more) >= p(idleMs, rate, withinMs));
    }),
    { numRuns: 2000 },
  );
});

/** What ModelMesh would load unconditionally in a run (spec §4.9.4): the most recently used, as many as half of the room holds. */
function modelMeshLoads(nodes: readonly FillNode[], idle: readonly number[]): readonly number[] {
  const typical = typicalUnits(nodes, sizeUnits(10));
  const free = Math.floor(clusterBudget(nodes, typical).freeUnits / typical);
  return idle
    .map((age, at) => ({ age, at }))
    .toSorted((a, b) => a.age - b.age)
    .slice(0, free)
    .map(({ at }) => at);
}

test('law: the floor of §4.9.4: models of one size are filled in as ModelMesh fills them in, most recently used first', () => {
  const used = fc.tuple(...NAMES.map(() => fc.nat(80)));
  fc.assert(
    fc.property(used, fc.uniqueArray(fc.nat(100 * HOUR), { minLength: 1, maxLength: 300 }), (counts, idle) => {
      const nodes = counts.map((count, at) => aNode(NAMES[at] ?? '', { used: count * 10, threads: 16 }));
      const expected = modelMeshLoads(nodes, idle);
      const budget = { ...clusterBudget(nodes, sizeUnits(10)), evictUnits: sizeUnits(0) };
      const scan = new FillScan(viewOf(nodes, new Map()), () => false, budget.loads);
      scan.consider(
        idle.map((age, at) => newModelRecord({ key: modelKey(`m${at}`), type: 'onnx', lastUsedMs: epochMs(NOW - age) })),
      );
      const planned = new Set(scan.plan(budget).loads.map(({ model }) => model));
      // Half of the room is less than the room of all: only what does not fit the last models of several instances may be missing.
      for (const at of expected)
        assert.ok(planned.has(modelKey(`m${at}`)), `m${at} is missing among ${planned.size} of ${expected.length}`);
    }),
    { numRuns: 500 },
  );
});

test('law: nothing goes to and fro: what is evicted was used earlier than what came, and without calls the loads end', () => {
  const aCluster = fc.record({
    full: fc.integer({ min: 1, max: 3 }),
    empty: fc.integer({ min: 0, max: 2 }),
    cold: fc.nat(200),
    spreadMs: fc.integer({ min: MINUTE, max: 40 * MINUTE }),
    joins: fc.boolean(),
  });
  fc.assert(
    fc.property(aCluster, ({ full, empty, cold, spreadMs, joins }) => {
      const cluster = new VirtualCluster();
      const names = NAMES.slice(0, full + Math.min(empty, 4 - full));
      for (const [at, name] of names.entries()) {
        cluster.join(name, 500);
        for (let model = 0; at < full && model < 45; model += 1) cluster.register(`${name}${model}`, model * spreadMs, name);
      }
      for (let model = 0; model < cold; model += 1) cluster.register(`cold${model}`, model * spreadMs);
      for (let period = 0; period < 360; period += 1) {
        if (joins && period === 30) cluster.join('late', 500);
        if (period % 36 === 35) cluster.scaleDown();
        cluster.run();
      }
      for (const { usedMs, forUsedMs } of cluster.evicted) assert.ok(usedMs < forUsedMs);
      const pairs = cluster.loaded.map(({ model, to }) => `${model} ${to}`);
      assert.equal(new Set(pairs).size, pairs.length, 'a model was filled into one instance twice');
      const late = cluster.loaded.filter(({ atMs }) => atMs > 1_800_000);
      assert.deepEqual(late, []);
    }),
    { numRuns: 25 },
  );
});

test('law: all fillers of a cluster together start no more loads than its threads allow', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 5 }),
      (instances, threads, runs) => {
        const nodes = Array.from({ length: instances }, (_, at) => aNode(`n${at}`, { capacity: 100_000, threads }));
        const situation = { ...viewOf(nodes, new Map()), defaultUnits: sizeUnits(10), mayHold: () => true };
        const fillers = [new Filler({ kind: 'leader' }), ...nodes.map(({ id }) => new Filler({ kind: 'instance', self: id }))];
        for (let run = 0; run < runs; run += 1)
          for (const [at, filler] of fillers.entries()) {
            const begun = filler.begin(situation, { monotonicMs: monotonicMs(run * 10_000), wallMs: NOW });
            for (let model = 0; model < 400; model += 1)
              begun.scan.propose({ ...candidate, model: modelKey(`m${at}-${run}-${model}`) });
            begun.finish();
          }
        const underWay = fillers.reduce((sum, filler) => sum + filler.underWay, 0);
        // Every instance may have one, however many share: with few threads that is what they have.
        assert.ok(underWay <= instances * threads * 8 + instances, `${underWay} under way`);
        assert.ok(underWay > 0);
      },
    ),
    { numRuns: 50 },
  );
});

const candidate: FillCandidate = {
  model: modelKey('m'),
  type: 'onnx',
  reason: 'first-copy',
  units: sizeUnits(10),
  loadMs: durationMs(1000),
  idleMs: durationMs(HOUR),
  callsPerMinute: null,
  exclude: [],
  freesPerUnit: 0,
  idleAfterMs: null,
};

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ClusterView } from '../cluster/index.ts';
import { anInstanceRecord, CLUSTER_CONFIG, instance, LABELS, NOW_MS, units } from '../cluster/testing/index.ts';
import { TypeConstraints } from '../constraints/index.ts';
import { epochMs, type InstanceId, instanceId, sizeUnits } from '../index.ts';
import type { InstanceRecord } from '../records/index.ts';
import {
  explainPlacement,
  type PlacementDecision,
  type PlacementRequest,
  type PlacementSituation,
  place,
  type RejectionReason,
  Reservations,
  UpgradeTracker,
} from './index.ts';
import { aRequest, idsOf, situation } from './testing/index.ts';

/** Instances are pods of an old replica set and of one that started a minute ago. */
const REPLICA_SETS = [
  { name: 'aaaaaa', startedAtMs: epochMs(NOW_MS - 3_600_000) },
  { name: 'bbbbbb', startedAtMs: epochMs(NOW_MS - 60_000) },
] as const;
const aPod = fc
  .record({ record: anInstanceRecord(10), set: fc.constantFrom(...REPLICA_SETS), address: fc.nat(9), unreachable: fc.nat(9) })
  .map(({ record, set, address, unreachable }) => ({
    record: {
      ...record,
      id: instanceId(`${set.name}-pod${record.id}`),
      startedAtMs: set.startedAtMs,
      peerAddress: address === 0 ? undefined : 'host:1',
    },
    unreachable: unreachable === 0,
  }));
type Pod = { readonly record: InstanceRecord; readonly unreachable: boolean };

const anId = fc
  .tuple(fc.constantFrom(...REPLICA_SETS), fc.nat(9))
  .map(([{ name }, number]) => instanceId(`${name}-podi${number}`));
const someIds = fc.uniqueArray(anId, { maxLength: 3 });
const someLabels = fc.subarray([...LABELS], { maxLength: 1 }).map((labels) => new Set<string>(labels));
const someConstraints = fc
  .uniqueArray(
    fc.tuple(fc.constantFrom('plain', 'other', '_default'), fc.record({ required: someLabels, preferred: someLabels })),
    {
      selector: ([type]) => type,
      maxLength: 2,
    },
  )
  .map((rules) => new TypeConstraints(rules));

const aWish = fc
  .record({
    copies: someIds,
    failures: fc.array(fc.tuple(anId, fc.constantFrom(NOW_MS - 2_000_000, NOW_MS - 60_000, NOW_MS + 60_000)), { maxLength: 2 }),
    exclude: someIds,
    tried: someIds,
    favourSelf: fc.boolean(),
    agoMs: fc.constantFrom(-20_000, 0, 60_000, 3_600_000, 1e9),
    units: fc.constantFrom(1, 100, 6000, 20_000).map(sizeUnits),
  })
  .map(
    ({ copies, failures, exclude, tried, agoMs, ...rest }): PlacementRequest =>
      aRequest({
        ...rest,
        copies: new Map(copies.map((id) => [id, epochMs(NOW_MS)])),
        failures: new Map(failures.map(([id, atMs]) => [id, { atMs: epochMs(atMs), message: 'broken' }])),
        exclude: new Set(exclude),
        tried: new Set(tried),
        lastUsedMs: epochMs(Math.max(0, NOW_MS - agoMs)),
      }),
  );
const aWorld = fc.record({
  pods: fc.uniqueArray(aPod, { selector: ({ record }) => record.id, maxLength: 10 }),
  constraints: someConstraints,
  reserved: fc.array(fc.tuple(fc.nat(9), fc.constantFrom(100, 3000).map(sizeUnits)), { maxLength: 4 }),
  request: aWish,
  self: fc.nat(9),
});
type World = typeof aWorld extends fc.Arbitrary<infer T> ? T : never;

/** The world as one node sees it; `seen` is what came and went before, which tells of upgrades. */
function around(world: World, pods: readonly Pod[] = world.pods, seen = pods): PlacementSituation {
  const [upgrades, reservations] = [new UpgradeTracker(), new Reservations()];
  const base = situation(
    pods.map(({ record }) => record),
    {
      upgrades,
      reservations,
      self: world.pods[world.self]?.record.id ?? instanceId('elsewhere'),
    },
  );
  base.cluster.configure({ constraints: world.constraints });
  for (const { record } of seen) upgrades.put(record, base.nowMs);
  for (const { record, unreachable } of pods) {
    if (unreachable) base.cluster.suspect(record.id);
  }
  for (const [at, reservedUnits] of world.reserved) {
    const record = world.pods[at]?.record;
    if (record !== undefined) reservations.reserve(record, reservedUnits, base.nowMs);
  }
  return base;
}

/** What forbids an instance, in the order of the brief of this room, each as plainly as can be. */
function forbidden({ record, unreachable }: Pod, world: World): RejectionReason['by'] | null {
  const { request, constraints } = world;
  const self = world.pods[world.self]?.record.id === record.id;
  const failure = request.failures.get(record.id);
  if (![...constraints.required(request.type)].every((label) => record.labels.has(label))) return 'type-constraint';
  if (request.exclude.has(record.id)) return 'excluded';
  if (request.copies.has(record.id)) return 'holds-copy';
  if (failure !== undefined && NOW_MS - failure.atMs < 900_000) return 'failed-there';
  if (request.tried.has(record.id)) return 'tried';
  if (record.shuttingDown) return 'leaving';
  if (unreachable || (!self && record.peerAddress === undefined)) return 'unreachable';
  return request.units > record.capacityUnits ? 'too-small' : null;
}

const chosenOf = (decision: PlacementDecision): InstanceId | undefined =>
  decision.kind === 'placed' ? decision.chosen.id : undefined;
const reasonOf = ({ rejections }: PlacementDecision, id: InstanceId): RejectionReason['by'] | undefined =>
  rejections.find((rejection) => rejection.id === id)?.reason.by;

test('law: every instance is on the shortlist or rejected, once, and the chosen one is on the shortlist', () => {
  fc.assert(
    fc.property(aWorld, (world) => {
      const decision = place(world.request, around(world));
      const shortlist = decision.kind === 'placed' ? idsOf(decision.shortlist) : [];
      const told = [...shortlist, ...decision.rejections.map(({ id }) => id)];
      assert.deepEqual([...told].sort(), world.pods.map(({ record }) => record.id).sort());
      if (decision.kind === 'placed') assert.ok(shortlist.includes(decision.chosen.id));
      assert.equal(explainPlacement(decision).length, decision.rejections.length + 1);
      assert.ok(explainPlacement(decision).every((line) => line.length > 0 && !line.includes('undefined')));
    }),
    { numRuns: 1000 },
  );
});

test('law: what forbids an instance is told by the first reason that applies, and nothing forbidden is chosen', () => {
  fc.assert(
    fc.property(aWorld, (world) => {
      const decision = place(world.request, around(world));
      const candidates: readonly string[] = idsOf(decision.candidates);
      for (const pod of world.pods) {
        const because = forbidden(pod, world);
        assert.equal(candidates.includes(pod.record.id), because === null);
        if (because !== null) assert.equal(reasonOf(decision, pod.record.id), because);
      }
      assert.equal(decision.kind === 'nowhere', candidates.length === 0);
    }),
    { numRuns: 1000 },
  );
});

test('law: equal inputs give equal decisions, in whatever order the records came', () => {
  fc.assert(
    fc.property(aWorld, (world) => {
      const one = place(world.request, around(world));
      assert.deepEqual(place(world.request, around(world, [...world.pods].reverse())), one);
    }),
    { numRuns: 500 },
  );
});

test('law: an exclusion counts once: it is the same to exclude an instance, to have tried it, or both', () => {
  fc.assert(
    fc.property(aWorld, (world) => {
      const { exclude, tried } = world.request;
      const both = exclude.union(tried);
      const once = place({ ...world.request, exclude: both, tried: new Set() }, around(world));
      const twice = place({ ...world.request, exclude: both, tried: both }, around(world));
      const split = place(world.request, around(world));
      assert.deepEqual(twice, once);
      assert.deepEqual([chosenOf(split), idsOf(split.candidates)], [chosenOf(once), idsOf(once.candidates)]);
    }),
    { numRuns: 500 },
  );
});

test('law: what leaves or cannot be reached never changes the choice', () => {
  fc.assert(
    fc.property(aWorld, (world) => {
      const before = place(world.request, around(world));
      const useless = (id: InstanceId): boolean => ['leaving', 'unreachable'].includes(reasonOf(before, id) ?? '');
      const fewer = world.pods.filter(({ record }) => !useless(record.id));
      assert.equal(chosenOf(place(world.request, around(world, fewer, world.pods))), chosenOf(before));
    }),
    { numRuns: 1000 },
  );
});

test('law: an instance that is worse than all never changes the choice', () => {
  fc.assert(
    fc.property(aWorld, (world) => {
      const [pod] = world.pods;
      if (pod === undefined) return;
      // Saturated and without anything to evict: behind everyone, and in a class of its own unless the chosen one is saturated too.
      const worst = instance('worst', {
        ...pod.record,
        buildVersion: -1,
        usedUnits: units(10_500),
        modelCount: 99,
        leastRecentUseMs: undefined,
      });
      const view = around(world);
      const before = place(world.request, view);
      const replacement = view.upgrades.replacement(view.nowMs);
      const asBad = before.kind === 'placed' && before.chosen.instance.saturated;
      if (
        asBad ||
        before.candidates.every(({ id }) => (replacement?.(id) ?? null) !== null) ||
        generalityOf(world) !== generalityOf(world, worst)
      )
        return;
      const after = place(world.request, around(world, [...world.pods, { record: worst, unreachable: false }]));
      assert.equal(chosenOf(after), chosenOf(before));
    }),
    { numRuns: 1000 },
  );
});

/** The highest generality among those that may hold the type, on which an inferred preference rests. */
function generalityOf(world: World, more?: InstanceRecord): string {
  const self = world.pods[world.self]?.record.id;
  const view = new ClusterView(CLUSTER_CONFIG, world.constraints);
  for (const { record, unreachable } of world.pods) {
    view.put(record);
    if (unreachable) view.suspect(record.id);
  }
  if (more !== undefined) view.put(more);
  const allowed = view
    .ordered(epochMs(NOW_MS))
    .filter(
      ({ id, standing, record }) =>
        standing === 'candidate' &&
        (record.peerAddress !== undefined || id === self) &&
        world.constraints.allowed('plain', record.labels),
    )
    .map(({ labels }) => labels.generality);
  return `${Math.min(...allowed)} ${Math.max(...allowed)}`;
}

test('law: without an instance that the choice did not rest on, the choice is the same', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(30), { minLength: 2, maxLength: 12 }), fc.nat(), fc.nat(1000), (names, pick, model) => {
      const records = names.map((name) => instance(`i${name}`));
      const request = aRequest({ model: `m${model}` as PlacementRequest['model'] });
      const chosen = chosenOf(place(request, situation(records)));
      const other = records[pick % records.length];
      if (other === undefined || other.id === chosen) return;
      assert.equal(chosenOf(place(request, situation(records.filter((record) => record !== other)))), chosen);
    }),
  );
});

test('law: room and build come before zones, zones before locations, and locations before load', () => {
  const before = (steps: readonly string[], by: string | undefined): boolean => by !== undefined && steps.includes(by);
  fc.assert(
    fc.property(aWorld, (world) => {
      const decision = place(world.request, around(world));
      if (decision.kind !== 'placed') return;
      const { chosen, candidates } = decision;
      for (const candidate of candidates) {
        const by = reasonOf(decision, candidate.id);
        if (before(['being-replaced', 'preference', 'class', 'oldest-use'], by)) continue;
        assert.ok(candidate.zoneCopies >= chosen.zoneCopies, `zone of ${candidate.id}`);
        if (by !== 'zone') assert.ok(candidate.locationCopies >= chosen.locationCopies, `location of ${candidate.id}`);
      }
      if (!chosen.instance.full) return;
      for (const { id, instance: other } of candidates) {
        if (other.full || reasonOf(decision, id) === 'being-replaced') continue;
        assert.ok(other.record.buildVersion < chosen.instance.record.buildVersion, `${id} has room`);
      }
    }),
    { numRuns: 1000 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TypeConstraints } from '../constraints/index.ts';
import { epochMs, type InstanceId, instanceId } from '../index.ts';
import type { InstanceRecord } from '../records/index.ts';
import { ClusterView, minSpaceUnits } from './index.ts';
import { anInstanceRecord, CLUSTER_CONFIG, LABELS, NOW_MS } from './testing/index.ts';

const CHURN_MS = 2 * CLUSTER_CONFIG.minChurnAgeMs;
const TYPES = ['a', 'b', 'c', '_default'];

const someLabels = fc.subarray([...LABELS]).map((labels) => new Set<string>(labels));
const someConstraints = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...TYPES), fc.record({ required: someLabels, preferred: someLabels })), {
    selector: ([type]) => type,
  })
  .map((rules) => new TypeConstraints(rules));
const anId = fc.nat(7).map((number) => instanceId(`i${number}`));
const aChange = fc.oneof(
  { weight: 4, arbitrary: anInstanceRecord(8).map((record) => ({ op: 'put' as const, record })) },
  fc.record({ op: fc.constantFrom('remove' as const, 'suspect' as const, 'trust' as const), id: anId }),
  fc.record({ op: fc.constant('time' as const), nowMs: fc.integer({ min: -700_000, max: 700_000 }) }),
  someConstraints.map((constraints) => ({ op: 'constraints' as const, constraints })),
);
const aHistory = fc.array(aChange, { maxLength: 40, size: 'max' });
type Change = typeof aChange extends fc.Arbitrary<infer T> ? T : never;

/** The same picture, kept as plainly as can be. */
class Naive {
  readonly records = new Map<InstanceId, InstanceRecord>();
  readonly unreachable = new Set<InstanceId>();
  constraints = new TypeConstraints();
  nowMs = NOW_MS;

  apply(change: Change): void {
    if (change.op === 'put') {
      const { id, startedAtMs } = change.record;
      if (this.records.get(id)?.startedAtMs !== startedAtMs) this.unreachable.delete(id);
      this.records.set(id, change.record);
    }
    if (change.op === 'time') this.nowMs = NOW_MS + change.nowMs;
    else if (change.op === 'constraints') this.constraints = change.constraints;
    else if (change.op === 'suspect' && this.records.has(change.id)) this.unreachable.add(change.id);
    else if (change.op === 'trust' || change.op === 'remove') this.unreachable.delete(change.id);
    if (change.op === 'remove') this.records.delete(change.id);
  }

  remaining = (record: InstanceRecord): number => Math.max(0, record.capacityUnits - record.usedUnits);

  full = (record: InstanceRecord): boolean =>
    this.remaining(record) < minSpaceUnits(record.capacityUnits, record.loadingThreads, CLUSTER_CONFIG.defaultModelUnits);

  oldest = (record: InstanceRecord): number => record.leastRecentUseMs ?? Number.MAX_SAFE_INTEGER;

  saturated = (record: InstanceRecord): boolean => this.full(record) && this.nowMs - this.oldest(record) < CHURN_MS;

  candidate = (record: InstanceRecord): boolean => !record.shuttingDown && !this.unreachable.has(record.id);

  /** The order of spec §4.5.1 as it is written there. */
  compare = (a: InstanceRecord, b: InstanceRecord): number => {
    const standing = (record: InstanceRecord): number => (record.shuttingDown ? 2 : this.unreachable.has(record.id) ? 1 : 0);
    if (standing(a) !== standing(b)) return standing(a) - standing(b);
    const newer = a.buildVersion > b.buildVersion ? a : b;
    if (a.buildVersion !== b.buildVersion && !this.saturated(newer)) return newer === a ? -1 : 1;
    if (this.full(a) !== this.full(b)) return this.full(a) ? 1 : -1;
    return (
      (this.full(a) && this.oldest(a) - this.oldest(b)) ||
      a.modelCount - b.modelCount ||
      this.remaining(b) - this.remaining(a) ||
      this.oldest(a) - this.oldest(b) ||
      b.loadingThreads - b.loadsInProgress - (a.loadingThreads - a.loadsInProgress) ||
      a.loadsInProgress - b.loadsInProgress ||
      b.capacityUnits - a.capacityUnits ||
      a.requestsPerMinute - b.requestsPerMinute ||
      (a.id < b.id ? -1 : 1)
    );
  };

  stats(admits: (record: InstanceRecord) => boolean): unknown {
    const counted = [...this.records.values()].filter((record) => this.candidate(record) && admits(record));
    const sum = (of: (record: InstanceRecord) => number): number => counted.reduce((total, record) => total + of(record), 0);
    const uses = counted.map(this.oldest).filter((use) => use > 0 && use < Number.MAX_SAFE_INTEGER);
    return {
      instances: counted.length,
      copies: sum(({ modelCount }) => modelCount),
      capacityUnits: sum(({ capacityUnits }) => capacityUnits),
      freeUnits: sum((record) => (this.full(record) ? 0 : this.remaining(record))),
      oldestUseMs: uses.length === 0 ? null : Math.min(...uses),
      loadingThreads: sum(({ loadingThreads }) => loadingThreads),
      loadsInProgress: sum(({ loadsInProgress }) => loadsInProgress),
    };
  }
}

function perform(cluster: ClusterView, change: Change): void {
  if (change.op === 'put') cluster.put(change.record);
  else if (change.op === 'constraints') cluster.configure({ constraints: change.constraints });
  else if (change.op === 'time') cluster.ordered(epochMs(NOW_MS + change.nowMs));
  else cluster[change.op](change.id);
}

/** Both pictures after every change of a history. */
function follow(history: readonly Change[], check: (cluster: ClusterView, naive: Naive) => void): void {
  const [cluster, naive] = [new ClusterView(CLUSTER_CONFIG), new Naive()];
  cluster.ordered(epochMs(naive.nowMs));
  for (const change of history) {
    perform(cluster, change);
    naive.apply(change);
    check(cluster, naive);
  }
}

test('law: after any history the order is the naive order of spec §4.5.1', () => {
  fc.assert(
    fc.property(aHistory, (history) => {
      follow(history, (cluster, naive) => {
        const ids = cluster.ordered(epochMs(naive.nowMs)).map(({ id }) => id);
        assert.deepEqual(
          ids,
          [...naive.records.values()].sort(naive.compare).map(({ id }) => id),
        );
      });
    }),
    { numRuns: 1000 },
  );
});

test('law: the order is total: whoever is before another in the list is before it in every comparison', () => {
  fc.assert(
    fc.property(aHistory, (history) => {
      const cluster = new ClusterView(CLUSTER_CONFIG);
      const naive = new Naive();
      for (const change of history) {
        perform(cluster, change);
        naive.apply(change);
      }
      const nowMs = epochMs(naive.nowMs);
      const ordered = cluster.ordered(nowMs);
      ordered.forEach((one, at) => {
        for (const later of ordered.slice(at + 1)) {
          assert.ok(cluster.isBefore(one.id, later.id, nowMs) && !cluster.isBefore(later.id, one.id, nowMs));
          assert.ok(naive.compare(one.record, later.record) < 0);
        }
        assert.ok(!cluster.isBefore(one.id, one.id, nowMs));
      });
    }),
    { numRuns: 300 },
  );
});

test('law: after any history all sums are the naive sums: of the whole, of each type and of each partition', () => {
  fc.assert(
    fc.property(aHistory, (history) => {
      follow(history, (cluster, naive) => {
        assert.deepEqual(
          cluster.stats(),
          naive.stats(() => true),
        );
        for (const type of ['a', 'b', 'c', 'unlisted']) {
          const allowed = (record: InstanceRecord): boolean => naive.constraints.allowed(type, record.labels);
          assert.deepEqual(cluster.statsFor(type), naive.stats(allowed), type);
        }
        const prohibits = (record: InstanceRecord): string => naive.constraints.standing(record.labels).prohibited.join();
        for (const { prohibited, stats } of cluster.partitions()) {
          assert.ok(stats.instances > 0);
          assert.deepEqual(
            stats,
            naive.stats((record) => prohibits(record) === prohibited.join()),
          );
        }
        const candidates = [...naive.records.values()].filter(naive.candidate);
        assert.equal(cluster.partitions().length, new Set(candidates.map(prohibits)).size);
      });
    }),
    { numRuns: 500 },
  );
});

test('law: equal records in any order of arrival make equal pictures', () => {
  fc.assert(
    fc.property(fc.uniqueArray(anInstanceRecord(8), { selector: ({ id }) => id }), fc.nat(), (records, turn) => {
      const [one, other] = [new ClusterView(CLUSTER_CONFIG), new ClusterView(CLUSTER_CONFIG)];
      for (const record of records) one.put(record);
      const cut = records.length === 0 ? 0 : turn % records.length;
      for (const record of [...records.slice(cut), ...records.slice(0, cut)].reverse()) other.put(record);
      assert.deepEqual(one.ordered(epochMs(NOW_MS)), other.ordered(epochMs(NOW_MS)));
      assert.deepEqual(one.stats(), other.stats());
    }),
  );
});

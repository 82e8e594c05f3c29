import { NO_CONSTRAINTS, type TypeConstraints } from '../constraints/index.ts';
import type { InstanceRecord } from '../records/index.ts';
import { type EpochMs, epochMs, type InstanceId, type SizeUnits, sizeUnits } from '../units.ts';
import { type ClusterConfig, type ClusterInstance, clusterInstance, type Seen } from './cluster-instance.ts';
import { compareDesirability } from './desirability.ts';
import { mergeStats, NO_STATS, Partition, type PartitionStats } from './partition.ts';
import { SortedList } from './sorted-list.ts';

/** The sums of the instances that the same rules prohibit. */
export interface PartitionView {
  /** Rules of the type constraints that these instances do not satisfy, sorted. */
  readonly prohibited: readonly string[];
  readonly stats: PartitionStats;
}

/** Loads that an instance was asked for and does not show in its record yet. */
export interface ExpectedLoad {
  readonly units: SizeUnits;
  readonly loads: number;
}

/**
 * The instances in the order in which they are wanted for a load, and their sums (spec `modelmesh.md` §3.7). Each change costs O(log n).
 *
 * Updated in place, like the picture of the registry: a synchronous reader sees one state. What it hands out are values: an array of
 * `ordered` never changes after it was returned.
 */
export class ClusterView {
  #config: ClusterConfig;
  #constraints: TypeConstraints;
  #nowMs = epochMs(0);
  readonly #instances = new Map<InstanceId, ClusterInstance>();
  readonly #unreachable = new Set<InstanceId>();
  readonly #order = new SortedList<ClusterInstance>(compareDesirability);
  /** The saturated, by the instant at which they cease to be: time alone changes the order, and only there. */
  readonly #saturated = new SortedList<ClusterInstance>(bySaturationEnd);
  readonly #partitions = new Map<string, Partition>();
  #whole = new Partition([]);
  #ordered: readonly ClusterInstance[] | undefined;

  constructor(config: ClusterConfig, constraints: TypeConstraints = NO_CONSTRAINTS) {
    this.#config = config;
    this.#constraints = constraints;
  }

  /** The type constraints in force. */
  get constraints(): TypeConstraints {
    return this.#constraints;
  }

  /** Instances known, those that leave or cannot be reached included. */
  get size(): number {
    return this.#instances.size;
  }

  /** Takes what an instance published. Whether it can be reached stays as it was, unless this is another life of it. */
  put(record: InstanceRecord): void {
    const before = this.#instances.get(record.id);
    if (before !== undefined && sameRecord(before.record, record)) return;
    if (before !== undefined && !sameLife(before.record, record)) this.#unreachable.delete(record.id);
    this.#replace(before, record);
  }

  /** The instance is gone. If it comes back it counts as reachable until the contrary is seen. Whether it was known. */
  remove(id: InstanceId): boolean {
    const before = this.#instances.get(id);
    if (before === undefined) return false;
    this.#unreachable.delete(id);
    this.#instances.delete(id);
    this.#withdraw(before);
    return true;
  }

  /** This node cannot reach the instance: it is no candidate until {@link trust}. Whether that changed anything. */
  suspect(id: InstanceId): boolean {
    const before = this.#instances.get(id);
    if (before === undefined || this.#unreachable.has(id)) return false;
    this.#unreachable.add(id);
    this.#replace(before, before.record);
    return true;
  }

  /** This node reaches the instance again. Whether that changed anything. */
  trust(id: InstanceId): boolean {
    const before = this.#instances.get(id);
    if (before === undefined || !this.#unreachable.delete(id)) return false;
    this.#replace(before, before.record);
    return true;
  }

  /** Whether {@link suspect} was the last word about the instance; a leaving one keeps that standing whether it can be reached or not. */
  suspects(id: InstanceId): boolean {
    return this.#unreachable.has(id);
  }

  /** Other sizes or other rules: every instance is judged again, in O(n log n). */
  configure(change: { readonly config?: ClusterConfig; readonly constraints?: TypeConstraints }): void {
    this.#config = change.config ?? this.#config;
    this.#constraints = change.constraints ?? this.#constraints;
    this.#rejudge();
  }

  /** An instance and what follows from its record; `saturated` is as of the last call of {@link ordered}. */
  get(id: InstanceId): ClusterInstance | undefined {
    return this.#instances.get(id);
  }

  /** All instances, the most wanted first at that instant; after the candidates come the unreachable and then the leaving. */
  ordered(nowMs: EpochMs): readonly ClusterInstance[] {
    this.#advance(nowMs);
    this.#ordered ??= this.#order.toArray();
    return this.#ordered;
  }

  /** Whether `a` is wanted before `b`. An instance that nobody knows is wanted after all others. */
  isBefore(a: InstanceId, b: InstanceId, nowMs: EpochMs): boolean {
    this.#advance(nowMs);
    const [one, other] = [this.#instances.get(a), this.#instances.get(b)];
    if (one === undefined || other === undefined) return one !== undefined;
    return compareDesirability(one, other) < 0;
  }

  /** The instance as it would be with more in its cache and more under way than its record says yet. */
  assuming(instance: ClusterInstance, more: ExpectedLoad): ClusterInstance {
    const { record } = instance;
    const expected = {
      ...record,
      usedUnits: sizeUnits(record.usedUnits + more.units),
      modelCount: record.modelCount + more.loads,
      loadsInProgress: record.loadsInProgress + more.loads,
    };
    const { standing, labels } = instance;
    const shown = { assumedUnits: more.units, shownLoads: record.loadsInProgress };
    const seen = { unreachable: standing === 'unreachable', nowMs: this.#nowMs, labels, ...shown };
    return clusterInstance(expected, seen, this.#config);
  }

  /** The sums over all candidates. */
  stats(): PartitionStats {
    return this.#whole.stats();
  }

  /** The sums over the candidates that may hold models of `type`; those without a rule of their own follow `_default`. */
  statsFor(type: string): PartitionStats {
    const rule = this.#constraints.ruleOf(type);
    if (rule === null) return this.stats();
    let sums = NO_STATS;
    for (const partition of this.#partitions.values()) {
      if (!partition.prohibited.includes(rule)) sums = mergeStats(sums, partition.stats());
    }
    return sums;
  }

  /** The partitions that have candidates. */
  partitions(): readonly PartitionView[] {
    return [...this.#partitions.values()].map((partition) => ({ prohibited: partition.prohibited, stats: partition.stats() }));
  }

  #replace(before: ClusterInstance | undefined, record: InstanceRecord): void {
    const after = clusterInstance(record, this.#seen(record), this.#config);
    if (before !== undefined) this.#withdraw(before);
    this.#instances.set(record.id, after);
    this.#enter(after);
  }

  #seen({ id, labels }: InstanceRecord): Seen {
    return { unreachable: this.#unreachable.has(id), nowMs: this.#nowMs, labels: this.#constraints.standing(labels) };
  }

  #enter(instance: ClusterInstance): void {
    this.#ordered = undefined;
    this.#order.add(instance);
    if (instance.saturated) this.#saturated.add(instance);
    if (instance.standing !== 'candidate') return;
    this.#whole.add(instance);
    this.#partitionOf(instance).add(instance);
  }

  #withdraw(instance: ClusterInstance): void {
    this.#ordered = undefined;
    this.#order.delete(instance);
    if (instance.saturated) this.#saturated.delete(instance);
    if (instance.standing !== 'candidate') return;
    this.#whole.remove(instance);
    const partition = this.#partitionOf(instance);
    partition.remove(instance);
    if (partition.isEmpty) this.#partitions.delete(partitionKey(instance));
  }

  #partitionOf(instance: ClusterInstance): Partition {
    const key = partitionKey(instance);
    const known = this.#partitions.get(key);
    if (known !== undefined) return known;
    const partition = new Partition(instance.labels.prohibited);
    this.#partitions.set(key, partition);
    return partition;
  }

  #advance(nowMs: EpochMs): void {
    const wentBack = nowMs < this.#nowMs;
    this.#nowMs = nowMs;
    if (wentBack) {
      this.#rejudge();
      return;
    }
    for (let first = this.#saturated.first(); first !== undefined; first = this.#saturated.first()) {
      if (nowMs < first.saturatedUntilMs) return;
      this.#replace(first, first.record);
    }
  }

  #rejudge(): void {
    const known = [...this.#instances.values()];
    for (const instance of known) this.#withdraw(instance);
    for (const { record } of known) this.#replace(undefined, record);
  }
}

/** A node puts what it would publish of itself before each decision: mostly it is what it was. */
function sameRecord(one: InstanceRecord, other: InstanceRecord): boolean {
  if (one === other) return true;
  const keys = Object.keys(one) as (keyof InstanceRecord)[];
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}

/** The Java mesh writes no incarnation; its start tells its lives apart. */
const sameLife = (one: InstanceRecord, other: InstanceRecord): boolean =>
  one.incarnation === other.incarnation && one.startedAtMs === other.startedAtMs;

const partitionKey = ({ labels }: ClusterInstance): string => JSON.stringify(labels.prohibited);

const bySaturationEnd = (a: ClusterInstance, b: ClusterInstance): number => {
  if (a.saturatedUntilMs !== b.saturatedUntilMs) return a.saturatedUntilMs < b.saturatedUntilMs ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
};

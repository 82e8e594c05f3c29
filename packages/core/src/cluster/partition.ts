import { type EpochMs, type SizeUnits, sizeUnits } from '../units.ts';
import type { ClusterInstance } from './cluster-instance.ts';
import { SortedList } from './sorted-list.ts';

/** Sums over a set of instances, candidates only: those that leave or cannot be reached offer nothing (spec §3.7). */
export interface PartitionStats {
  readonly instances: number;
  /** Models in their caches. */
  readonly copies: number;
  readonly capacityUnits: SizeUnits;
  /** Room in the instances that are not full; what little the full ones have left is not counted. */
  readonly freeUnits: SizeUnits;
  /** Last use of the copy that all of them together would evict first; `null` if none of them has any. */
  readonly oldestUseMs: EpochMs | null;
  readonly loadingThreads: number;
  /** Loads queued, waiting and running. */
  readonly loadsInProgress: number;
}

/** What a set without instances sums up to. */
export const NO_STATS: PartitionStats = {
  instances: 0,
  copies: 0,
  capacityUnits: sizeUnits(0),
  freeUnits: sizeUnits(0),
  oldestUseMs: null,
  loadingThreads: 0,
  loadsInProgress: 0,
};

/** The sums over two sets that share no instance. */
export const mergeStats = (a: PartitionStats, b: PartitionStats): PartitionStats => ({
  instances: a.instances + b.instances,
  copies: a.copies + b.copies,
  capacityUnits: sizeUnits(a.capacityUnits + b.capacityUnits),
  freeUnits: sizeUnits(a.freeUnits + b.freeUnits),
  oldestUseMs: earlier(a.oldestUseMs, b.oldestUseMs),
  loadingThreads: a.loadingThreads + b.loadingThreads,
  loadsInProgress: a.loadsInProgress + b.loadsInProgress,
});

function earlier(a: EpochMs | null, b: EpochMs | null): EpochMs | null {
  if (a === null || b === null) return a ?? b;
  return a <= b ? a : b;
}

/** What one instance adds. An oldest use of 0 or before is unknown (spec §3.7). */
const share = ({ record, full, remainingUnits }: ClusterInstance): PartitionStats => ({
  instances: 1,
  copies: record.modelCount,
  capacityUnits: record.capacityUnits,
  freeUnits: full ? sizeUnits(0) : remainingUnits,
  oldestUseMs: null,
  loadingThreads: record.loadingThreads,
  loadsInProgress: record.loadsInProgress,
});

/** Keeps the sums of a set of instances while they come, change and go, each in O(log n). */
export class Partition {
  /** Rules of the type constraints that its instances do not satisfy, sorted. */
  readonly prohibited: readonly string[];
  readonly #sums = { instances: 0, copies: 0, capacityUnits: 0, freeUnits: 0, loadingThreads: 0, loadsInProgress: 0 };
  /** Those with a known oldest use, by it: equal instants are kept apart by the id, so that none is lost (spec §9.4, 6). */
  readonly #uses = new SortedList<ClusterInstance>(
    (a, b) => a.oldestUseMs - b.oldestUseMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
  );

  constructor(prohibited: readonly string[]) {
    this.prohibited = prohibited;
  }

  get isEmpty(): boolean {
    return this.#sums.instances === 0;
  }

  /** Counts an instance, if it is a candidate. */
  add(instance: ClusterInstance): void {
    if (instance.standing !== 'candidate') return;
    this.#count(share(instance), 1);
    if (hasKnownUse(instance)) this.#uses.add(instance);
  }

  /** Takes back what {@link add} counted for this very value. */
  remove(instance: ClusterInstance): void {
    if (instance.standing !== 'candidate') return;
    this.#count(share(instance), -1);
    this.#uses.delete(instance);
  }

  stats(): PartitionStats {
    const { capacityUnits, freeUnits, ...counts } = this.#sums;
    return {
      ...counts,
      capacityUnits: sizeUnits(capacityUnits),
      freeUnits: sizeUnits(freeUnits),
      oldestUseMs: this.#uses.first()?.oldestUseMs ?? null,
    };
  }

  #count(part: PartitionStats, sign: 1 | -1): void {
    const sums = this.#sums;
    sums.instances += sign * part.instances;
    sums.copies += sign * part.copies;
    sums.capacityUnits += sign * part.capacityUnits;
    sums.freeUnits += sign * part.freeUnits;
    sums.loadingThreads += sign * part.loadingThreads;
    sums.loadsInProgress += sign * part.loadsInProgress;
  }
}

const hasKnownUse = ({ record }: ClusterInstance): boolean => (record.leastRecentUseMs ?? 0) > 0;

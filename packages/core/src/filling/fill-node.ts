/** An instance as a place to load into, and how much room in all of them may be filled. */

import { type DurationMs, durationMs, type EpochMs, type InstanceId, type SizeUnits, sizeUnits } from '../units.ts';

/** An instance that may take loads: registered, reachable, not leaving. */
export interface FillNode {
  readonly id: InstanceId;
  readonly capacityUnits: SizeUnits;
  /** Everything that is loaded or on its way, as it published it. */
  readonly usedUnits: SizeUnits;
  readonly modelCount: number;
  /** Last use of what it would evict first; null: it has nothing. */
  readonly oldestUseMs: EpochMs | null;
  readonly full: boolean;
  readonly loadingThreads: number;
  readonly loadsInProgress: number;
}

/** This part of every instance is left to loads that somebody waits for (spec §4.9.4). */
export const ROOM_LEFT_SHARE = 1 / 8;
/** Loads per loading thread of an instance that may be on their way (spec §4.9.4). */
export const LOADS_PER_THREAD_MAX = 50;
/** Of the room that may be filled, one run fills this share (spec §4.9.4). */
export const FILLED_SHARE_PER_RUN = 0.5;
/** Of the capacity, this share may be evicted for loads that nobody waits for, per {@link EVICTED_PERIOD_MS} (spec §4.9.4). */
export const EVICTED_SHARE_MAX = 1 / 20;
/** The period of the spec's reaper. */
export const EVICTED_PERIOD_MS: DurationMs = durationMs(420_000);
/** Fewer copies than this say nothing of the size of a typical one (spec §4.9.4). */
const COPIES_FOR_AVERAGE_MIN = 3;
/** Up to so many their average is mixed with the default. */
const COPIES_FOR_AVERAGE_ALONE = 10;

/** Units of a typical model: the mean of what is loaded, or where that is little the default (spec §4.9.4). */
export function typicalUnits(nodes: readonly FillNode[], defaultUnits: SizeUnits): SizeUnits {
  const used = nodes.reduce((sum, node) => sum + node.usedUnits, 0);
  const copies = nodes.reduce((sum, node) => sum + node.modelCount, 0);
  if (copies < COPIES_FOR_AVERAGE_MIN) return defaultUnits;
  const mean = used / copies;
  return sizeUnits(Math.max(1, Math.round(copies <= COPIES_FOR_AVERAGE_ALONE ? (mean + defaultUnits) / 2 : mean)));
}

/** Room of an instance that may be filled: what is free but for its eighth, and no more than its threads can load soon; never negative. */
export function roomToFill(node: FillNode, typical: SizeUnits): SizeUnits {
  const free = node.capacityUnits - node.usedUnits - Math.ceil(node.capacityUnits * ROOM_LEFT_SHARE);
  const loadable = (LOADS_PER_THREAD_MAX * node.loadingThreads - node.loadsInProgress) * typical;
  return sizeUnits(Math.max(0, Math.floor(Math.min(free, loadable))));
}

/** What one plan may do. */
export interface FillBudget {
  /** Units that may be loaded into free room. */
  readonly freeUnits: SizeUnits;
  /** Units that may be loaded where something else has to go for them. */
  readonly evictUnits: SizeUnits;
  /** Loads that may be started. */
  readonly loads: number;
}

/** Nothing may be done. */
export const NO_BUDGET: FillBudget = { freeUnits: sizeUnits(0), evictUnits: sizeUnits(0), loads: 0 };

/** Loads that are on their way at a time, in all instances together, for each of their loading threads. */
export const LOADS_UNDER_WAY_PER_THREAD = 8;
/** Loads of one plan, however large the cluster. */
export const PLANNED_LOADS_MAX = 1024;

/**
 * What all fillers of a cluster may do in a run, together (spec §4.9.4): half of the room that may be filled, and of the capacity a
 * twentieth a period, less what is filled, only where there is free room at all.
 */
export function clusterBudget(nodes: readonly FillNode[], typical: SizeUnits): FillBudget {
  const room = nodes.reduce((sum, node) => sum + roomToFill(node, typical), 0);
  const freeUnits = sizeUnits(Math.floor(room * FILLED_SHARE_PER_RUN));
  const capacity = nodes.reduce((sum, node) => sum + node.capacityUnits, 0);
  const hasFree = nodes.some((node) => !node.full && node.capacityUnits > node.usedUnits);
  const evictable = hasFree ? Math.floor(capacity * EVICTED_SHARE_MAX) - freeUnits : 0;
  const threads = nodes.reduce((sum, node) => sum + node.loadingThreads, 0);
  return {
    freeUnits,
    evictUnits: sizeUnits(Math.max(0, evictable)),
    loads: Math.min(PLANNED_LOADS_MAX, threads * LOADS_UNDER_WAY_PER_THREAD),
  };
}

/**
 * The part of the cluster's budget that the leader spends on models without a copy. The rest is divided evenly among all instances for what
 * they propose themselves: second copies, what they evicted, what a fresh instance takes over. So all together never exceed it.
 */
export const LEADER_SHARE = 0.5;

/** What one filler has spent and not got back. */
export interface Spent {
  /** Evicted within {@link EVICTED_PERIOD_MS}. */
  readonly evictedUnits: SizeUnits;
  readonly loadsUnderWay: number;
}

/**
 * One filler's part of the cluster's budget, less what it has spent. `spreadUnits` come on top, see {@link FreshNodes.spreadUnits}: they are
 * of what fresh instances want. Every filler may have one load under way, however many share.
 */
export function partOfBudget(whole: FillBudget, share: number, spent: Spent, spreadUnits: SizeUnits): FillBudget {
  const part = (value: number): number => Math.floor(value * share);
  return {
    freeUnits: sizeUnits(part(whole.freeUnits) + spreadUnits),
    evictUnits: sizeUnits(Math.max(0, part(whole.evictUnits) - spent.evictedUnits)),
    loads: Math.max(0, Math.max(Math.min(1, whole.loads), part(whole.loads)) - spent.loadsUnderWay),
  };
}

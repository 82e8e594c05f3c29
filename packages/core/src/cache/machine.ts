/** The state that all transitions of the room share, and the few verbs that keep its indexes true. */

import { IndexedHeap } from '../indexed-heap.ts';
import {
  type DurationMs,
  durationMs,
  type EpochMs,
  epochMs,
  type ModelKey,
  type MonotonicMs,
  monotonicMs,
  sizeUnits,
} from '../units.ts';
import type { CacheInstant, CopyUses, RuntimePhase } from './cache.ts';
import type { CacheConfig } from './config.ts';
import type { CopyId, CopyState } from './copy-state.ts';
import { type DecisionBody, DecisionRing } from './decision.ts';
import type { CacheEffect, CacheMetric, TimerPurpose } from './effect.ts';
import type { Entry, Leaving, LiveState } from './entry.ts';
import type { RuntimeReadyEvent } from './event.ts';
import { LoadQueue } from './load-queue.ts';
import type { WakeOutcome } from './outcome.ts';
import type { CachePolicy } from './policy/index.ts';
import { SizeLedger } from './size-ledger.ts';
import { SlotPool } from './slot-pool.ts';
import { UnloadBuffer } from './unload-buffer.ts';

type StateKind = CopyState['kind'];

interface ArmedTimer {
  readonly purpose: TimerPurpose;
  readonly model: ModelKey;
  readonly copy: CopyId;
}

/** The whole state of one cache. Only the transitions of this room touch it. */
export interface Machine {
  readonly config: CacheConfig;
  readonly uses: CopyUses;
  readonly policy: CachePolicy;
  readonly entries: Map<ModelKey, Entry>;
  readonly leaving: Map<ModelKey, Leaving>;
  /** Victims in the order of the policy: those that nobody waits for, and those of last resort. Pinned copies are in neither. */
  readonly ordinary: IndexedHeap<Entry>;
  readonly lastResort: IndexedHeap<Entry>;
  /** Loads whose turn has not come, and booked ones whose space is not free yet, longest waiting first. */
  readonly queue: LoadQueue;
  readonly waiting: Set<Entry>;
  /** Draining copies by slot index, and slots whose copy is gone while calls were still in flight. */
  readonly draining: Map<number, Leaving>;
  readonly lingering: Set<number>;
  readonly counts: Record<StateKind, number>;
  readonly slots: SlotPool;
  readonly ledger: SizeLedger;
  readonly decisions: DecisionRing;
  readonly timers: Map<number, ArmedTimer>;
  /** Entries whose previous copy left in this step: they are taken in at its end. */
  unblocked: { readonly entry: Entry; readonly lost: boolean }[];
  buffer: UnloadBuffer;
  runtime: RuntimeReadyEvent | null;
  phase: RuntimePhase;
  recycleReason: string | null;
  stopping: boolean;
  capacityShrank: boolean;
  /** The head of the queue found everything that could go awaited by calls; tried again once a booking or a standing changed. */
  heldBack: Entry | null;
  roomChanged: boolean;
  /** A load that runs alone because the runtime died while it ran before. */
  suspectLoading: Entry | null;
  pinnedUnits: number;
  leakReadings: number;
  unloadSweepMs: number;
  issued: number;
  now: CacheInstant;
  effects: CacheEffect[];
}

const noCounts = (): Record<StateKind, number> => ({
  predicting: 0,
  queued: 0,
  'waiting-for-space': 0,
  loading: 0,
  claiming: 0,
  sizing: 0,
  active: 0,
  failed: 0,
  draining: 0,
  settling: 0,
  unloading: 0,
  'unload-retry': 0,
});

export function createMachine(config: CacheConfig, uses: CopyUses, policy: CachePolicy): Machine {
  return {
    config,
    uses,
    policy,
    entries: new Map(),
    leaving: new Map(),
    ordinary: new IndexedHeap(),
    lastResort: new IndexedHeap(),
    queue: new LoadQueue(),
    waiting: new Set(),
    draining: new Map(),
    lingering: new Set(),
    counts: noCounts(),
    slots: new SlotPool(config.copiesMax),
    ledger: new SizeLedger(config.rememberedSizesMax),
    decisions: new DecisionRing(config.decisionsMax),
    timers: new Map(),
    unblocked: [],
    buffer: new UnloadBuffer(sizeUnits(0), sizeUnits(0), sizeUnits(0)),
    runtime: null,
    phase: 'absent',
    recycleReason: null,
    stopping: false,
    capacityShrank: false,
    heldBack: null,
    roomChanged: false,
    suspectLoading: null,
    pinnedUnits: 0,
    leakReadings: 0,
    unloadSweepMs: Number.NEGATIVE_INFINITY,
    issued: 0,
    now: { monotonicMs: monotonicMs(0), wallMs: epochMs(0) },
    effects: [],
  };
}

/** A number that was never given before: copies, timers and the order of arrival share one sequence. */
export function issue(m: Machine): number {
  m.issued += 1;
  return m.issued;
}

export const issueCopy = (m: Machine): CopyId => issue(m) as CopyId;

export function addEntry(m: Machine, entry: Entry): void {
  m.entries.set(entry.model, entry);
  m.counts[entry.state.kind] += 1;
}

/** The one place where a live copy changes its state. */
export function become(m: Machine, entry: Entry, state: LiveState): void {
  m.counts[entry.state.kind] -= 1;
  m.counts[state.kind] += 1;
  entry.state = state;
}

/** Takes the copy out of every index; what it held of memory, slot and claim is the caller's to settle. */
export function dropEntry(m: Machine, entry: Entry): void {
  disarm(m, entry);
  unrank(m, entry);
  readUse(m, entry);
  if (entry.units > 0) m.policy.observe(entry);
  m.policy.left(entry.model);
  m.queue.remove(entry);
  m.waiting.delete(entry);
  m.roomChanged = true;
  if (m.heldBack === entry) m.heldBack = null;
  if (m.suspectLoading === entry) m.suspectLoading = null;
  if (m.entries.get(entry.model) === entry) {
    m.entries.delete(entry.model);
    m.counts[entry.state.kind] -= 1;
  }
}

/** Puts the copy where its booking, its pin and its waiters say that it belongs among the victims. */
export function rank(m: Machine, entry: Entry): void {
  unrank(m, entry);
  m.roomChanged = true;
  if (entry.units === 0) return;
  if (entry.policy.pinned && entry.state.kind !== 'failed') {
    entry.standing = 'pinned';
    m.pinnedUnits += entry.units;
  } else {
    entry.standing = entry.awaited ? 'last-resort' : 'ordinary';
    m.policy.observe(entry);
    entry.place.key = rankOf(m, entry);
    (entry.awaited ? m.lastResort : m.ordinary).push(entry.place);
  }
}

/** Takes the copy out of the victims, before its booking changes or it goes; {@link rank} puts it back. */
export function unrank(m: Machine, entry: Entry): void {
  if (entry.standing === 'pinned') m.pinnedUnits -= entry.units;
  else if (entry.standing === 'ordinary') m.ordinary.remove(entry.place);
  else if (entry.standing === 'last-resort') m.lastResort.remove(entry.place);
  entry.standing = 'none';
}

export const serves = (state: CopyState): state is Extract<CopyState, { readonly kind: 'sizing' | 'active' }> =>
  state.kind === 'sizing' || state.kind === 'active';

/** Last use read at this instant: the later of what the machine was told and what the data plane counts. */
export function lastUsedMs(m: Machine, entry: Entry): EpochMs {
  const counted = serves(entry.state) ? m.uses.lastUsedMs(entry.state.slot) : 0;
  return epochMs(Math.max(entry.lastUsedMs, counted));
}

/** The place in the order of victims by what was read last. */
export const rankOf = (m: Machine, entry: Entry): number => m.policy.rankOf(entry);

/** The place that a copy without a booking would have. */
export function rankWhenBooked(m: Machine, { model, wantedUnits, lastUsedMs, calls, isFailure }: Entry): number {
  return m.policy.rankOf({ model, units: wantedUnits, lastUsedMs, calls, isFailure });
}

/** Notes in the entry what the data plane counted until this instant. */
export function readUse(m: Machine, entry: Entry): void {
  entry.lastUsedMs = lastUsedMs(m, entry);
  if (serves(entry.state)) entry.calls = m.uses.calls(entry.state.slot);
}

/** The later stamp stays. The entry keeps its heap; only its place changes. */
export function touch(m: Machine, entry: Entry, atMs: EpochMs): void {
  const usedMs = Math.min(atMs, m.now.wallMs);
  if (usedMs <= entry.lastUsedMs) return;
  entry.lastUsedMs = epochMs(usedMs);
  if (entry.standing !== 'ordinary' && entry.standing !== 'last-resort') return;
  (entry.standing === 'last-resort' ? m.lastResort : m.ordinary).update(entry.place, rankOf(m, entry));
}

export function emit(m: Machine, effect: CacheEffect): void {
  m.effects.push(effect);
}

export function measure(m: Machine, model: ModelKey, metric: CacheMetric): void {
  m.effects.push({ kind: 'metric', model, metric });
}

/** Writes the decision down and tells it. */
export function decide(m: Machine, body: DecisionBody): void {
  m.effects.push({ kind: 'decided', decision: m.decisions.add(m.now.wallMs, body) });
}

/** Wakes whoever waits for the entry's model. */
export function wake(m: Machine, entry: Entry, outcome: WakeOutcome): void {
  if (!entry.waited) return;
  entry.waited = false;
  emit(m, { kind: 'wake-waiters', model: entry.model, outcome });
}

type Armed = Pick<Entry, 'model' | 'copy' | 'timer'>;

/** A copy has at most one timer; arming again replaces it. */
export function arm(m: Machine, owner: Armed, purpose: TimerPurpose, delayMs: DurationMs): void {
  disarm(m, owner);
  const timer = issue(m);
  owner.timer = timer;
  m.timers.set(timer, { purpose, model: owner.model, copy: owner.copy });
  emit(m, { kind: 'set-timer', timer, delayMs, purpose });
}

export function disarm(m: Machine, owner: Armed): void {
  if (owner.timer === null) return;
  m.timers.delete(owner.timer);
  emit(m, { kind: 'cancel-timer', timer: owner.timer });
  owner.timer = null;
}

/** Time since an instant of the monotonic clock. */
export function sinceMs(m: Machine, then: MonotonicMs): DurationMs {
  return durationMs(m.now.monotonicMs - then);
}

/**
 * The leader's reaper (spec `modelmesh.md` §4.9): takes instances that are gone out of the records, and finds what was lost with one.
 *
 * Nothing waits for it: an instance that is not in the table is no candidate for a call, and copies there count for nothing, from the
 * moment at which its lease ends. The reaper only keeps records small and true. So it may take its time: a run writes a bounded number of
 * records, and an instance that had thousands of copies is done in several.
 */

import { type ModelRecord, type Versioned, withCopyWithdrawn, withoutFailureOf } from '../records/index.ts';
import {
  type DurationMs,
  durationMs,
  type EpochMs,
  epochMs,
  type InstanceId,
  type ModelKey,
  type Namespace,
  type Revision,
} from '../units.ts';
import type { RegistryView } from '../view/index.ts';
import { soundLastUse, withSoundLastUse } from './last-use.ts';

/** Time between two runs, from the end of one to the start of the next. */
export const REAPER_PERIOD_MS: DurationMs = durationMs(420_000);
/** The first run after an instance became leader (spec §4.9). */
export const REAPER_FIRST_MS: DurationMs = durationMs(120_000);
/** The same where it may not write (spec §4.9). */
export const REAPER_FIRST_READ_ONLY_MS: DurationMs = durationMs(60_000);
/** Where a run left something, the next one comes after this. */
export const REAPER_CONTINUES_MS: DurationMs = durationMs(1000);
/** Records that one run writes. */
export const REAPED_RECORDS_MAX = 1024;
/** Claims and failures younger than this stay, whoever made them (spec §4.9.1). */
export const REAPED_AGE_MIN_MS: DurationMs = durationMs(600_000);
/** Registry failures after which a run is given up (spec §4.9.1). */
export const REAPER_REGISTRY_FAILURES_MAX = 3;
/** Models of a lost instance that are loaded elsewhere without a call. */
export const ORPHANS_MAX = 256;
/** Those that were not used within this time wait for a call. */
export const ORPHAN_USED_WITHIN_MS: DurationMs = durationMs(3_600_000);

/** What the reaper reads of the picture of the registry. */
export type ReaperView = Pick<RegistryView, 'model' | 'modelsNaming'>;

/** A record without the instances that are gone. */
export interface ReapedRecord {
  readonly record: ModelRecord;
  readonly revision: Revision;
  readonly dropped: readonly InstanceId[];
}

/** A run of the reaper. */
export interface ReaperRun {
  /** To be looked up in the registry itself first: if one of them is there after all, the run is decided again without it. */
  readonly confirm: readonly InstanceId[];
  /** Each record once, by compare-and-set; one that has changed since waits for the next run. */
  readonly writes: readonly ReapedRecord[];
  /** More than a run writes: go on after {@link REAPER_CONTINUES_MS}. */
  readonly more: boolean;
}

/** Decides a run: what records say of instances that are `gone` goes, except what is young. */
export function runReaper(view: ReaperView, gone: readonly InstanceId[], nowMs: EpochMs): ReaperRun {
  const all = new Set(gone);
  const confirm = new Set<InstanceId>();
  const seen = new Set<string>();
  const writes: ReapedRecord[] = [];
  for (const instance of gone) {
    for (const { namespace, name } of view.modelsNaming(instance)) {
      const id = `${namespace}\0${name}`;
      if (seen.has(id)) continue;
      seen.add(id);
      const reaped = reap(view.model(namespace, name), all, nowMs);
      if (reaped === undefined) continue;
      if (writes.length === REAPED_RECORDS_MAX) return { confirm: [...confirm], writes, more: true };
      for (const dropped of reaped.dropped) confirm.add(dropped);
      writes.push(reaped);
    }
  }
  return { confirm: [...confirm], writes, more: false };
}

function reap(
  stored: Versioned<ModelRecord> | undefined,
  gone: ReadonlySet<InstanceId>,
  nowMs: EpochMs,
): ReapedRecord | undefined {
  if (stored === undefined) return undefined;
  const { record, revision } = stored;
  const isOld = (atMs: number): boolean => nowMs - atMs >= REAPED_AGE_MIN_MS;
  const dropped: InstanceId[] = [];
  let next = record;
  for (const [instance, claimedMs] of record.copies) {
    if (!gone.has(instance) || !isOld(claimedMs)) continue;
    next = withCopyWithdrawn(next, instance);
    dropped.push(instance);
  }
  for (const [instance, { atMs }] of record.failures) {
    if (!gone.has(instance) || !isOld(atMs)) continue;
    next = withoutFailureOf(next, instance);
    dropped.push(instance);
  }
  return dropped.length === 0 ? undefined : { record: withSoundLastUse(next, nowMs), revision, dropped };
}

/** A model that lost its only copies. */
export interface Orphan {
  readonly namespace: Namespace;
  readonly model: ModelKey;
  readonly lastUsedMs: EpochMs;
}

/**
 * The models that were used within the last hour and whose only copies were in an instance that is gone, most recently used first: worth
 * a load elsewhere before anybody calls. `oldestUseMs`: the last use of its oldest copy, as it published it last. A call for any other of them loads it at once, as for every model without a live copy.
 */
export function orphansOf(
  view: ReaperView,
  instance: InstanceId,
  isLive: (instance: InstanceId) => boolean,
  nowMs: EpochMs,
  oldestUseMs?: EpochMs,
): readonly Orphan[] {
  const orphans: Orphan[] = [];
  for (const { namespace, name } of view.modelsNaming(instance)) {
    const record = view.model(namespace, name)?.record;
    if (record === undefined || !record.copies.has(instance)) continue;
    if ([...record.copies.keys()].some((holder) => holder !== instance && isLive(holder))) continue;
    // The record's last use is behind by hours where the model was in use. Its claim was a use too, and what was not evicted was used later
    // than what would have been.
    const usedMs = Math.max(record.lastUsedMs, record.copies.get(instance) ?? 0, oldestUseMs ?? 0);
    const lastUsedMs = soundLastUse(epochMs(usedMs), nowMs);
    if (nowMs - lastUsedMs <= ORPHAN_USED_WITHIN_MS) orphans.push({ namespace, model: record.key, lastUsedMs });
  }
  return orphans
    .sort((a, b) => b.lastUsedMs - a.lastUsedMs || (a.model < b.model ? -1 : a.model > b.model ? 1 : 0))
    .slice(0, ORPHANS_MAX);
}

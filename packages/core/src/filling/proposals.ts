/** What an instance proposes of its own: it knows the uses of its copies, which no record tells. */

import type { ModelRecord } from '../records/index.ts';
import { type DurationMs, durationMs, type EpochMs, type InstanceId, type SizeUnits } from '../units.ts';
import type { FillCandidate, FillReason } from './candidate.ts';
import type { FillNode } from './fill-node.ts';
import { victimWorthPerUnit } from './worth.ts';

/** A copy that serves here, or was evicted here just now. */
export interface KnownCopy {
  readonly record: ModelRecord;
  readonly units: SizeUnits;
  readonly lastUsedMs: EpochMs;
  /** Calls a minute of late; null: not counted, or none. */
  readonly callsPerMinute: number | null;
  /** Expected time of a load. */
  readonly loadMs: DurationMs;
}

/** What the proposals look at. */
export interface ProposalView {
  readonly nowMs: EpochMs;
  isLive(instance: InstanceId): boolean;
}

/** Whether the owner allows another copy beside the live ones, and how many those are. */
function roomForMore(
  { copies, copiesPolicy }: ModelRecord,
  { isLive }: ProposalView,
): { readonly live: number; readonly more: boolean } {
  let live = 0;
  for (const instance of copies.keys()) if (isLive(instance)) live += 1;
  return { live, more: live < (copiesPolicy.max ?? Number.POSITIVE_INFINITY) };
}

const candidateOf = (copy: KnownCopy, reason: FillReason, nowMs: EpochMs, freesPerUnit: number): FillCandidate => ({
  model: copy.record.key,
  type: copy.record.type,
  reason,
  units: copy.units,
  loadMs: copy.loadMs,
  idleMs: durationMs(Math.max(0, nowMs - copy.lastUsedMs)),
  callsPerMinute: copy.callsPerMinute,
  exclude: [...copy.record.copies.keys(), ...copy.record.failures.keys()],
  freesPerUnit,
  idleAfterMs: copy.record.copiesPolicy.idleAfterMs ?? null,
});

/** A second copy of a model in regular use (scaling's `propose-second-copy`); undefined if it has one by now, or may have none. */
export function secondCopyOf(copy: KnownCopy, view: ProposalView): FillCandidate | undefined {
  const { live, more } = roomForMore(copy.record, view);
  return live === 1 && more ? candidateOf(copy, 'second-copy', view.nowMs, 0) : undefined;
}

/** A model that was evicted here (see {@link mayRebalance}); undefined if others have it. The record is as it was before or after. */
export function evictedCopyOf(copy: KnownCopy, self: InstanceId, view: ProposalView): FillCandidate | undefined {
  for (const instance of copy.record.copies.keys()) if (instance !== self && view.isLive(instance)) return undefined;
  const candidate = candidateOf(copy, 'first-copy', view.nowMs, 0);
  return { ...candidate, exclude: [...new Set([...candidate.exclude, self])] };
}

/**
 * What an instance offers to fresh ones: models that it alone has. Where it is full, its own copy will go (scaling's rule `moved`), and what
 * then stays is worth as much as what it would evict next: that is added to the worth.
 */
export function* offersOf(
  copies: Iterable<KnownCopy>,
  own: FillNode,
  typicalLoadMs: DurationMs,
  view: ProposalView,
): Iterable<FillCandidate> {
  const cacheAgeMs = durationMs(own.oldestUseMs === null ? 0 : Math.max(0, view.nowMs - own.oldestUseMs));
  const freesPerUnit = own.full ? victimWorthPerUnit(cacheAgeMs, typicalLoadMs, own.usedUnits / Math.max(1, own.modelCount)) : 0;
  for (const copy of copies) {
    const { live, more } = roomForMore(copy.record, view);
    if (live === 1 && more && copy.record.copies.has(own.id)) yield candidateOf(copy, 'spread', view.nowMs, freesPerUnit);
  }
}

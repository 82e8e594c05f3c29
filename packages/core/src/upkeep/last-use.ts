/** Last uses that cannot be true, and when a true one is worth a write (spec `modelmesh.md` §4.2.6, §4.10.2). */

import type { ModelRecord } from '../records/index.ts';
import { type DurationMs, durationMs, type EpochMs, epochMs, type InstanceId } from '../units.ts';

/** A last use further ahead of now than this is no skew of clocks: the Java mesh left the end of time there. */
export const LAST_USE_AHEAD_MAX_MS: DurationMs = durationMs(3_600_000);
/** What it is taken to be instead, as an age. */
export const REPAIRED_LAST_USE_AGE_MS: DurationMs = durationMs(3 * 3_600_000);
/** A last use is published when the record is behind by so much, and by up to {@link PUBLISH_JITTER_MS} more. */
export const PUBLISH_BEHIND_MS: DurationMs = durationMs(6 * 3_600_000);
/** Spreads the writes of instances that started together. */
export const PUBLISH_JITTER_MS: DurationMs = durationMs(3_600_000);

/** Whether a last use cannot be true. */
export const isImpossible = (lastUsedMs: EpochMs, nowMs: EpochMs): boolean => lastUsedMs > nowMs + LAST_USE_AHEAD_MAX_MS;

/** The last use to go on with: as given if it can be true, never later than now. */
export const soundLastUse = (lastUsedMs: EpochMs, nowMs: EpochMs): EpochMs =>
  epochMs(isImpossible(lastUsedMs, nowMs) ? nowMs - REPAIRED_LAST_USE_AGE_MS : Math.min(lastUsedMs, nowMs));

/** The record with a last use that can be true; the same record if it has one. */
export const withSoundLastUse = (record: ModelRecord, nowMs: EpochMs): ModelRecord =>
  isImpossible(record.lastUsedMs, nowMs) ? { ...record, lastUsedMs: soundLastUse(record.lastUsedMs, nowMs) } : record;

/** How far behind a record's last use may be in this instance: six to seven hours, always the same for the same instance. */
export function publishBehindMs(instance: InstanceId): DurationMs {
  let hash = 0x811c9dc5;
  for (let at = 0; at < instance.length; at += 1) hash = Math.imul(hash ^ instance.charCodeAt(at), 0x01000193);
  // FNV leaves the high bits of short names nearly equal: one more mix spreads them.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return durationMs(PUBLISH_BEHIND_MS + ((hash >>> 0) / 2 ** 32) * PUBLISH_JITTER_MS);
}

import type { InstanceRecord } from '../records/index.ts';
import { type DurationMs, durationMs, type EpochMs } from '../units.ts';

/** After this time without a publication any change is published (spec `modelmesh.md` §3.4). */
export const PUBLISH_ANY_CHANGE_AFTER_MS: DurationMs = durationMs(160_000);

/** Why a record is published; `null` where nothing in it is worth a write. */
export type PublishReason =
  | 'first'
  | 'identity'
  | 'leaving'
  | 'capacity'
  | 'last-use'
  | 'count'
  | 'used'
  | 'full'
  | 'loading'
  | 'busyness'
  | 'age';

const CAPACITY_SHARE = 0.02;
const LAST_USE_MS = 20_000;
const LAST_USE_AGE_SHARE = 1 / 16;
const COUNT = 10;
const COUNT_SHARE = 0.15;
const USED_SHARE = 0.2;
const LOADS = 3;
const BUSYNESS = 100;
const BUSYNESS_SHARE = 0.1;

/**
 * Whether the others have to know of what changed in an instance (spec `modelmesh.md` §3.4): each write reaches every node, and most changes
 * would alter no decision.
 *
 * @param sinceMs time since `published` was written
 * @param minSpaceUnits below so much free space an instance is full
 */
export function publishReason(
  published: InstanceRecord | undefined,
  current: InstanceRecord,
  at: { readonly sinceMs: DurationMs; readonly nowMs: EpochMs; readonly minSpaceUnits: number },
): PublishReason | null {
  if (published === undefined) return 'first';
  if (published.shuttingDown !== current.shuttingDown) return 'leaving';
  if (!sameIdentity(published, current)) return 'identity';
  if (differs(published.capacityUnits, current.capacityUnits, CAPACITY_SHARE)) return 'capacity';
  if (isFull(published, at.minSpaceUnits) !== isFull(current, at.minSpaceUnits)) return 'full';
  if (differs(published.usedUnits, current.usedUnits, USED_SHARE)) return 'used';
  const models = Math.abs(published.modelCount - current.modelCount);
  if (models >= COUNT || differs(published.modelCount, current.modelCount, COUNT_SHARE)) return 'count';
  if (lastUseMoved(published, current, at.nowMs)) return 'last-use';
  if (loadingChanged(published, current)) return 'loading';
  const calls = Math.abs(published.requestsPerMinute - current.requestsPerMinute);
  if (calls >= BUSYNESS || calls > published.requestsPerMinute * BUSYNESS_SHARE) return 'busyness';
  return at.sinceMs > PUBLISH_ANY_CHANGE_AFTER_MS && !sameNumbers(published, current) ? 'age' : null;
}

/** By at least the share of what was published; from nothing to something always. */
function differs(before: number, after: number, share: number): boolean {
  return before !== after && Math.abs(after - before) >= before * share;
}

const isFull = ({ capacityUnits, usedUnits }: InstanceRecord, minSpaceUnits: number): boolean =>
  capacityUnits - usedUnits < minSpaceUnits;

function lastUseMoved(published: InstanceRecord, current: InstanceRecord, nowMs: EpochMs): boolean {
  const [before, after] = [published.leastRecentUseMs, current.leastRecentUseMs];
  if (before === undefined || after === undefined) return before !== after;
  const moved = Math.abs(after - before);
  return moved > 0 && (moved >= LAST_USE_MS || moved >= Math.max(0, nowMs - before) * LAST_USE_AGE_SHARE);
}

function loadingChanged(published: InstanceRecord, current: InstanceRecord): boolean {
  if (published.loadingThreads !== current.loadingThreads) return true;
  const [before, after] = [published.loadsInProgress, current.loadsInProgress];
  const crosses = (bound: number): boolean => before > bound !== after > bound;
  return crosses(0) || crosses(current.loadingThreads) || Math.abs(after - before) >= LOADS;
}

function sameIdentity(a: InstanceRecord, b: InstanceRecord): boolean {
  const plain = (record: InstanceRecord): readonly unknown[] => [
    record.id,
    record.startedAtMs,
    record.buildVersion,
    record.location,
    record.zone,
    record.peerAddress,
    record.incarnation,
    [...record.labels].sort().join(),
    [...record.features].sort().join(),
  ];
  const other = plain(b);
  return plain(a).every((value, at) => value === other[at]);
}

const sameNumbers = (a: InstanceRecord, b: InstanceRecord): boolean =>
  a.capacityUnits === b.capacityUnits &&
  a.usedUnits === b.usedUnits &&
  a.modelCount === b.modelCount &&
  a.leastRecentUseMs === b.leastRecentUseMs &&
  a.loadsInProgress === b.loadsInProgress &&
  a.requestsPerMinute === b.requestsPerMinute;

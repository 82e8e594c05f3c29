/**
 * The janitor of one instance (spec `modelmesh.md` §4.10): makes the records that name it and the copies that it has agree again.
 *
 * One run looks at everything. A last use that cannot be true is repaired beside the rest, where ModelMesh ended the run there (spec §9.4,
 * 14). What concerns one record is one write.
 */

import {
  type ModelRecord,
  type Versioned,
  withCopyClaimed,
  withCopyWithdrawn,
  withLastUsed,
  withoutFailureOf,
} from '../records/index.ts';
import { type DurationMs, durationMs, type EpochMs, type InstanceId, type ModelKey, type Revision } from '../units.ts';
import { isImpossible, publishBehindMs, soundLastUse, withSoundLastUse } from './last-use.ts';

/** Time between two runs (spec §4.10). */
export const JANITOR_PERIOD_MS: DurationMs = durationMs(360_000);
/** Time from the start to the first run (spec §4.10). */
export const JANITOR_FIRST_MS: DurationMs = durationMs(1000);
/** Writes of one run; the rest follows in the next. */
export const JANITOR_WRITES_MAX = 512;
/** Copies that one run has looked up in the registry itself. */
export const JANITOR_CHECKS_MAX = 64;
/** A model used within this time is in use: its failure expires in half the time (spec §4.4.10). */
export const IN_USE_MS: DurationMs = durationMs(180_000);

/** A local copy as the janitor sees it. */
export interface JanitorCopy {
  readonly model: ModelKey;
  /** `loading` covers everything before the copy serves. */
  readonly state: 'loading' | 'serving' | 'failed';
  /** The stamp under which it was claimed. */
  readonly claimedMs: EpochMs;
  readonly lastUsedMs: EpochMs;
  /** An unload of it was tried of late and failed (spec §4.10.1): it is not claimed again. */
  readonly unloadTried: boolean;
}

/** What a run looks at. */
export interface JanitorView {
  readonly self: InstanceId;
  readonly nowMs: EpochMs;
  readonly loadTimeoutMs: DurationMs;
  readonly failureExpiryMs: DurationMs;
  /** What is here, by model. */
  readonly copies: ReadonlyMap<ModelKey, JanitorCopy>;
  /** Every record that names this instance as a copy or a failure, and the record of every local copy that has one. */
  readonly records: Iterable<Versioned<ModelRecord>>;
}

/** What was wrong with a record. */
export type RecordFault =
  /** It names a copy that is not here. */
  | 'no-such-copy'
  /** It has another stamp for the copy than the one under which it was claimed. */
  | 'other-claim'
  | 'failure-expired'
  | 'last-use-behind'
  | 'last-use-impossible';

/** A record that is to be written, at the revision that it was judged at; a lost compare-and-set waits for the next run. */
export interface RecordRepair {
  readonly kind: 'write';
  readonly record: ModelRecord;
  readonly revision: Revision;
  readonly faults: readonly RecordFault[];
  readonly because: string;
}

/** A local copy that its record does not name, as far as the picture of the registry goes: look there itself, then {@link decideChecked}. */
export interface CopyCheck {
  readonly kind: 'check';
  readonly model: ModelKey;
  readonly because: string;
}

/** A local last use that cannot be true. */
export interface LastUseRepair {
  readonly kind: 'set-last-use';
  readonly model: ModelKey;
  readonly lastUsedMs: EpochMs;
}

/** What a run came to. */
export interface JanitorRun {
  readonly writes: readonly RecordRepair[];
  readonly checks: readonly CopyCheck[];
  readonly lastUses: readonly LastUseRepair[];
  /** Writes and checks that the next run has to do. */
  readonly left: number;
}

/** Wrong claims send calls astray, a late last use harms nobody. */
const URGENCY: readonly RecordFault[] = [
  'no-such-copy',
  'other-claim',
  'failure-expired',
  'last-use-impossible',
  'last-use-behind',
];

/** Decides a run. What it says is carried out in its order. */
export function runJanitor(view: JanitorView): JanitorRun {
  const named = new Set<ModelKey>();
  const writes: RecordRepair[] = [];
  for (const stored of view.records) {
    const copy = view.copies.get(stored.record.key);
    if (stored.record.copies.has(view.self)) named.add(stored.record.key);
    const repair = repairRecord(stored, copy, view);
    if (repair !== undefined) writes.push(repair);
  }
  const checks: CopyCheck[] = [];
  const lastUses: LastUseRepair[] = [];
  for (const copy of view.copies.values()) {
    if (isImpossible(copy.lastUsedMs, view.nowMs))
      lastUses.push({ kind: 'set-last-use', model: copy.model, lastUsedMs: soundLastUse(copy.lastUsedMs, view.nowMs) });
    if (!named.has(copy.model) && isDue(copy, view)) checks.push(checkOf(copy, view));
  }
  const rank = ({ faults }: RecordRepair): number => Math.min(...faults.map((fault) => URGENCY.indexOf(fault)));
  writes.sort((a, b) => rank(a) - rank(b));
  return {
    writes: writes.slice(0, JANITOR_WRITES_MAX),
    checks: checks.slice(0, JANITOR_CHECKS_MAX),
    lastUses,
    left: Math.max(0, writes.length - JANITOR_WRITES_MAX) + Math.max(0, checks.length - JANITOR_CHECKS_MAX),
  };
}

/**
 * A copy that its record must name by now. ModelMesh looks at idle copies only; one that is in use and unknown to the others would be
 * loaded a second time elsewhere, so what counts here is the age of its claim.
 */
const isDue = ({ state, claimedMs }: JanitorCopy, { nowMs, loadTimeoutMs }: JanitorView): boolean =>
  state === 'serving' && nowMs - claimedMs >= 2 * JANITOR_PERIOD_MS + loadTimeoutMs;

const checkOf = ({ model, claimedMs }: JanitorCopy, { nowMs }: JanitorView): CopyCheck => ({
  kind: 'check',
  model,
  because: `claimed ${Math.round((nowMs - claimedMs) / 1000)} s ago, and the record does not name this instance`,
});

function repairRecord(
  { record, revision }: Versioned<ModelRecord>,
  copy: JanitorCopy | undefined,
  view: JanitorView,
): RecordRepair | undefined {
  const { self, nowMs } = view;
  const faults: RecordFault[] = [];
  let next = record;
  const claimedMs = record.copies.get(self);
  if (claimedMs !== undefined && (copy === undefined || copy.state === 'failed')) {
    next = withCopyWithdrawn(next, self);
    faults.push('no-such-copy');
  } else if (claimedMs !== undefined && copy !== undefined && copy.claimedMs !== claimedMs) {
    next = withCopyClaimed(next, self, copy.claimedMs);
    faults.push('other-claim');
  }
  if (isExpired(record, copy, view)) {
    next = withoutFailureOf(next, self);
    faults.push('failure-expired');
  }
  const sound = withSoundLastUse(next, nowMs);
  if (sound !== next) {
    next = sound;
    faults.push('last-use-impossible');
  }
  if (copy?.state === 'serving') {
    const lastUsedMs = soundLastUse(copy.lastUsedMs, nowMs);
    if (lastUsedMs - next.lastUsedMs > publishBehindMs(self)) {
      next = withLastUsed(next, lastUsedMs);
      faults.push('last-use-behind');
    }
  }
  return faults.length === 0 ? undefined : { kind: 'write', record: next, revision, faults, because: faults.join(', ') };
}

/** A failure of this instance is forgotten after the expiry, after half of it where the model is in use (spec §4.4.10). */
function isExpired(record: ModelRecord, copy: JanitorCopy | undefined, { self, nowMs, failureExpiryMs }: JanitorView): boolean {
  const failure = record.failures.get(self);
  if (failure === undefined) return false;
  const lastUsedMs = Math.max(soundLastUse(record.lastUsedMs, nowMs), copy?.lastUsedMs ?? 0);
  const inUse = nowMs - lastUsedMs <= IN_USE_MS;
  return nowMs - failure.atMs > (inUse ? failureExpiryMs / 2 : failureExpiryMs);
}

/** What becomes of a copy that was looked up in the registry itself. */
export type CheckedCopy =
  /** Its record names it after all. */
  | { readonly kind: 'keep' }
  | { readonly kind: 'drop'; readonly model: ModelKey; readonly because: string }
  /** Name it again, by compare-and-set at the revision just read. */
  | { readonly kind: 'claim'; readonly record: ModelRecord; readonly revision: Revision; readonly because: string };

/**
 * Decides about a copy by its record as it was read from the registry itself a moment ago, `undefined` if there is none (spec §4.10.1). A
 * picture that is behind must cost no copy: that is why nothing is decided from it.
 */
export function decideChecked(
  copy: JanitorCopy,
  stored: Versioned<ModelRecord> | undefined,
  { self }: Pick<JanitorView, 'self'>,
): CheckedCopy {
  const drop = (because: string): CheckedCopy => ({ kind: 'drop', model: copy.model, because });
  if (stored === undefined) return drop('the model is not registered');
  if (stored.record.copies.has(self)) return { kind: 'keep' };
  if (copy.state === 'failed' || stored.record.failures.has(self)) return drop('it failed to load here');
  if (copy.unloadTried) return drop('it was to be unloaded');
  const record = withCopyClaimed(stored.record, self, copy.claimedMs);
  return { kind: 'claim', record, revision: stored.revision, because: 'it serves, and the record did not name it' };
}

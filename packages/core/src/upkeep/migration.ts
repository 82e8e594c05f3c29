/**
 * Leaving without losing a call (spec `modelmesh.md` §4.14, design *Lifecycle*): recently used copies are moved elsewhere first, and each
 * goes on serving here until another one serves. ModelMesh dropped its copy before the other was loaded (spec §9.4, 18).
 */

import type { ModelRecord } from '../records/index.ts';
import {
  type DurationMs,
  durationMs,
  type EpochMs,
  type InstanceId,
  type ModelKey,
  type MonotonicMs,
  type SizeUnits,
} from '../units.ts';

/** Copies used within this time are waited for, older ones are only asked for (`CUTOFF_AGE_MS`). */
export const MIGRATED_USED_WITHIN_MS: DurationMs = durationMs(3_600_000);
/** Moves at a time (spec §4.14.2). */
export const MIGRATION_PARALLEL_MAX = 10;
/** Older copies that others are asked to load before this instance goes; of the rest only the claims are withdrawn. */
export const MIGRATED_OLD_MAX = 256;
/** What is kept of the time that a shutdown may take for what follows the moves (spec §4.14). */
const AFTER_MIGRATION_MS = 4000;
const MIGRATION_MS_MIN = 2000;

/** How long the moves may take of the time that a shutdown may take. */
export const migrationMs = (shutdownTimeoutMs: DurationMs): DurationMs =>
  durationMs(Math.max(MIGRATION_MS_MIN, shutdownTimeoutMs - AFTER_MIGRATION_MS));

/** A copy of an instance that leaves. */
export interface LeavingCopy {
  readonly record: ModelRecord;
  readonly state: 'queued' | 'loading' | 'serving';
  readonly lastUsedMs: EpochMs;
  readonly units: SizeUnits;
  /** Used heavily: others cannot take its calls without another copy. */
  readonly heavy: boolean;
}

/** What is done about one copy. */
export type MigrationEffect =
  /** Its load is given up and its claim withdrawn; nothing serves here. */
  | { readonly kind: 'abort-load'; readonly model: ModelKey }
  /**
   * Load it in an instance that holds none. The answer comes back as {@link Migration.served} or {@link Migration.failed}; where `release`
   * follows at once nobody waits for it.
   */
  | {
      readonly kind: 'load-elsewhere';
      readonly model: ModelKey;
      readonly exclude: readonly InstanceId[];
      readonly lastUsedMs: EpochMs;
      readonly units: SizeUnits;
    }
  /** Withdraw the claim: routes lead elsewhere from now on. Calls that still come are forwarded, calls in flight end here. */
  | { readonly kind: 'release'; readonly model: ModelKey; readonly because: string }
  /** All is moved that will be; nothing is waited for any more. */
  | { readonly kind: 'done'; readonly because: string };

/** Where copies could go, as the instance that leaves sees it. */
export interface MigrationView {
  readonly self: InstanceId;
  readonly nowMs: EpochMs;
  isLive(instance: InstanceId): boolean;
  /** Whether any other instance may load models of this type. */
  hasCandidate(record: ModelRecord): boolean;
  assumeLoadedAfterMs(type: string): DurationMs;
}

interface Move {
  readonly copy: LeavingCopy;
  readonly awaited: boolean;
}

/** The moves of an instance that leaves. Each method answers with what is to be done now; nothing comes after `done`. */
export class Migration {
  readonly #untilMs: MonotonicMs;
  /** Copies whose move has not begun, in the order of moving. */
  readonly #waiting: Move[] = [];
  readonly #moving = new Map<ModelKey, Move>();
  readonly #started: MigrationEffect[] = [];
  #isDone = false;

  /** Plans it: loads are given up, copies that others serve are released, the rest is moved, most recently used first. */
  constructor(copies: readonly LeavingCopy[], view: MigrationView, now: MonotonicMs, allowedMs: DurationMs) {
    this.#untilMs = (now + allowedMs) as MonotonicMs;
    const ordered = copies.toSorted((a, b) => b.lastUsedMs - a.lastUsedMs || (a.record.key < b.record.key ? -1 : 1));
    for (const copy of ordered) {
      const model = copy.record.key;
      if (copy.state !== 'serving') this.#started.push({ kind: 'abort-load', model });
      else if (isServedElsewhere(copy, view)) this.#started.push({ kind: 'release', model, because: 'other copies serve' });
      else if (!view.hasCandidate(copy.record))
        this.#started.push({ kind: 'release', model, because: 'no other instance may load it' });
      else this.#waiting.push({ copy, awaited: view.nowMs - copy.lastUsedMs <= MIGRATED_USED_WITHIN_MS });
    }
  }

  /** Nothing is left to do. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Copies that still serve here for want of another. */
  get left(): number {
    return this.#waiting.length + this.#moving.size;
  }

  /** What is to be done at once. */
  begin(now: MonotonicMs): readonly MigrationEffect[] {
    return [...this.#started, ...this.#go(now)];
  }

  /** The copy elsewhere serves. */
  served(model: ModelKey, now: MonotonicMs): readonly MigrationEffect[] {
    return this.#ended(model, 'another copy serves', now);
  }

  /** No instance could load it: it serves here until the end, and is loaded by the call that comes after. */
  failed(model: ModelKey, why: string, now: MonotonicMs): readonly MigrationEffect[] {
    return this.#ended(model, `it could not be loaded elsewhere: ${why}`, now);
  }

  /** The passing of time: at the deadline everything is released. */
  tick(now: MonotonicMs): readonly MigrationEffect[] {
    return this.#go(now);
  }

  #ended(model: ModelKey, because: string, now: MonotonicMs): readonly MigrationEffect[] {
    if (this.#isDone || !this.#moving.delete(model)) return [];
    return [{ kind: 'release', model, because }, ...this.#go(now)];
  }

  #go(now: MonotonicMs): readonly MigrationEffect[] {
    if (this.#isDone) return [];
    if (now >= this.#untilMs) return this.#finish('the time for moves is over');
    const effects: MigrationEffect[] = [];
    while (this.#moving.size < MIGRATION_PARALLEL_MAX) {
      const move = this.#waiting.shift();
      if (move === undefined) break;
      this.#moving.set(move.copy.record.key, move);
      effects.push(loadElsewhere(move.copy));
    }
    const awaited = [...this.#waiting, ...this.#moving.values()].some((move) => move.awaited);
    if (awaited) return effects;
    const old = this.#waiting.slice(0, MIGRATED_OLD_MAX).map(({ copy }) => loadElsewhere(copy));
    return [...effects, ...old, ...this.#finish('every copy that was used within the last hour is moved')];
  }

  #finish(because: string): readonly MigrationEffect[] {
    this.#isDone = true;
    const rest = [...this.#moving.keys(), ...this.#waiting.map(({ copy }) => copy.record.key)];
    this.#moving.clear();
    this.#waiting.length = 0;
    return [...rest.map((model): MigrationEffect => ({ kind: 'release', model, because })), { kind: 'done', because }];
  }
}

const loadElsewhere = ({ record, lastUsedMs, units }: LeavingCopy): MigrationEffect => ({
  kind: 'load-elsewhere',
  model: record.key,
  exclude: [...record.copies.keys(), ...record.failures.keys()],
  lastUsedMs,
  units,
});

/** Enough other copies serve, and they need no help: at least as many as the owner wants, and this one is not used heavily. */
function isServedElsewhere({ record, heavy }: LeavingCopy, view: MigrationView): boolean {
  if (heavy) return false;
  const settledMs = view.assumeLoadedAfterMs(record.type);
  let serving = 0;
  for (const [instance, claimedMs] of record.copies)
    if (instance !== view.self && view.isLive(instance) && view.nowMs - claimedMs > settledMs) serving += 1;
  return serving >= Math.max(1, record.copiesPolicy.min);
}

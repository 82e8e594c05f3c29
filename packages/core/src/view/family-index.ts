import { newestFirst } from '../identity/index.ts';
import type { ModelRecord } from '../records/index.ts';
import { type DurationMs, type EpochMs, epochMs, type ModelKey } from '../units.ts';

/** Whether a failure at `atMs` still counts. A stamp that lies in the future is another node's clock and counts as of now. */
const isFresh = (atMs: EpochMs, nowMs: EpochMs, failureExpiryMs: DurationMs): boolean =>
  Math.min(atMs, nowMs) > nowMs - failureExpiryMs;

/**
 * Whether a call can be answered: a copy is there or on its way, or nothing speaks against loading one (design, *Ready in a lazy system*).
 */
export function isServable(record: ModelRecord, nowMs: EpochMs, failureExpiryMs: DurationMs): boolean {
  if (record.copies.size > 0) return true;
  for (const { atMs } of record.failures.values()) if (isFresh(atMs, nowMs, failureExpiryMs)) return false;
  return true;
}

/**
 * Until when a model counts as one that cannot be loaded, because a load of it failed and no copy is anywhere; `null`: it does not. Loads are
 * tried again afterwards, or when the failure is taken out of its record.
 */
export function failingUntilMs(record: ModelRecord, nowMs: EpochMs, failureExpiryMs: DurationMs): EpochMs | null {
  if (isServable(record, nowMs, failureExpiryMs)) return null;
  const failedAtMs = [...record.failures.values()].map(({ atMs }) => Math.min(atMs, nowMs));
  return epochMs(Math.max(...failedAtMs) + failureExpiryMs);
}

interface Member {
  readonly key: ModelKey;
  readonly version: string;
  readonly createdAtMs: EpochMs;
}

/** One family: its versions in order, and the one that answers for it. Asking is constant time; the work is done when a record changes. */
export class FamilyIndex {
  readonly #members = new Map<ModelKey, Member>();
  #sorted: readonly Member[] = [];
  #orderIsStale = false;
  #newest: ModelKey | undefined;

  /** Newest first. */
  get versions(): readonly { readonly key: ModelKey; readonly version: string }[] {
    this.#order();
    return this.#sorted;
  }

  /** The newest servable version; the newest of all where none is servable, so that the caller learns why it cannot be loaded. */
  get newest(): ModelKey | undefined {
    return this.#newest;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Adds or replaces one version; the order follows with the next {@link choose}. */
  put(record: ModelRecord): void {
    const known = this.#members.get(record.key);
    const version = record.version ?? '';
    if (known !== undefined && known.version === version && known.createdAtMs === record.createdAtMs) return;
    this.#members.set(record.key, { key: record.key, version, createdAtMs: record.createdAtMs });
    this.#orderIsStale = true;
  }

  /** Takes a version away; without it the others may be in another order, because all of them are numbers now. */
  remove(key: ModelKey): void {
    if (this.#members.delete(key)) this.#orderIsStale = true;
  }

  /** Chooses again who answers for the family; whether that changed. */
  choose(servable: (key: ModelKey) => boolean): boolean {
    this.#order();
    const chosen = (this.#sorted.find(({ key }) => servable(key)) ?? this.#sorted[0])?.key;
    const changed = chosen !== this.#newest;
    this.#newest = chosen;
    return changed;
  }

  /** Sorted once for a batch, not once for each record of it: a listing may bring thousands of versions. */
  #order(): void {
    if (this.#orderIsStale) this.#sorted = newestFirst([...this.#members.values()]);
    this.#orderIsStale = false;
  }
}

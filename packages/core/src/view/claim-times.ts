import type { ModelRecord } from '../records/index.ts';
import { type EpochMs, epochMs, type InstanceId, type ModelKey, type Namespace } from '../units.ts';

/** A stamp that differs from this node's clock by less is taken as it is. */
export const SKEW_IGNORED_MS = 1000;

const nameOf = (namespace: Namespace, key: ModelKey): string => `${namespace}\0${key}`;

/**
 * When claims of copies appeared, by the clock of this node. Their stamps come from their holders' clocks: by a clock that is a minute behind a load
 * that has just begun is a copy that was loaded long ago. Only claims whose stamp says something else than this node saw are kept.
 */
export class ClaimTimes {
  readonly #seen = new Map<string, Map<InstanceId, EpochMs>>();

  /** The record took the place of `before`. `listed`: its claims may be of any age, so that only a stamp in the future is known to be wrong. */
  put(before: ModelRecord | undefined, after: ModelRecord, nowMs: EpochMs, listed: boolean): void {
    if (before === undefined && after.copies.size === 0) return;
    const name = nameOf(after.namespace, after.key);
    const known = this.#seen.get(name);
    const seen = new Map<InstanceId, EpochMs>();
    for (const [instance, claimedMs] of after.copies) {
      const isKnown = before?.copies.get(instance) === claimedMs;
      const isOff = claimedMs - nowMs > SKEW_IGNORED_MS || (!listed && nowMs - claimedMs > SKEW_IGNORED_MS);
      const seenMs = isKnown ? known?.get(instance) : isOff ? epochMs(nowMs) : undefined;
      if (seenMs !== undefined) seen.set(instance, seenMs);
    }
    if (seen.size > 0) this.#seen.set(name, seen);
    else if (known !== undefined) this.#seen.delete(name);
  }

  /** The model is gone. */
  remove(namespace: Namespace, key: ModelKey): void {
    this.#seen.delete(nameOf(namespace, key));
  }

  /** The holders of a record's copies, each with the instant at which its claim counts as made. */
  of({ namespace, key, copies }: ModelRecord): ReadonlyMap<InstanceId, EpochMs> {
    const seen = copies.size === 0 ? undefined : this.#seen.get(nameOf(namespace, key));
    if (seen === undefined) return copies;
    return new Map([...copies].map(([instance, claimedMs]) => [instance, seen.get(instance) ?? claimedMs]));
  }
}

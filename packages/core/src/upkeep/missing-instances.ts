/** Instances that records name and that are not in the table of instances: since when (spec `modelmesh.md` §4.9.1). */

import { type DurationMs, durationMs, type InstanceId, type MonotonicMs } from '../units.ts';

/** An instance that is missing for longer than this does not come back: what records say of it goes. */
export const INSTANCE_GONE_AFTER_MS: DurationMs = durationMs(600_000);
/** Missing instances that are remembered; each costs the registry a read when it is gone for long. */
export const MISSING_INSTANCES_MAX = 4096;

/** Folded from what the leader sees; a new leader starts to count anew, which only delays. */
export class MissingInstances {
  readonly #sinceMs = new Map<InstanceId, MonotonicMs>();

  /** Takes the instances that records name, and whether each is there. Those that are there, or no longer named, are forgotten. */
  observe(named: Iterable<InstanceId>, isPresent: (instance: InstanceId) => boolean, now: MonotonicMs): void {
    const missing = new Set<InstanceId>();
    for (const instance of named) if (!isPresent(instance)) missing.add(instance);
    for (const instance of this.#sinceMs.keys()) if (!missing.has(instance)) this.#sinceMs.delete(instance);
    for (const instance of missing)
      if (!this.#sinceMs.has(instance) && this.#sinceMs.size < MISSING_INSTANCES_MAX) this.#sinceMs.set(instance, now);
  }

  /** Those that were missing at every look for longer than {@link INSTANCE_GONE_AFTER_MS}, longest first. */
  gone(now: MonotonicMs): readonly InstanceId[] {
    return [...this.#sinceMs].filter(([, sinceMs]) => now - sinceMs > INSTANCE_GONE_AFTER_MS).map(([instance]) => instance);
  }

  /** Instances that are missing now, however short. */
  get size(): number {
    return this.#sinceMs.size;
  }
}

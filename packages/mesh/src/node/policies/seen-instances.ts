import { type Clock, durationMs, type InstanceId, type MonotonicMs } from '@modelmesh/core';
import type { InstanceRecord } from '@modelmesh/core/records';
import { LEASE_TTL_MS } from '../registry/index.ts';

/** How long an instance counts after its lease has ended: it may be cut off from the registry alone, and answer callers all the same. */
export const POLICY_INSTANCES_SEEN_MS = durationMs(3 * LEASE_TTL_MS);

/** An instance that may answer calls, as far as is known here. */
export interface SeenInstance {
  readonly id: InstanceId;
  /** When its record vanished; `null`: it stands there. */
  readonly goneAtMs: MonotonicMs | null;
}

/** The other instances that were seen lately. Members forget whoever is gone for good; whoever may still answer calls is not forgotten here. */
export class SeenInstances {
  readonly #clock: Clock;
  readonly #seen = new Map<InstanceId, { readonly leaves: boolean; readonly goneAtMs: MonotonicMs | null }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The registry told of an instance. @param record as it stands there; `undefined`: it does not */
  changed(id: InstanceId, record: InstanceRecord | undefined): void {
    if (record !== undefined) {
      this.#seen.set(id, { leaves: record.shuttingDown, goneAtMs: null });
      return;
    }
    const known = this.#seen.get(id);
    // Whoever said that it leaves has drained its calls when its record goes.
    if (known?.leaves === true) this.#seen.delete(id);
    else if (known?.goneAtMs === null) this.#seen.set(id, { leaves: false, goneAtMs: this.#clock.monotonicMs() });
  }

  /** Those that stand in the registry, and those that were there within {@link POLICY_INSTANCES_SEEN_MS}. */
  lately(): readonly SeenInstance[] {
    const oldestMs = this.#clock.monotonicMs() - POLICY_INSTANCES_SEEN_MS;
    for (const [id, { goneAtMs }] of this.#seen) if (goneAtMs !== null && goneAtMs < oldestMs) this.#seen.delete(id);
    return [...this.#seen].map(([id, { goneAtMs }]) => ({ id, goneAtMs }));
  }
}

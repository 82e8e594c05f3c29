import { type Clock, type DurationMs, MeshError, type Timer } from '@modelmesh/core';
import { KV_LEASES_MAX, type KvLease, type LeaseId } from './port.ts';

/** The time of the leases of one store: says once of each lease that it is over, under the injected clock. */
export class LeaseTimers {
  readonly #clock: Clock;
  readonly #expire: (lease: LeaseId) => void;
  readonly #running = new Map<LeaseId, { readonly ttlMs: DurationMs; timer: Timer }>();
  #granting = 0;
  #closed = false;

  constructor(clock: Clock, expire: (lease: LeaseId) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  /** Grants one lease more and starts its time. Rejects with `overloaded` where `KV_LEASES_MAX` leases live or are being granted. */
  async grant(make: () => Promise<KvLease>): Promise<KvLease> {
    if (this.#running.size + this.#granting >= KV_LEASES_MAX) {
      throw new MeshError('overloaded', `the registry has ${KV_LEASES_MAX} leases, which is the most it holds`);
    }
    this.#granting += 1;
    try {
      const lease = await make();
      this.start(lease.id, lease.ttlMs);
      return lease;
    } finally {
      this.#granting -= 1;
    }
  }

  /** Starts the time of a lease that lives already. */
  start(lease: LeaseId, ttlMs: DurationMs): void {
    if (this.#closed) return;
    this.#running.set(lease, { ttlMs, timer: this.#arm(lease, ttlMs) });
  }

  /** Starts the time anew. @returns the lease's time, or `undefined` where it is over */
  renew(lease: LeaseId): DurationMs | undefined {
    const running = this.#running.get(lease);
    if (running === undefined) return undefined;
    running.timer.cancel();
    running.timer = this.#arm(lease, running.ttlMs);
    return running.ttlMs;
  }

  stop(lease: LeaseId): void {
    this.#running.get(lease)?.timer.cancel();
    this.#running.delete(lease);
  }

  /** Stops every time, and starts none any more. */
  close(): void {
    this.#closed = true;
    this.stopAll();
  }

  stopAll(): void {
    for (const { timer } of this.#running.values()) timer.cancel();
    this.#running.clear();
  }

  #arm(lease: LeaseId, ttlMs: DurationMs): Timer {
    return this.#clock.after(ttlMs, () => {
      this.#running.delete(lease);
      this.#expire(lease);
    });
  }
}

import { type Clock, type DurationMs, MeshError, type Timer } from '@modelmesh/core';
import { KV_LEASES_MAX, type LeaseId } from './port.ts';

/** The time of the leases of one store: says once of each lease that it is over, under the injected clock. */
export class LeaseTimers {
  readonly #clock: Clock;
  readonly #expire: (lease: LeaseId) => void;
  readonly #running = new Map<LeaseId, { readonly ttlMs: DurationMs; timer: Timer }>();

  constructor(clock: Clock, expire: (lease: LeaseId) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  /** @throws {MeshError} `overloaded` where `KV_LEASES_MAX` leases live. */
  admit(): void {
    if (this.#running.size >= KV_LEASES_MAX) {
      throw new MeshError('overloaded', `the registry has ${KV_LEASES_MAX} leases, which is the most it holds`);
    }
  }

  start(lease: LeaseId, ttlMs: DurationMs): void {
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

import { durationMs, MeshError } from '@modelmesh/core';

/** Waits until there is room for its body. */
export interface BodyGateWaiter {
  /** There is, and it is booked. Not called after {@link BodyGate.giveUp}. */
  onBodyRoom(): void;
}

/** Bounds of a {@link BodyGate}. */
export interface BodyGateLimits {
  /** Announced bytes of all bodies within. */
  readonly bytesMax: number;
  readonly waitersMax: number;
}

/** Large bodies that are read or answered at the same time, and exchanges that wait for their turn. */
export const BODY_GATE_LIMITS: BodyGateLimits = { bytesMax: 128 * 1024 * 1024, waitersMax: 4096 };

const RETRY_AFTER_MS = durationMs(1000);

/**
 * Lets large bodies in by their announced length, first come, first served. Bodies that wait stay with their clients, so that a thousand
 * large calls to a model that was just loaded are answered one after the other instead of being held, or refused, all at once.
 */
export class BodyGate {
  readonly #limits: BodyGateLimits;
  readonly #waiting = new Map<BodyGateWaiter, number>();
  #inside = 0;

  constructor(limits: BodyGateLimits = BODY_GATE_LIMITS) {
    this.#limits = limits;
  }

  /** Announced bytes within. */
  get inside(): number {
    return this.#inside;
  }

  /** Exchanges that wait now. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Asks for room: true when it is booked at once, else the waiter is told later. A body larger than the whole gate is let in alone.
   *
   * @throws {MeshError} `overloaded` when too many wait already
   */
  enter(byteCount: number, waiter: BodyGateWaiter): boolean {
    if (this.#waiting.size === 0 && this.#fits(byteCount)) {
      this.#inside += byteCount;
      return true;
    }
    if (this.#waiting.size >= this.#limits.waitersMax) {
      const sentence = `${this.#limits.waitersMax} large bodies wait already for their turn; try again later`;
      throw new MeshError('overloaded', sentence, { retryAfterMs: RETRY_AFTER_MS });
    }
    this.#waiting.set(waiter, byteCount);
    return false;
  }

  /** Stops waiting. */
  giveUp(waiter: BodyGateWaiter): void {
    if (this.#waiting.delete(waiter)) this.#admit();
  }

  /** Gives back room that was booked. */
  leave(byteCount: number): void {
    this.#inside -= byteCount;
    this.#admit();
  }

  #fits(byteCount: number): boolean {
    return this.#inside === 0 || this.#inside + byteCount <= this.#limits.bytesMax;
  }

  #admit(): void {
    for (const [waiter, byteCount] of this.#waiting) {
      if (!this.#fits(byteCount)) return;
      this.#waiting.delete(waiter);
      this.#inside += byteCount;
      waiter.onBodyRoom();
    }
  }
}

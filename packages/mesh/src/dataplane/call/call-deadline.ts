import { type DurationMs, durationMs, type MonotonicMs } from '@modelmesh/core';
import type { Expirable, WheelTimer } from '@modelmesh/grpc/timer-wheel';
import type { Plane } from './plane.ts';

/** How long a call may take, and its one timer: for the deadline, or for what is due before it. */
export class CallDeadline {
  readonly #plane: Pick<Plane, 'clock' | 'deadlines'>;
  readonly #owner: Expirable;
  #atMs: MonotonicMs | null;
  #timer: WheelTimer | undefined;
  /** What is due before the deadline, whatever else is. */
  #dueMs: MonotonicMs | null = null;

  /** @param atMs `null`: the call may take as long as it likes */
  constructor(plane: Pick<Plane, 'clock' | 'deadlines'>, owner: Expirable, atMs: MonotonicMs | null) {
    this.#plane = plane;
    this.#owner = owner;
    this.#atMs = atMs;
  }

  /** Until the deadline; `null`: there is none. */
  get remainingMs(): DurationMs | null {
    return this.#atMs === null ? null : durationMs(Math.max(0, this.#atMs - this.#plane.clock.monotonicMs()));
  }

  /** The owner hears of the deadline when it passes, and before of what is {@link due}. */
  watch(): void {
    if (this.#atMs !== null) this.wakeAt(this.#atMs);
    else if (this.#dueMs !== null) this.wakeAt(this.#dueMs);
  }

  /** The owner hears at this time instead, or when something is due before. */
  wakeAt(atMs: MonotonicMs): void {
    if (this.#timer !== undefined) this.#plane.deadlines.cancel(this.#timer);
    this.#timer = this.#plane.deadlines.add(this.#dueMs !== null && this.#dueMs < atMs ? this.#dueMs : atMs, this.#owner);
  }

  /** Something is due then; `null`: nothing is. */
  due(atMs: MonotonicMs | null): void {
    this.#dueMs = atMs;
  }

  /** What was due is overdue; told once. */
  takeOverdue(): boolean {
    if (this.#dueMs === null || this.#plane.clock.monotonicMs() < this.#dueMs) return false;
    this.#dueMs = null;
    return true;
  }

  /** The owner has heard. */
  woken(): void {
    this.#timer = undefined;
  }

  /** There is no deadline any more. */
  drop(): void {
    this.#atMs = null;
    this.stop();
  }

  /** Nothing is to be heard any more. */
  stop(): void {
    if (this.#timer !== undefined) this.#plane.deadlines.cancel(this.#timer);
    this.#timer = undefined;
  }
}

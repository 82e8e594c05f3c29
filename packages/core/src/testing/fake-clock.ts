import {
  type Clock,
  type DurationMs,
  durationMs,
  type EpochMs,
  epochMs,
  type MonotonicMs,
  monotonicMs,
  type Timer,
} from '../index.ts';

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly fire: () => void;
}

/** The wall clock that a {@link FakeClock} starts at unless told otherwise: far from 0, where mistakes would look right. */
export const FAKE_WALL_START_MS = epochMs(1_700_000_000_000);

/**
 * A clock that stands still until told to advance. Timers fire in the order of their instants, equal ones in the order they were set,
 * and see the clock at their own instant.
 */
export class FakeClock implements Clock {
  #nowMs: number;
  #wallOffsetMs: number;
  #order = 0;
  readonly #pending = new Set<Pending>();

  constructor(wallStartMs: EpochMs = FAKE_WALL_START_MS, monotonicStartMs: MonotonicMs = monotonicMs(1000)) {
    this.#nowMs = monotonicStartMs;
    this.#wallOffsetMs = wallStartMs - monotonicStartMs;
  }

  wallMs(): EpochMs {
    return epochMs(this.#nowMs + this.#wallOffsetMs);
  }

  monotonicMs(): MonotonicMs {
    return monotonicMs(this.#nowMs);
  }

  after(delayMs: DurationMs, fire: () => void): Timer {
    const pending: Pending = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fire };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** Timers that have neither fired nor been called off. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /** Until the next timer; null when there is none. */
  get untilNextMs(): DurationMs | null {
    const next = this.#next();
    return next === undefined ? null : durationMs(Math.max(0, next.dueMs - this.#nowMs));
  }

  /** Moves both clocks by `byMs` and fires what becomes due on the way, timers set by timers included. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (let next = this.#next(); next !== undefined && next.dueMs <= untilMs; next = this.#next()) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#pending.delete(next);
      next.fire();
    }
    this.#nowMs = untilMs;
  }

  /** Advances timer by timer until none is left. @throws {Error} after `firingsMax` timers: something arms itself for ever. */
  runAll(firingsMax = 10_000): void {
    for (let fired = 0; ; fired += 1) {
      const untilMs = this.untilNextMs;
      if (untilMs === null) return;
      if (fired === firingsMax) throw new Error(`timers did not come to rest within ${firingsMax} firings`);
      this.advance(untilMs);
    }
  }

  /** The wall clock jumps, as when an operator sets it; the monotonic clock does not notice. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  #next(): Pending | undefined {
    let best: Pending | undefined;
    for (const pending of this.#pending) {
      if (best === undefined || pending.dueMs < best.dueMs || (pending.dueMs === best.dueMs && pending.order < best.order))
        best = pending;
    }
    return best;
  }
}

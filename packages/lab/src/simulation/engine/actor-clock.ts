import { type Clock, type DurationMs, type EpochMs, epochMs, type MonotonicMs, monotonicMs, type Timer } from '@modelmesh/core';
import type { Actor } from './actor.ts';
import type { World } from './world.ts';

/** The wall clock of a world at its beginning: far from 0, where mistakes would look right. */
export const WORLD_WALL_START_MS = 1_700_000_000_000;

/** How a clock differs from the world's time. */
export interface ClockFault {
  /** Wall clock ahead of the world's, in milliseconds; may be negative. */
  readonly skewMs: number;
  /** The clock gains this many parts in a million; may be negative. */
  readonly driftPpm: number;
}

/** Longest that a timer is late because the instant had no exact number. */
const ROUNDING_MS = 1 / 1024;

/** The clock of one actor: skewed, too fast or too slow, and set by operators. Its timers wait while the actor is frozen and die with it. */
export class ActorClock implements Clock {
  readonly #world: World;
  readonly #actor: Actor;
  readonly #rate: number;
  readonly #bornMs: number;
  readonly #label: string;
  #wallOffsetMs: number;

  constructor(world: World, actor: Actor, fault: ClockFault = { skewMs: 0, driftPpm: 0 }, label = 'timer') {
    this.#world = world;
    this.#actor = actor;
    this.#rate = 1 + fault.driftPpm / 1e6;
    this.#bornMs = world.nowMs;
    this.#wallOffsetMs = WORLD_WALL_START_MS + world.nowMs + fault.skewMs;
    this.#label = label;
  }

  wallMs(): EpochMs {
    return epochMs(Math.floor(this.#wallOffsetMs + this.#elapsedMs()));
  }

  /** Begins anew with every life, as it does in a process. */
  monotonicMs(): MonotonicMs {
    return monotonicMs(1000 + this.#elapsedMs());
  }

  after(delayMs: DurationMs, fire: () => void): Timer {
    const actor = this.#actor;
    let isOpen = true;
    actor.timers += 1;
    const close = (): boolean => {
      if (!isOpen) return false;
      isOpen = false;
      actor.timers -= 1;
      return true;
    };
    const waitMs = delayMs <= 0 ? 0 : delayMs / this.#rate + ROUNDING_MS;
    const event = this.#world.in(actor, waitMs, this.#label, () => {
      if (close()) fire();
    });
    return {
      cancel: () => {
        if (close()) event.cancel();
      },
    };
  }

  /** An operator sets the wall clock; the monotonic one does not notice. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  #elapsedMs(): number {
    return (this.#world.nowMs - this.#bornMs) * this.#rate;
  }
}

import { durationMs, monotonicMs } from '@modelmesh/core';
import type { Expirable, WheelTimer } from '@modelmesh/grpc/timer-wheel';
import type { Plane } from '../call/index.ts';

/** Whoever holds room for a large body has to send this much … */
export const BODY_PACE_BYTES_MIN = 65_536;
/** … in each stretch of this length. */
export const BODY_PACE_WINDOW_MS = durationMs(10_000);

/** Watches that a large body keeps coming: room that is booked for it is room that others wait for. */
export class BodyPace implements Expirable {
  readonly #plane: Pick<Plane, 'clock' | 'deadlines'>;
  readonly #arrived: () => number;
  readonly #tooSlow: () => void;
  #before = 0;
  #timer: WheelTimer | undefined;

  constructor(plane: Pick<Plane, 'clock' | 'deadlines'>, arrived: () => number, tooSlow: () => void) {
    this.#plane = plane;
    this.#arrived = arrived;
    this.#tooSlow = tooSlow;
  }

  /** Begins to watch. */
  start(): void {
    const at = monotonicMs(this.#plane.clock.monotonicMs() + BODY_PACE_WINDOW_MS);
    this.#timer = this.#plane.deadlines.add(at, this);
  }

  /** The body is complete, or nobody waits for it. */
  stop(): void {
    if (this.#timer !== undefined) this.#plane.deadlines.cancel(this.#timer);
    this.#timer = undefined;
  }

  /** A stretch is over. */
  expired(): void {
    this.#timer = undefined;
    const arrived = this.#arrived();
    if (arrived - this.#before < BODY_PACE_BYTES_MIN) {
      this.#tooSlow();
      return;
    }
    this.#before = arrived;
    this.start();
  }
}

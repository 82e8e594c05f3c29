import { type Clock, type DurationMs, durationMs, type EpochMs, type MonotonicMs, type Timer } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';

const LOOKS_EVERY_MS = durationMs(1);
/** More than this between two looks is time in which the machine did something else than this process. */
const COUNTED_MS_MAX = 5;

/**
 * The clock of nodes that share a process: as fast as real time while the process runs, and standing still while it does not. A busy machine holds
 * all of them up alike, so that none takes the delay of all for the silence of another.
 */
export class OwnTime implements Clock, Disposable {
  readonly #time = new FakeClock();
  readonly #real: Clock;
  #looking: Timer;
  #lookedMs: MonotonicMs;

  constructor(real: Clock) {
    this.#real = real;
    this.#lookedMs = real.monotonicMs();
    this.#looking = this.#lookSoon();
  }

  wallMs(): EpochMs {
    return this.#time.wallMs();
  }

  monotonicMs(): MonotonicMs {
    return this.#time.monotonicMs();
  }

  after(delayMs: DurationMs, fire: () => void): Timer {
    return this.#time.after(delayMs, fire);
  }

  [Symbol.dispose](): void {
    this.#looking.cancel();
  }

  #lookSoon(): Timer {
    return this.#real.after(LOOKS_EVERY_MS, () => this.#look());
  }

  #look(): void {
    const nowMs = this.#real.monotonicMs();
    const passedMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    this.#looking = this.#lookSoon();
    this.#time.advance(Math.min(passedMs, COUNTED_MS_MAX));
  }
}

import type { Clock, DurationMs, EpochMs, MonotonicMs, Timer } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';

const LOOKS_EVERY_MS = 1;
/** More than this between two looks is time in which the machine did something else than this process. */
const COUNTED_MS_MAX = 5;

/**
 * The clock of nodes that share a process: as fast as real time while the process runs, and standing still while it does not. A busy machine holds
 * all of them up alike, so that none takes the delay of all for the silence of another.
 */
export class OwnTime implements Clock, Disposable {
  readonly #time = new FakeClock();
  readonly #looking: NodeJS.Timeout;
  #lookedMs = performance.now();

  constructor() {
    this.#looking = setInterval(() => this.#look(), LOOKS_EVERY_MS);
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
    clearInterval(this.#looking);
  }

  #look(): void {
    const nowMs = performance.now();
    const passedMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    this.#time.advance(Math.min(passedMs, COUNTED_MS_MAX));
  }
}

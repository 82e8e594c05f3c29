import { type Clock, durationMs, type Timer } from '@modelmesh/core';
import { ReadGarbage } from './read-garbage.ts';
import type { SocketLink } from './socket-link.ts';

/** How often connections are looked at for what makes no progress. */
const SWEEP_MS = durationMs(1000);

/** A sweep that comes later than this says that this process was held up, and nothing of the other sides. */
const SWEEP_LATE_MS = 3000;

/**
 * The turns of an engine: whatever its connections have to send is written once at the end of the event that made it, over all of them,
 * so that answers and forwarded calls of one read leave in one write a socket.
 */
export class Turns {
  readonly garbage = new ReadGarbage();
  readonly #clock: Clock;
  readonly #links = new Set<SocketLink>();
  /** Links that end and have until the sweep after the next. */
  #lingering = new Set<SocketLink>();
  #ending = new Set<SocketLink>();
  #waiting: SocketLink[] = [];
  #depth = 0;
  #isScheduled = false;
  #sweep: Timer | undefined = undefined;
  #sweptMs = 0;
  readonly #flush = (): void => {
    this.#isScheduled = false;
    this.#flushAll();
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  /** An event begins, in which links may come to need a flush. */
  begin(): void {
    this.#depth += 1;
  }

  /** The event is over. */
  end(): void {
    this.#depth -= 1;
    if (this.#depth === 0) this.#flushAll();
  }

  /** `link` has something to write or to deliver. */
  needs(link: SocketLink): void {
    this.#waiting.push(link);
    if (this.#depth > 0 || this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(this.#flush);
  }

  add(link: SocketLink): void {
    this.#links.add(link);
    this.#awaitSweep();
  }

  remove(link: SocketLink): void {
    for (const links of [this.#links, this.#ending, this.#lingering]) links.delete(link);
    this.#rest();
  }

  /** `link` has said its last word: its socket ends within two sweeps, whether the other side closes or not. */
  linger(link: SocketLink): void {
    this.#links.delete(link);
    this.#ending.add(link);
    this.#awaitSweep();
  }

  /** Without connections there is no timer, which would keep a program from its end. */
  #rest(): void {
    if (this.#links.size > 0 || this.#ending.size > 0 || this.#lingering.size > 0) return;
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }

  #awaitSweep(): void {
    if (this.#sweep !== undefined) return;
    this.#sweptMs = this.nowMs();
    this.#sweep = this.#clock.after(SWEEP_MS, () => this.#sweepAll());
  }

  #flushAll(): void {
    this.#depth += 1;
    try {
      while (this.#waiting.length > 0) {
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const link of waiting) link.flush();
      }
    } finally {
      this.#depth -= 1;
    }
  }

  #sweepAll(): void {
    this.#sweep = undefined;
    const nowMs = this.nowMs();
    const isLate = nowMs - this.#sweptMs > SWEEP_LATE_MS;
    this.begin();
    try {
      // What has come meanwhile is read before the next one.
      if (!isLate) for (const link of this.#links) link.sweep(nowMs);
      for (const link of this.#lingering) link.destroy();
      this.#lingering = this.#ending;
      this.#ending = new Set();
    } finally {
      this.end();
    }
    this.#awaitSweep();
    this.#rest();
  }
}

import type { Clock, DurationMs, MonotonicMs, Timer } from '@modelmesh/core';

/** What a rest gives back and how much there is of it. */
export interface RestPort {
  /** Private bytes of the process now; asked for at quiet times only. */
  heldBytes(): number;
  /** Whether nothing is loaded. */
  isEmpty(): boolean;
  /** Collects garbage and gives memory back to the system; blocks for 50 to 100 ms, and V8 forgets much of what it knew of hot code. */
  rest(): void;
}

/** How long nothing may have gone on before a rest, so that it hardly ever stands in front of a call. */
export const REST_QUIET_MS = 1_000 as DurationMs;

/** How far memory must have grown since the last rest: less is not worth one, and a call now and then causes none. */
export const REST_GROWN_BYTES = 4 * 1024 * 1024;

/**
 * Decides when the process rests. Under load V8 lets the heap grow to several times what is in use, and an idle process, which allocates nothing, never
 * gives that back: it looked like memory of models that are gone. It rests only while nothing is loaded: after a rest calls cost half as much CPU again
 * for some seconds, and where nothing is loaded the next call waits for a load anyway.
 */
export class QuietRest {
  readonly #clock: Clock;
  readonly #port: RestPort;
  #active = 0;
  #quietSinceMs: MonotonicMs;
  #bytesAfterRest: number;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(clock: Clock, port: RestPort) {
    this.#clock = clock;
    this.#port = port;
    this.#quietSinceMs = clock.monotonicMs();
    this.#bytesAfterRest = port.heldBytes();
  }

  /** The process is ready: what it holds now is what rests come back to. */
  ready(): void {
    this.#bytesAfterRest = this.#port.heldBytes();
  }

  /** A call, a load or an unload begins. */
  begin(): void {
    this.#active++;
  }

  /** It is over. */
  end(): void {
    if (--this.#active > 0) return;
    this.#quietSinceMs = this.#clock.monotonicMs();
    // One timer for many calls: when it fires it sees how long nothing has gone on.
    if (this.#timer === undefined) this.#lookAfter(REST_QUIET_MS);
  }

  /** Does `work` as something that goes on. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.begin();
    try {
      return await work();
    } finally {
      this.end();
    }
  }

  /** No rest comes any more. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #lookAfter(delayMs: number): void {
    if (this.#isClosed) return;
    this.#timer = this.#clock.after(delayMs as DurationMs, () => {
      this.#timer = undefined;
      this.#look();
    });
  }

  #look(): void {
    // The end of what goes on now sets the timer again.
    if (this.#active > 0) return;
    const leftMs = this.#quietSinceMs + REST_QUIET_MS - this.#clock.monotonicMs();
    if (leftMs > 0) {
      this.#lookAfter(leftMs);
    } else if (this.#port.isEmpty()) {
      this.#restIfGrown();
    }
  }

  #restIfGrown(): void {
    const heldBytes = this.#port.heldBytes();
    if (heldBytes - this.#bytesAfterRest >= REST_GROWN_BYTES) {
      this.#port.rest();
      this.#bytesAfterRest = this.#port.heldBytes();
    } else {
      // Other threads give back what they have a little later than the rest ends.
      this.#bytesAfterRest = Math.min(this.#bytesAfterRest, heldBytes);
    }
  }
}

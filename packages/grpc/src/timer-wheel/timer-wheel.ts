import { type Clock, type DurationMs, durationMs, type MonotonicMs } from '@modelmesh/core';

/** Width of one slot: a timer fires at most this much late. */
export const WHEEL_TICK_MS: DurationMs = durationMs(10);

/** Slots of the wheel: timers beyond one turn (5 s) stay in their slot for further turns. */
const SLOTS = 512;

/** What is woken. An object, so that a call can be its own timer's task without a closure. */
export interface Expirable {
  /** The instant has come. Called once, never after a cancel. */
  expired(): void;
}

/** A timer on the wheel. */
export class WheelTimer {
  readonly at: MonotonicMs;
  readonly task: Expirable;
  /** Neighbours in the slot's ring; itself when off the wheel. */
  previous: WheelTimer = this;
  next: WheelTimer = this;
  onWheel = false;

  constructor(at: MonotonicMs, task: Expirable) {
    this.at = at;
    this.task = task;
  }
}

const NOBODY: Expirable = { expired: () => undefined };

/**
 * Deadlines of all calls of a process on one coarse timer of the clock: adding and calling off are a few pointer writes, and the clock's
 * timer runs only while there is something to wait for.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #slots: WheelTimer[];
  /** The last tick whose slot was looked at. */
  #tick: number;
  #count = 0;
  #running = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#slots = Array.from({ length: SLOTS }, () => new WheelTimer(clock.monotonicMs(), NOBODY));
    this.#tick = this.#tickOf(clock.monotonicMs());
  }

  /** Timers that wait. */
  get count(): number {
    return this.#count;
  }

  /** Wakes `task` at `at` or up to {@link WHEEL_TICK_MS} later; an instant that has passed wakes it in a later turn. */
  add(at: MonotonicMs, task: Expirable): WheelTimer {
    const timer = new WheelTimer(at, task);
    if (this.#count === 0) this.#tick = this.#tickOf(this.#clock.monotonicMs());
    const tick = Math.max(this.#tick + 1, Math.ceil(at / WHEEL_TICK_MS));
    const ring = this.#slots[tick % SLOTS] ?? timer;
    timer.previous = ring.previous;
    timer.next = ring;
    ring.previous.next = timer;
    ring.previous = timer;
    timer.onWheel = true;
    this.#count += 1;
    this.#run();
    return timer;
  }

  /** Calls a timer off; does nothing if it fired or was called off. */
  cancel(timer: WheelTimer): void {
    if (!timer.onWheel) return;
    timer.onWheel = false;
    timer.previous.next = timer.next;
    timer.next.previous = timer.previous;
    this.#count -= 1;
  }

  #tickOf(instant: MonotonicMs): number {
    return Math.floor(instant / WHEEL_TICK_MS);
  }

  #run(): void {
    if (this.#running || this.#count === 0) return;
    this.#running = true;
    this.#clock.after(WHEEL_TICK_MS, () => {
      this.#running = false;
      this.#turn();
      this.#run();
    });
  }

  #turn(): void {
    const now = this.#clock.monotonicMs();
    const until = this.#tickOf(now);
    // After a long pause every slot is looked at once, not once for each tick that was missed.
    const from = Math.max(this.#tick + 1, until - SLOTS + 1);
    for (let tick = from; tick <= until; tick += 1) {
      this.#tick = tick;
      const ring = this.#slots[tick % SLOTS];
      if (ring !== undefined) this.#wake(ring, now);
    }
  }

  #wake(ring: WheelTimer, now: MonotonicMs): void {
    const due: WheelTimer[] = [];
    for (let timer = ring.next; timer !== ring; timer = timer.next) if (timer.at <= now) due.push(timer);
    for (const timer of due) {
      if (!timer.onWheel) continue;
      this.cancel(timer);
      timer.task.expired();
    }
  }
}

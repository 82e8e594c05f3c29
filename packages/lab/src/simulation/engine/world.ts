import type { Actor } from './actor.ts';
import { Chance } from './chance.ts';
import { EventHeap, type SimEvent } from './event-heap.ts';
import { mix, Trace } from './trace.ts';

/** A turn of the real event loop, taken before the guard is up: it drains every microtask. */
const realImmediate = setImmediate;

/** Events of one run: a loop that feeds itself ends here and not in the patience of whoever waits. */
export const EVENTS_MAX = 2_000_000;

/** Something that must not be, and when it was seen. */
export interface Violation {
  readonly atMs: number;
  /** Name of the checker. */
  readonly checker: string;
  readonly message: string;
}

/** Something that will happen, until it is called off. */
export interface Scheduled {
  cancel(): void;
}

interface ActorEvent extends SimEvent {
  readonly actor: Actor;
}

/**
 * Time, order and chance of a simulation. Everything that happens is one event of one heap; after each the event loop is let run dry of
 * microtasks, so that whatever the event set off has come to rest before time moves.
 *
 * The tie-break is a hash of (seed, actor, instant): what happens to different actors at one instant comes in an order that the seed
 * chooses and that does not change when other events are left out; what happens to one actor keeps its order.
 */
export class World {
  readonly seed: number;
  readonly trace: Trace;
  readonly violations: Violation[] = [];
  readonly #heap = new EventHeap<ActorEvent>();
  #nowMs = 0;
  #order = 0;
  #events = 0;

  constructor(seed: number, options: { readonly traceLines?: number } = {}) {
    this.seed = seed;
    this.trace = new Trace(options.traceLines ?? 0);
  }

  /** Virtual milliseconds since the beginning. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that happened. */
  get events(): number {
    return this.#events;
  }

  /** The stream of chance of that name: equal for one seed whatever else is drawn. */
  random(name: string): Chance {
    return new Chance(this.seed, name);
  }

  /** Lets `fire` happen to `actor` in `delayMs`, in a later turn at the earliest. */
  in(actor: Actor, delayMs: number, what: string, fire: () => void): Scheduled {
    return this.at(actor, this.#nowMs + Math.max(0, delayMs), what, fire);
  }

  /** As {@link in}, at an instant. */
  at(actor: Actor, atMs: number, what: string, fire: () => void): Scheduled {
    const instant = Math.max(atMs, this.#nowMs);
    const tie = mix(mix(this.seed, actor.hash), Math.round(instant * 1000));
    const event: ActorEvent = { atMs: instant, tie, order: this.#order++, what, fire, actor };
    this.#heap.push(event);
    return {
      cancel: () => {
        event.fire = null;
      },
    };
  }

  /** Something must not be. Equal news of one checker is told once. */
  violate(checker: string, message: string): void {
    if (this.violations.some((known) => known.checker === checker && known.message === message)) return;
    this.violations.push({ atMs: this.#nowMs, checker, message });
    this.trace.add(this.#nowMs, checker, `VIOLATED ${message}`);
  }

  /** As SIGSTOP. */
  freeze(actor: Actor): void {
    if (actor.state === 'running') actor.state = 'frozen';
  }

  /** As SIGCONT: what became due meanwhile happens now, in its order. */
  thaw(actor: Actor): void {
    if (actor.state !== 'frozen') return;
    actor.state = 'running';
    for (const { what, fire } of actor.backlog.splice(0)) this.in(actor, 0, what, fire);
  }

  /** As SIGKILL: nothing happens to it any more. */
  kill(actor: Actor): void {
    actor.state = 'dead';
    actor.backlog.length = 0;
  }

  /** Lets things happen until `untilMs`, or until something was violated. `afterEach` looks at the world after every event. */
  async run(untilMs: number, afterEach: (actor: Actor) => void = () => {}): Promise<void> {
    for (let next = this.#heap.peek(); next !== undefined && next.atMs <= untilMs; next = this.#heap.peek()) {
      this.#heap.pop();
      if (next.fire === null || next.actor.state === 'dead') continue;
      this.#nowMs = next.atMs;
      if (next.actor.state === 'frozen') {
        next.actor.backlog.push({ what: next.what, fire: next.fire });
        continue;
      }
      await this.#happen(next, next.fire);
      afterEach(next.actor);
      if (this.violations.length > 0) return;
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  async #happen(event: ActorEvent, fire: () => void): Promise<void> {
    this.#events += 1;
    if (this.#events > EVENTS_MAX) throw new Error(`more than ${EVENTS_MAX} events; the last: ${event.actor.name} ${event.what}`);
    this.trace.add(this.#nowMs, event.actor.name, event.what);
    fire();
    await new Promise<void>((resolve) => realImmediate(resolve));
  }
}

import { type DurationMs, durationMs } from '@modelmesh/core';
import type { SlotCounters, SlotRef } from '../../link/index.ts';
import type { Turn, TurnGates, TurnWaiter } from './copy-gates.ts';

/** A turn that nobody told of is seen after this time. */
const LOOK_EVERY_MS: DurationMs = durationMs(1000);

/** Calls of this worker that wait at one copy. */
interface Queue {
  readonly slot: SlotRef;
  readonly concurrency: number;
  readonly waiting: Set<TurnWaiter>;
}

/**
 * {@link CopyGates} for several workers, whose calls share the turns of a copy: turns are counted in the memory that all share. Within a worker calls
 * wait in the order in which they came; between workers nobody is handed a turn while others wait too, each may be the next to take it.
 */
export class SharedGates implements TurnGates {
  readonly #worker: number;
  readonly #counters: SlotCounters;
  readonly #queues = new Map<number, Queue>();

  constructor(worker: number, counters: SlotCounters) {
    this.#worker = worker;
    this.#counters = counters;
  }

  /** Copies at which calls of this worker wait. */
  get size(): number {
    return this.#queues.size;
  }

  enter(slot: SlotRef, concurrency: number, max: number, waiter: TurnWaiter): Turn {
    const [worker, counters] = [this.#worker, this.#counters];
    const queue = this.#of(slot);
    if (queue === undefined && counters.takeTurn(worker, slot, concurrency)) return 'now';
    if (counters.turns(slot) >= max) return 'full';
    counters.awaitTurns(worker, slot, 1);
    if (queue !== undefined) queue.waiting.add(waiter);
    else void this.#serve({ slot, concurrency, waiting: new Set([waiter]) });
    return 'later';
  }

  leave(slot: SlotRef): void {
    const queue = this.#of(slot);
    const [next] = queue?.waiting ?? [];
    if (queue === undefined || next === undefined || this.#counters.othersAwaitTurns(this.#worker, slot)) {
      this.#counters.giveTurn(this.#worker, slot);
      return;
    }
    this.#begin(queue, next);
  }

  giveUp(slot: SlotRef, waiter: TurnWaiter): void {
    if (this.#of(slot)?.waiting.delete(waiter) === true) this.#counters.awaitTurns(this.#worker, slot, -1);
  }

  /** Takes turns for a queue until nobody waits in it. */
  async #serve(queue: Queue): Promise<void> {
    const { slot, concurrency, waiting } = queue;
    this.#queues.set(slot.index, queue);
    while (waiting.size > 0) {
      await this.#counters.turnGiven(slot, concurrency, LOOK_EVERY_MS);
      for (const next of waiting) {
        if (!this.#counters.takeTurn(this.#worker, slot, concurrency)) break;
        this.#begin(queue, next);
      }
    }
    if (this.#queues.get(slot.index) === queue) this.#queues.delete(slot.index);
  }

  #begin(queue: Queue, next: TurnWaiter): void {
    queue.waiting.delete(next);
    this.#counters.awaitTurns(this.#worker, queue.slot, -1);
    next.onTurn();
  }

  #of(slot: SlotRef): Queue | undefined {
    const queue = this.#queues.get(slot.index);
    return queue?.slot.generation === slot.generation ? queue : undefined;
  }
}

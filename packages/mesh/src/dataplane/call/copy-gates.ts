import type { SlotRef } from '../../link/index.ts';

/** A call that waits for its turn at a copy. Told once, unless it gave up. */
export interface TurnWaiter {
  onTurn(): void;
}

/** What became of asking for a turn. */
export type Turn =
  /** Now. */
  | 'now'
  /** Later: the waiter will be told. */
  | 'later'
  /** As many calls as may are running and waiting. */
  | 'full';

/** Calls at a copy that may run and wait together, where nothing else is said: ModelMesh's rule (spec `modelmesh.md` §4.8). */
export const turnsMax = (concurrency: number): number => Math.max(16, 8 * concurrency);

/** Lets no more calls run in a copy at a time than its runtime takes. */
export interface TurnGates {
  /** Copies at which calls of this worker run or wait, as far as it remembers them. */
  readonly size: number;
  /** Asks for a turn. @param max calls that may run and wait together */
  enter(slot: SlotRef, concurrency: number, max: number, waiter: TurnWaiter): Turn;
  /** A turn is over. */
  leave(slot: SlotRef): void;
  /** Waits no more. */
  giveUp(slot: SlotRef, waiter: TurnWaiter): void;
}

interface Gate {
  readonly generation: number;
  readonly concurrency: number;
  running: number;
  readonly waiting: Set<TurnWaiter>;
}

/**
 * Lets no more calls run in a copy at a time than its runtime takes (`limitModelConcurrency`, spec `modelmesh.md` §4.8); the others wait in the
 * order in which they came. Only copies with a limit and calls have a gate. For a worker that is alone.
 */
export class CopyGates implements TurnGates {
  readonly #gates = new Map<number, Gate>();

  /** Copies that have calls, and a limit. */
  get size(): number {
    return this.#gates.size;
  }

  /** Asks for a turn. @param max calls that may run and wait together */
  enter(slot: SlotRef, concurrency: number, max: number, waiter: TurnWaiter): Turn {
    let gate = this.#gates.get(slot.index);
    if (gate === undefined || gate.generation !== slot.generation) {
      gate = { generation: slot.generation, concurrency, running: 0, waiting: new Set() };
      this.#gates.set(slot.index, gate);
    }
    if (gate.running < gate.concurrency) {
      gate.running += 1;
      return 'now';
    }
    if (gate.running + gate.waiting.size >= max) return 'full';
    gate.waiting.add(waiter);
    return 'later';
  }

  /** A turn is over: the next one's begins. */
  leave(slot: SlotRef): void {
    const gate = this.#of(slot);
    if (gate === undefined) return;
    const [next] = gate.waiting;
    if (next === undefined) {
      gate.running -= 1;
      if (gate.running === 0) this.#gates.delete(slot.index);
      return;
    }
    gate.waiting.delete(next);
    next.onTurn();
  }

  /** Waits no more. */
  giveUp(slot: SlotRef, waiter: TurnWaiter): void {
    this.#of(slot)?.waiting.delete(waiter);
  }

  /** Calls that wait at a copy. */
  waitingAt(slot: SlotRef): number {
    return this.#of(slot)?.waiting.size ?? 0;
  }

  #of(slot: SlotRef): Gate | undefined {
    const gate = this.#gates.get(slot.index);
    return gate?.generation === slot.generation ? gate : undefined;
  }
}

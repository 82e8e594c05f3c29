import type { Slot } from './copy-state.ts';

/**
 * Places in the shared counters. A slot is given out again only after its in-flight sum was seen at zero, and then under a new
 * generation: a worker that still counts down must not meet the counters of another copy.
 */
export class SlotPool {
  readonly #max: number;
  /** The current generation per index. */
  readonly #generations: number[] = [];
  readonly #free: number[] = [];
  readonly #taken: boolean[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get exhausted(): boolean {
    return this.#free.length === 0 && this.#generations.length === this.#max;
  }

  /** The lowest index that was never used, or the one freed last; null when all are taken. */
  take(): Slot | null {
    if (this.exhausted) return null;
    const index = this.#free.pop() ?? this.#generations.length;
    const generation = (this.#generations[index] ?? 0) + 1;
    this.#generations[index] = generation;
    this.#taken[index] = true;
    return { index, generation };
  }

  /** Gives a slot back; a second time, or under an older generation, does nothing. */
  give(slot: Slot): void {
    if (this.#taken[slot.index] !== true || this.#generations[slot.index] !== slot.generation) return;
    this.#taken[slot.index] = false;
    this.#free.push(slot.index);
  }
}

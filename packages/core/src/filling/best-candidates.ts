/** The best of many, in bounded memory: a heap whose root is the worst that is kept. */

import type { FillCandidate } from './candidate.ts';

/** A candidate with its rank. */
export interface Ranked {
  readonly candidate: FillCandidate;
  /** Cold time saved per unit, in milliseconds, in free room. */
  readonly perUnit: number;
}

/** Negative if `a` goes first: more worth per unit; among equals the one used later, then by key, so that the order is total. */
export const byWorth = (a: Ranked, b: Ranked): number =>
  b.perUnit - a.perUnit ||
  a.candidate.idleMs - b.candidate.idleMs ||
  (a.candidate.model < b.candidate.model ? -1 : a.candidate.model > b.candidate.model ? 1 : 0);

/** Keeps the `max` best of what is offered. */
export class BestCandidates {
  readonly #max: number;
  readonly #heap: Ranked[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether a candidate of this worth could be kept: asked before one is made, since most of very many cannot. */
  wouldKeep(perUnit: number): boolean {
    const worst = this.#heap[0];
    return this.#max > 0 && (this.#heap.length < this.#max || worst === undefined || perUnit >= worst.perUnit);
  }

  offer(ranked: Ranked): void {
    if (this.#max === 0) return;
    const worst = this.#heap[0];
    if (this.#heap.length < this.#max || worst === undefined) {
      this.#heap.push(ranked);
      this.#up(this.#heap.length - 1);
    } else if (byWorth(ranked, worst) < 0) {
      this.#heap[0] = ranked;
      this.#down(0);
    }
  }

  /** What was kept, best first. */
  sorted(): readonly Ranked[] {
    return this.#heap.toSorted(byWorth);
  }

  #isWorse(a: number, b: number): boolean {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    return x !== undefined && y !== undefined && byWorth(x, y) > 0;
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (x === undefined || y === undefined) return;
    this.#heap[a] = y;
    this.#heap[b] = x;
  }

  #up(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#isWorse(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(from: number): void {
    for (let at = from; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let worst = at;
      if (this.#isWorse(left, worst)) worst = left;
      if (this.#isWorse(right, worst)) worst = right;
      if (worst === at) return;
      this.#swap(at, worst);
      at = worst;
    }
  }
}

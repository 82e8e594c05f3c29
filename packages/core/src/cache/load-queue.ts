import { IndexedHeap } from '../indexed-heap.ts';
import type { Entry } from './entry.ts';

/**
 * Loads that wait for their turn. Nothing is booked for them: memory changes hands when a turn comes, not before, so that a long queue
 * does not empty the cache of copies that still serve.
 *
 * Calls come first, the one that waits longest in front; then what is only to be ready, the most recently used in front. Spec §4.4.3 has
 * the newest call first, which lets those at the end of a long queue wait for as long as others come.
 */
export class LoadQueue {
  readonly #calls = new IndexedHeap<Entry>();
  readonly #later = new IndexedHeap<Entry>();

  has(entry: Entry): boolean {
    return this.#calls.has(entry.turn) || this.#later.has(entry.turn);
  }

  /** Whose turn is next. */
  peek(): Entry | undefined {
    return (this.#calls.peek() ?? this.#later.peek())?.item;
  }

  push(entry: Entry): void {
    entry.turn.key = entry.awaited ? entry.calledMs : -entry.lastUsedMs;
    (entry.awaited ? this.#calls : this.#later).push(entry.turn);
  }

  /** Does nothing if it does not wait here. */
  remove(entry: Entry): void {
    this.#calls.remove(entry.turn);
    this.#later.remove(entry.turn);
  }
}

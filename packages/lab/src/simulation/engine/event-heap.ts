/** One thing that will happen. Ordered by time, then by the seeded tie-break, then by when it was asked for. */
export interface SimEvent {
  readonly atMs: number;
  readonly tie: number;
  readonly order: number;
  readonly what: string;
  fire: (() => void) | null;
}

/** The queue of what will happen next: a binary heap, since a seed schedules tens of thousands of events. */
export class EventHeap<Event extends SimEvent> {
  readonly #heap: Event[] = [];

  /** Events in the heap, those that were called off included. */
  get size(): number {
    return this.#heap.length;
  }

  /** The next event; it stays. */
  peek(): Event | undefined {
    return this.#heap[0];
  }

  push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Event;
      if (!isBefore(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  /** Takes the next event. */
  pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      const below = heap[child] as Event;
      if (!isBefore(below, last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs;
  return a.tie === b.tie ? a.order < b.order : a.tie < b.tie;
}

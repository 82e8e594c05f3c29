import type { Clock } from '@modelmesh/core';
import type { NodeEvent } from './control.ts';

/** Events that are kept for listeners that come late. */
export const EVENTS_KEPT_MAX = 1000;
/** Listeners at the same time. */
export const EVENT_LISTENERS_MAX = 256;

/** What an event says; number and time are added. */
export type EventBody = Omit<NodeEvent, 'id' | 'atMs' | 'model' | 'endpoint' | 'fields'> &
  Partial<Pick<NodeEvent, 'model' | 'endpoint' | 'fields'>>;

/** What happened on this node, newest last: kept for a while and told to listeners. */
export class Events {
  readonly #clock: Clock;
  readonly #kept: NodeEvent[] = [];
  readonly #listeners = new Set<(event: NodeEvent) => void>();
  #next = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds an event and tells it to everyone. */
  emit(body: EventBody): void {
    const event: NodeEvent = { model: null, endpoint: null, fields: {}, ...body, id: this.#next, atMs: this.#clock.wallMs() };
    this.#next += 1;
    this.#kept.push(event);
    if (this.#kept.length > EVENTS_KEPT_MAX) this.#kept.shift();
    for (const listener of this.#listeners) listener(event);
  }

  /** Tells kept events after `afterId` (`null`: none of them), then new ones; the returned function ends it. `undefined` at the limit. */
  subscribe(afterId: number | null, listener: (event: NodeEvent) => void): (() => void) | undefined {
    if (this.#listeners.size >= EVENT_LISTENERS_MAX) return undefined;
    if (afterId !== null) for (const event of this.#kept) if (event.id > afterId) listener(event);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

import type { ServerResponse } from 'node:http';
import { type Clock, type DurationMs, durationMs, type Timer } from '@modelmesh/core';
import type { Control, NodeEvent } from '../../node/index.ts';
import { eventView } from './views.ts';

/** Events that wait for one listener; one more and it is dropped. */
export const LISTENER_EVENTS_MAX = 1000;
/** A stream without events says so often that it is alive, so that proxies keep it open. */
export const HEARTBEAT_MS: DurationMs = durationMs(15_000);
/** How long a dropped listener may take to read that it was dropped. */
export const GOODBYE_MS: DurationMs = durationMs(10_000);

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // Asks reverse proxies to pass events on as they come.
  'x-accel-buffering': 'no',
};

/** Where a listener begins, and whether it stays. */
export interface EventStreamWish {
  /** `null`: only what happens from now on. */
  readonly afterId: number | null;
  readonly follow: boolean;
}

/** One listener of events over HTTP: server-sent events with a bounded queue. */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #queue: NodeEvent[] = [];
  readonly #ended: () => void;
  #unsubscribe: () => void = () => undefined;
  #timer: Timer | undefined = undefined;
  #full = false;
  #begun = false;
  #over = false;

  /** @param ended called once, when the stream is over */
  constructor(response: ServerResponse, clock: Clock, ended: () => void) {
    this.#response = response;
    this.#clock = clock;
    this.#ended = ended;
  }

  /** Begins. @throws {MeshError} `overloaded` at the limit of listeners; nothing was sent then. */
  open(control: Control, { afterId, follow }: EventStreamWish): void {
    this.#unsubscribe = control.subscribe(afterId, (event) => this.#take(event));
    this.#begun = true;
    this.#response.on('drain', () => this.#flush());
    this.#response.on('close', () => this.#finish());
    this.#response.writeHead(200, HEADERS);
    this.#response.flushHeaders();
    this.#flush();
    if (follow) this.#beat();
    else this.#sayGoodbye('');
  }

  /** The node ends. */
  close(): void {
    this.#sayGoodbye(lastEvent('closing', 'the node is shutting down'));
  }

  #take(event: NodeEvent): void {
    if (this.#over) return;
    // What is kept comes at once, before the head was sent, and is bounded by who keeps it.
    if (this.#begun && this.#queue.length >= LISTENER_EVENTS_MAX) {
      this.#queue.length = 0;
      this.#sayGoodbye(lastEvent('dropped', `more than ${LISTENER_EVENTS_MAX} events waited; connect again with Last-Event-ID`));
      return;
    }
    this.#queue.push(event);
    if (this.#begun) this.#flush();
  }

  #flush(): void {
    this.#full = this.#response.writableNeedDrain;
    for (let event = this.#next(); event !== undefined; event = this.#next()) {
      this.#full = !this.#response.write(eventText(event));
    }
  }

  #next(): NodeEvent | undefined {
    return this.#full || this.#over ? undefined : this.#queue.shift();
  }

  #beat(): void {
    this.#timer = this.#clock.after(HEARTBEAT_MS, () => {
      if (!this.#response.writableNeedDrain) this.#response.write(': alive\n\n');
      this.#beat();
    });
  }

  /** Sends what waits and `text`, ends the answer, and hangs up on who does not read it. */
  #sayGoodbye(text: string): void {
    if (this.#over) return;
    this.#finish();
    const waiting = this.#queue.splice(0).map(eventText).join('');
    this.#response.end(`${waiting}${text}`);
    const hangUp = this.#clock.after(GOODBYE_MS, () => this.#response.destroy());
    this.#response.on('close', () => hangUp.cancel());
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#unsubscribe();
    this.#ended();
  }
}

const eventText = (event: NodeEvent): string => `id: ${event.id}\ndata: ${JSON.stringify(eventView(event))}\n\n`;

const lastEvent = (name: string, message: string): string => `event: ${name}\ndata: ${JSON.stringify({ message })}\n\n`;

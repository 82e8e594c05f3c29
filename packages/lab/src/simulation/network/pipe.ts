import type { Endpoint, Network } from './network.ts';

/** One direction between two processes: everything arrives, once, in order, however long it takes; as TCP has it. */
export class Pipe {
  readonly #network: Network;
  readonly #from: Endpoint;
  readonly #to: Endpoint;
  readonly #onClosed: () => void;
  readonly #queue: { readonly what: string; readonly arrive: () => void }[] = [];
  #lastMs = 0;
  /** Messages that stood before a cut when they should have arrived. */
  #held = 0;
  #closed = false;

  constructor(network: Network, from: Endpoint, to: Endpoint, onClosed: () => void) {
    this.#network = network;
    this.#from = from;
    this.#to = to;
    this.#onClosed = onClosed;
  }

  send(what: string, arrive: () => void): void {
    if (this.#closed) return;
    const { world, weather } = this.#network;
    this.#lastMs = Math.max(this.#lastMs, world.nowMs + weather.delayMs(this.#from.host, this.#to.host));
    this.#queue.push({ what, arrive });
    world.at(this.#to.actor, this.#lastMs, what, () => this.#arrived());
  }

  /** The cut may be over. */
  release(): void {
    const { world, weather } = this.#network;
    if (this.#held === 0 || this.#closed || weather.isCut(this.#from.host, this.#to.host)) return;
    const held = this.#held;
    this.#held = 0;
    this.#lastMs = Math.max(this.#lastMs, world.nowMs + weather.delayMs(this.#from.host, this.#to.host));
    for (let at = 0; at < held; at++) world.at(this.#to.actor, this.#lastMs, this.#queue[at]?.what ?? '', () => this.#arrived());
  }

  /** Nothing arrives any more. */
  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
    this.#onClosed();
  }

  #arrived(): void {
    if (this.#closed) return;
    if (this.#network.weather.isCut(this.#from.host, this.#to.host)) {
      this.#held += 1;
      return;
    }
    this.#queue.shift()?.arrive();
  }
}

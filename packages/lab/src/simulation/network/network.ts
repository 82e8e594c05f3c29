import type { AcceptStream } from '@modelmesh/grpc/stream';
import type { Actor, World } from '../engine/index.ts';
import type { Lane } from './lane.ts';
import { Pipe } from './pipe.ts';
import { Weather } from './weather.ts';

/** One process on one host. */
export interface Endpoint {
  readonly actor: Actor;
  readonly host: string;
}

/** A port that somebody listens at. */
export interface SimListener {
  readonly endpoint: Endpoint;
  readonly accept: AcceptStream;
  readonly lanes: Set<Lane>;
  /** Set once it takes no new connections and streams. */
  draining: boolean;
}

/** Who listens where, which connections stand, and what becomes of them when processes end. */
export class Network {
  readonly world: World;
  readonly weather: Weather;
  /** Connecting belongs to nobody's process: a frozen one still has its port. */
  readonly kernel: Actor;
  readonly #listeners = new Map<string, SimListener>();
  readonly #lanes = new Set<Lane>();
  readonly #pipes = new Set<Pipe>();
  /** Hosts that vanished without a word. */
  readonly #silent = new Set<Actor>();

  constructor(world: World, kernel: Actor) {
    this.world = world;
    this.kernel = kernel;
    this.weather = new Weather(world);
    this.weather.onBetter = () => {
      for (const pipe of this.#pipes) pipe.release();
    };
  }

  /** Connections that stand. */
  get connections(): number {
    return this.#lanes.size;
  }

  listen(address: string, endpoint: Endpoint, accept: AcceptStream): SimListener {
    const listener: SimListener = { endpoint, accept, lanes: new Set(), draining: false };
    this.#listeners.set(address, listener);
    return listener;
  }

  /** Who listens there; `silent`: nobody answers at all, not even with a refusal. */
  listenerAt(address: string): SimListener | 'silent' | undefined {
    const listener = this.#listeners.get(address);
    return listener !== undefined && this.#silent.has(listener.endpoint.actor) ? 'silent' : listener;
  }

  /** The port is closed; connections that stand are left alone. */
  unlisten(address: string, listener: SimListener): void {
    if (this.#listeners.get(address) === listener) this.#listeners.delete(address);
  }

  /** A way from one process to another that keeps the order of what is sent. */
  pipe(from: Endpoint, to: Endpoint): Pipe {
    const pipe = new Pipe(this, from, to, () => this.#pipes.delete(pipe));
    this.#pipes.add(pipe);
    return pipe;
  }

  laneOpened(lane: Lane): void {
    this.#lanes.add(lane);
  }

  laneClosed(lane: Lane): void {
    this.#lanes.delete(lane);
  }

  /** The process is gone: its ports too, and its connections break, unless its machine vanished with it. */
  processEnded(actor: Actor, silent: boolean): void {
    if (silent) {
      this.#silent.add(actor);
      return;
    }
    for (const [address, listener] of this.#listeners) if (listener.endpoint.actor === actor) this.#listeners.delete(address);
    for (const lane of [...this.#lanes]) if (lane.isOf(actor)) lane.broke(actor);
  }

  /** A machine that vanished is back, or another took its address: who still waits for the old one learns that it is gone. */
  processReplaced(actor: Actor): void {
    if (this.#silent.delete(actor)) this.processEnded(actor, false);
  }
}

import { type Revision, revision } from '@modelmesh/core';
import type { Kv, KvBatch, KvEvent, KvResolution } from '@modelmesh/mesh/kv';
import { openRegistry } from '@modelmesh/mesh/kv';
import { type RegistryLayout, registryLayout, schemaKey } from '@modelmesh/wire/registry';
import { Actor, ActorClock, type World } from '../engine/index.ts';
import type { Endpoint } from '../network/index.ts';
import { SimKv } from './sim-kv.ts';

/** What goes wrong between a host and the registry while it lasts. */
export interface RegistryTrouble {
  readonly hosts: readonly string[];
  /** Nothing gets through; leases run out meanwhile. */
  readonly away: boolean;
  /** Every question, answer and piece of news takes so much longer. */
  readonly delayMs: number;
  /** Share of transactions whose connection breaks before they are committed. */
  readonly lostBefore: number;
  /** Share of those that are committed while the answer is lost. */
  readonly lostAfter: number;
}

/** One write as the store holds it. */
export type WriteListener = (revision: Revision, event: KvEvent) => void;
/** News that arrived at a node. */
export type DeliveryListener = (endpoint: Endpoint, batch: KvBatch) => void;

/** The registry of a simulated cluster: one store in memory with the semantics of etcd, and what lies between it and each node. */
export class SimRegistry {
  readonly world: World;
  readonly actor: Actor;
  readonly layout: RegistryLayout;
  /** The store itself, without anything between. */
  readonly store: Kv;
  readonly #troubles = new Set<RegistryTrouble>();
  readonly #resolutions = new Map<string, KvResolution>();
  readonly #clients = new Set<SimKv>();
  readonly #onDelivered: DeliveryListener[] = [];
  readonly #onWatching: ((endpoint: Endpoint) => void)[] = [];

  private constructor(world: World, actor: Actor, layout: RegistryLayout, store: Kv) {
    this.world = world;
    this.actor = actor;
    this.layout = layout;
    this.store = store;
  }

  /** @param historyMax revisions that are kept for watches; a node that falls behind them has to list anew */
  static async open(world: World, historyMax: number): Promise<SimRegistry> {
    const actor = new Actor('registry');
    const clock = new ActorClock(world, actor, undefined, 'lease over');
    const layout = registryLayout({ root: '', prefix: 'mm', service: 'simulated' });
    const history = { revisionsMax: historyMax, bytesMax: 64 * 1024 * 1024 };
    const store = await openRegistry('memory', { location: '', clock, schemaKey: schemaKey(layout), history });
    return new SimRegistry(world, actor, layout, store);
  }

  /** The way of one process to the registry. */
  connect(endpoint: Endpoint): SimKv {
    const kv = new SimKv(this, endpoint);
    this.#clients.add(kv);
    return kv;
  }

  disconnected(kv: SimKv): void {
    this.#clients.delete(kv);
  }

  /** The process is gone, and its connection with it. */
  processEnded(actor: Actor): void {
    for (const kv of this.#clients) if (kv.endpoint.actor === actor) kv.cut();
  }

  /** Trouble begins; it ends when the returned function is called. */
  begin(trouble: RegistryTrouble): () => void {
    this.#troubles.add(trouble);
    return () => {
      this.#troubles.delete(trouble);
      for (const kv of this.#clients) kv.reachable();
    };
  }

  /** The watches of these hosts end, as when a connection breaks that cannot be resumed. */
  loseWatches(hosts: readonly string[]): void {
    for (const kv of this.#clients) if (hosts.includes(kv.endpoint.host)) kv.loseWatches();
  }

  /** Whether the host reaches the registry at the moment. */
  isAway(host: string): boolean {
    for (const trouble of this.#troubles) if (trouble.away && trouble.hosts.includes(host)) return true;
    return false;
  }

  troubleOf(host: string): { readonly delayMs: number; readonly lostBefore: number; readonly lostAfter: number } {
    let [delayMs, lostBefore, lostAfter] = [0, 0, 0];
    for (const trouble of this.#troubles) {
      if (!trouble.hosts.includes(host)) continue;
      delayMs += trouble.delayMs;
      lostBefore = Math.max(lostBefore, trouble.lostBefore);
      lostAfter = Math.max(lostAfter, trouble.lostAfter);
    }
    return { delayMs, lostBefore, lostAfter };
  }

  /** What became of a transaction whose answer was lost. */
  remember(writer: string, resolution: KvResolution): void {
    this.#resolutions.set(writer, resolution);
  }

  resolutionOf(writer: string): KvResolution {
    return this.#resolutions.get(writer) ?? { kind: 'not-committed' };
  }

  /** Hears of every write, at once and whatever lies between. */
  onWrite(listener: WriteListener): void {
    this.store.watch(
      '',
      { from: revision(1) },
      {
        batch: ({ revision: at, events }) => {
          for (const event of events) listener(at, event);
        },
        ended: ({ kind }) => {
          if (kind !== 'closed') throw new Error(`the watch of the checkers ended: ${kind}`);
        },
      },
    );
  }

  /** Hears of news that arrive at nodes. */
  onDelivered(listener: DeliveryListener): void {
    this.#onDelivered.push(listener);
  }

  /** Hears of processes that begin a watch: what they were told before, they may have listed anew. */
  onWatching(listener: (endpoint: Endpoint) => void): void {
    this.#onWatching.push(listener);
  }

  watching(endpoint: Endpoint): void {
    for (const listener of this.#onWatching) listener(endpoint);
  }

  delivered(endpoint: Endpoint, batch: KvBatch): void {
    for (const listener of this.#onDelivered) listener(endpoint, batch);
  }
}

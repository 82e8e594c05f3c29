import { type DurationMs, MeshError } from '@modelmesh/core';
import type {
  Kv,
  KvBatch,
  KvKeepAlive,
  KvLease,
  KvRange,
  KvRangeOptions,
  KvRead,
  KvResolution,
  KvTxn,
  KvTxnOutcome,
  KvUnknown,
  KvWatch,
  KvWatchEnd,
  KvWatchOptions,
  KvWatchSink,
  LeaseId,
} from '@modelmesh/mesh/kv';
import type { Chance } from '../engine/index.ts';
import type { Endpoint } from '../network/index.ts';
import { registryAway } from './away.ts';
import type { SimRegistry } from './sim-registry.ts';

/** One way to the registry, in milliseconds: at least, and how much more at most. A commit costs the second pair besides. */
const WAY = { leastMs: 0.25, spreadMs: 1 };
const COMMIT = { leastMs: 0.5, spreadMs: 2 };
/** After this time a question that nobody answers is given up. */
const GIVE_UP_MS = 2000;
/** How soon a question fails while it is known that the registry is away. */
const REFUSED_MS = 20;

/** A watch as it runs over the network. */
interface RemoteWatch {
  readonly sink: KvWatchSink;
  readonly queue: (() => void)[];
  lastMs: number;
  held: number;
  open: boolean;
  cancel: () => void;
}

/**
 * One process's connection to the registry. Questions and answers take time and get lost, a transaction perhaps after it was committed; the
 * watches keep their order, wait while the registry is away, and may be lost.
 */
export class SimKv implements Kv {
  readonly endpoint: Endpoint;
  readonly #registry: SimRegistry;
  readonly #random: Chance;
  readonly #watches = new Set<RemoteWatch>();
  #writers = 0;
  #closed = false;

  constructor(registry: SimRegistry, endpoint: Endpoint) {
    this.#registry = registry;
    this.endpoint = endpoint;
    this.#random = registry.world.random(`registry ${endpoint.actor.name}`);
  }

  /** Watches that run. */
  get watches(): number {
    return this.#watches.size;
  }

  get(key: string): Promise<KvRead> {
    return this.#ask(`get ${key}`, () => this.#registry.store.get(key));
  }

  range(prefix: string, options: KvRangeOptions): Promise<KvRange> {
    return this.#ask(`range ${prefix}`, () => this.#registry.store.range(prefix, options));
  }

  async txn(txn: KvTxn): Promise<KvTxnOutcome> {
    const { store, world } = this.#registry;
    const { lostBefore, lostAfter } = this.#registry.troubleOf(this.endpoint.host);
    const fate = this.#random.unit();
    const what = txn.operations.map(({ kind, key }) => `${kind} ${key}`).join(', ');
    const { revision: after } = await store.get('-');
    this.#writers += 1;
    const writer = `${this.endpoint.actor.name}-${this.#writers}`;
    const unknown: KvUnknown = { kind: 'unknown', writer, after };
    if (this.#closed) throw registryAway();
    return new Promise((resolve, reject) => {
      const answer = (how: string, outcome: KvTxnOutcome, delayMs: number): void =>
        void world.in(this.endpoint.actor, delayMs, `txn ${how} ${what}`, () => resolve(outcome));
      if (this.#registry.isAway(this.endpoint.host)) {
        world.in(this.endpoint.actor, REFUSED_MS, `txn refused ${what}`, () => reject(registryAway()));
        return;
      }
      world.in(this.#registry.actor, this.#wayMs() + this.#spanMs(COMMIT), `txn ${what}`, () => {
        if (fate < lostBefore || this.#registry.isAway(this.endpoint.host)) {
          answer('lost', unknown, GIVE_UP_MS);
          return;
        }
        store.txn(txn).then((outcome) => {
          const isLost = fate < lostBefore + lostAfter;
          if (!isLost) {
            answer(outcome.kind, outcome, this.#wayMs());
            return;
          }
          this.#registry.remember(writer, outcome.kind === 'committed' ? outcome : { kind: 'not-committed' });
          answer('answer lost', unknown, GIVE_UP_MS);
        }, reject);
      });
    });
  }

  resolve(unknown: KvUnknown): Promise<KvResolution> {
    return this.#ask(`resolve ${unknown.writer}`, async () => this.#registry.resolutionOf(unknown.writer));
  }

  watch(prefix: string, options: KvWatchOptions, sink: KvWatchSink): KvWatch {
    if (this.#closed) throw new MeshError('registry-unavailable', 'the registry was closed');
    const watch: RemoteWatch = { sink, queue: [], lastMs: 0, held: 0, open: true, cancel: () => {} };
    this.#watches.add(watch);
    this.#registry.watching(this.endpoint);
    this.#registry.world.in(this.#registry.actor, this.#wayMs(), `watch ${prefix}`, () => {
      if (!watch.open) return;
      const inner = this.#registry.store.watch(prefix, options, {
        batch: (batch) => this.#tell(watch, `news ${batch.revision}`, () => this.#deliver(watch, batch)),
        ended: (end) => this.#tell(watch, `watch ${end.kind}`, () => this.#end(watch, end)),
      });
      watch.cancel = () => inner.cancel();
    });
    return { cancel: () => this.#drop(watch) };
  }

  grantLease(ttlMs: DurationMs): Promise<KvLease> {
    return this.#ask('grant lease', () => this.#registry.store.grantLease(ttlMs));
  }

  keepAlive(lease: LeaseId): Promise<KvKeepAlive> {
    return this.#ask(`keep ${lease} alive`, () => this.#registry.store.keepAlive(lease));
  }

  revokeLease(lease: LeaseId): Promise<void> {
    return this.#ask(`revoke ${lease}`, () => this.#registry.store.revokeLease(lease));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const watches = [...this.#watches];
    this.cut();
    for (const { sink } of watches) sink.ended({ kind: 'closed' });
  }

  /** The process is gone: nothing of it is left at the store but its leases. */
  cut(): void {
    this.#closed = true;
    for (const watch of [...this.#watches]) this.#drop(watch);
    this.#registry.disconnected(this);
  }

  /** The registry may be reached again: watches go on where they were. */
  reachable(): void {
    if (this.#registry.isAway(this.endpoint.host)) return;
    for (const watch of this.#watches) {
      const { held } = watch;
      watch.held = 0;
      for (let at = 0; at < held; at++) this.#schedule(watch, 'news that waited');
    }
  }

  /** All watches end, and cannot be resumed. */
  loseWatches(): void {
    for (const watch of [...this.#watches]) {
      watch.cancel();
      const error = new MeshError('registry-unavailable', 'the watch was lost');
      this.#tell(watch, 'watch lost', () => this.#end(watch, { kind: 'lost', error }));
    }
  }

  #deliver(watch: RemoteWatch, batch: KvBatch): void {
    watch.sink.batch(batch);
    this.#registry.delivered(this.endpoint, batch);
  }

  #end(watch: RemoteWatch, end: KvWatchEnd): void {
    this.#drop(watch);
    watch.sink.ended(end);
  }

  #drop(watch: RemoteWatch): void {
    watch.open = false;
    watch.queue.length = 0;
    watch.cancel();
    this.#watches.delete(watch);
  }

  #tell(watch: RemoteWatch, what: string, arrive: () => void): void {
    watch.queue.push(arrive);
    this.#schedule(watch, what);
  }

  #schedule(watch: RemoteWatch, what: string): void {
    watch.lastMs = Math.max(watch.lastMs, this.#registry.world.nowMs + this.#wayMs());
    this.#registry.world.at(this.endpoint.actor, watch.lastMs, what, () => {
      if (!watch.open) return;
      if (this.#registry.isAway(this.endpoint.host)) watch.held += 1;
      else watch.queue.shift()?.();
    });
  }

  #ask<Answer>(what: string, ask: () => Promise<Answer>): Promise<Answer> {
    const { world, actor } = this.#registry;
    const { actor: asker, host } = this.endpoint;
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(registryAway());
        return;
      }
      const fail = (delayMs: number): void => void world.in(asker, delayMs, `refused ${what}`, () => reject(registryAway()));
      if (this.#registry.isAway(host)) {
        fail(REFUSED_MS);
        return;
      }
      world.in(actor, this.#wayMs(), what, () => {
        if (this.#registry.isAway(host)) {
          fail(GIVE_UP_MS);
          return;
        }
        ask().then(
          (answer) => void world.in(asker, this.#wayMs(), `answer ${what}`, () => resolve(answer)),
          (error: unknown) => void world.in(asker, this.#wayMs(), `error ${what}`, () => reject(error)),
        );
      });
    });
  }

  #wayMs(): number {
    return this.#spanMs(WAY) + this.#registry.troubleOf(this.endpoint.host).delayMs * this.#random.unit();
  }

  #spanMs({ leastMs, spreadMs }: typeof WAY): number {
    return leastMs + spreadMs * this.#random.unit();
  }
}

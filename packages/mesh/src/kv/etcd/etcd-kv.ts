import { type DurationMs, durationMs, MeshError, type Revision, revision, toMeshError } from '@modelmesh/core';
import { Scope } from '@modelmesh/core/scope';
import { protobufMethod } from '@modelmesh/grpc/call';
import { createFrameEngine } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { KV } from '@modelmesh/wire/etcd';
import { checkKey, checkLeaseTtl, checkPrefix, checkRange, checkTxn } from '../check.ts';
import {
  KV_PENDING_MAX,
  type Kv,
  type KvKeepAlive,
  type KvLease,
  type KvOpenOptions,
  type KvRange,
  type KvRangeOptions,
  type KvRead,
  type KvResolution,
  type KvTxn,
  type KvTxnOutcome,
  type KvUnknown,
  type KvWatch,
  type KvWatchOptions,
  type KvWatchSink,
  type LeaseId,
} from '../port.ts';
import { EtcdKeys, revisionOf } from './etcd-keys.ts';
import { EtcdLink } from './etcd-link.ts';
import { Leases } from './leases.ts';
import { CALLS_MAX, CLOSE_MS, MEMBER_TRY_MS, OPEN_MS } from './limits.ts';
import { Outcomes } from './outcomes.ts';
import { Pages } from './pages.ts';
import { Places } from './places.ts';
import { Transactions } from './transactions.ts';
import { Watches } from './watches.ts';
import { WriterKeys } from './writer-keys.ts';

const RANGE = protobufMethod(KV.method.range);

/** The registry in etcd, over one connection to one member at a time. History and leases are etcd's own. */
export class EtcdKv implements Kv {
  readonly #scope: Scope;
  readonly #link: EtcdLink;
  readonly #keys: EtcdKeys;
  readonly #pages: Pages;
  readonly #watches: Watches;
  readonly #leases: Leases;
  readonly #writers: WriterKeys;
  readonly #outcomes: Outcomes;
  readonly #transactions: Transactions;
  /** Reads and leases: so many at once, the others wait their turn. */
  readonly #calls = new Places(CALLS_MAX, KV_PENDING_MAX);
  /** What was accepted and is not answered yet. */
  readonly #accepted = new Set<Promise<unknown>>();
  readonly #clock: KvOpenOptions['clock'];
  #closed: Promise<void> | undefined;

  private constructor({ clock, etcd: place }: KvOpenOptions) {
    if (place === undefined || place.endpoints.length === 0)
      throw new MeshError('failed-precondition', 'a registry in etcd needs at least one endpoint');
    this.#clock = clock;
    // A task that failed is begun again by the next call that needs it; the calls tell why.
    this.#scope = new Scope('etcd', () => undefined);
    const keys = new EtcdKeys(place.rootPrefix);
    this.#keys = keys;
    const engine = createFrameEngine({ clock, connectTimeoutMs: MEMBER_TRY_MS });
    this.#link = new EtcdLink({ engine, clock, timers: new TimerWheel(clock), place, keys }, this.#scope);
    this.#watches = new Watches(this.#link, keys, clock, this.#scope);
    this.#leases = new Leases(this.#link, clock, this.#scope);
    this.#pages = new Pages(this.#link, keys, (compacted) => this.#oldest(compacted));
    this.#writers = new WriterKeys(this.#link, keys, clock, (lease) => this.#leases.keepAlive(lease));
    this.#outcomes = new Outcomes(this.#link, keys, this.#writers, (key, from, sink) => this.#watches.add(key, from, sink, true));
    this.#transactions = new Transactions({
      link: this.#link,
      keys,
      clock,
      writers: this.#writers,
      outcomes: this.#outcomes,
    });
    this.#link.onReady = () => this.#outcomes.settleAll();
  }

  /** Connects. Rejects within `OPEN_MS` where no member answers, at once where user, password or rights are wrong. */
  static async open(options: KvOpenOptions): Promise<EtcdKv> {
    const kv = new EtcdKv(options);
    try {
      await kv.#link.firstMember(OPEN_MS);
      if (options.onlyReads !== true) await kv.#writers.open();
      return kv;
    } catch (error) {
      await kv.close();
      throw toMeshError(error);
    }
  }

  async get(key: string): Promise<KvRead> {
    checkKey(key);
    return this.#call(async () => {
      const answer = await this.#link.ask(RANGE, { key: this.#keys.bytes(key) });
      const [kv] = answer.kvs;
      return { revision: revisionOf(answer.header?.revision ?? 0n), entry: kv === undefined ? null : this.#keys.entry(kv) };
    });
  }

  async range(prefix: string, options: KvRangeOptions): Promise<KvRange> {
    checkRange(prefix, options);
    return this.#call(() => this.#pages.read(prefix, options));
  }

  async txn(txn: KvTxn): Promise<KvTxnOutcome> {
    this.#checkOpen();
    const byteCount = checkTxn(txn);
    return this.#accept(this.#commit(txn, byteCount));
  }

  async resolve(unknown: KvUnknown): Promise<KvResolution> {
    return this.#call(() => this.#outcomes.resolve(unknown));
  }

  watch(prefix: string, { from }: KvWatchOptions, sink: KvWatchSink): KvWatch {
    this.#checkOpen();
    checkPrefix(prefix);
    return this.#watches.add(prefix, from, sink);
  }

  async grantLease(ttlMs: DurationMs): Promise<KvLease> {
    checkLeaseTtl(ttlMs);
    return this.#call(() => this.#leases.grant(ttlMs));
  }

  async keepAlive(lease: LeaseId): Promise<KvKeepAlive> {
    this.#checkOpen();
    return this.#leases.keepAlive(lease);
  }

  async revokeLease(lease: LeaseId): Promise<void> {
    return this.#call(() => this.#leases.revoke(lease));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#atMost(CLOSE_MS, Promise.allSettled([...this.#accepted]));
    await this.#watches.close();
    const closed = new MeshError('registry-unavailable', 'the registry was closed');
    const { lease } = this.#writers;
    this.#writers.close(closed);
    // Without an answer its keys go when the lease ends.
    if (lease !== undefined && this.#link.isReady)
      await this.#atMost(
        CLOSE_MS,
        this.#leases.revoke(lease).catch(() => undefined),
      );
    this.#leases.close();
    this.#link.close();
    await this.#scope.close();
  }

  async #commit(txn: KvTxn, byteCount: number): Promise<KvTxnOutcome> {
    const lost = txn.operations.find(({ kind, ...rest }) => kind === 'put' && 'lease' in rest && this.#isLost(rest.lease));
    if (lost?.kind === 'put' && lost.lease !== undefined) {
      const outcome = await this.#transactions.commit({ conditions: txn.conditions, operations: [] }, 0);
      return outcome.kind === 'committed' ? { kind: 'lease-gone', lease: lost.lease } : outcome;
    }
    const outcome = await this.#transactions.commit(txn, byteCount);
    if (outcome.kind === 'committed') this.#watches.committed(txn.operations, outcome.revision);
    return outcome;
  }

  #isLost(lease: LeaseId | undefined): boolean {
    return lease !== undefined && this.#leases.isLost(lease);
  }

  /** A watch from a revision that is gone is told which is the oldest that is kept. */
  #oldest(compacted: Revision): Promise<Revision> {
    return new Promise((resolve, reject) => {
      // Under a key of the adapter's own, where nothing else is told.
      const watch = this.#watches.add(
        this.#keys.writers('oldest'),
        revision(compacted),
        {
          batch: () => undefined,
          ended: (end) => {
            watch.cancel();
            if (end.kind === 'compacted') resolve(end.oldest);
            else reject(end.kind === 'lost' ? end.error : new MeshError('registry-unavailable', 'the registry was closed'));
          },
        },
        true,
      );
    });
  }

  #call<Result>(make: () => Promise<Result>): Promise<Result> {
    try {
      this.#checkOpen();
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#accept(this.#calls.run(make));
  }

  #accept<Result>(work: Promise<Result>): Promise<Result> {
    this.#accepted.add(work);
    const done = (): void => void this.#accepted.delete(work);
    work.then(done, done);
    return work;
  }

  async #atMost(limitMs: DurationMs, work: Promise<unknown>): Promise<void> {
    let timer: { cancel(): void } | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.#clock.after(durationMs(limitMs), resolve);
    });
    await Promise.race([work, late]);
    timer?.cancel();
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new MeshError('registry-unavailable', 'the registry was closed');
  }
}

import { type DurationMs, MeshError, type Revision, revision } from '@modelmesh/core';
import { checkHistory, checkKey, checkLeaseTtl, checkPrefix, checkRange, checkRevision, checkTxn } from '../check.ts';
import { holds } from '../condition.ts';
import { LeaseTimers } from '../lease-timers.ts';
import {
  KV_HISTORY_DEFAULT,
  KV_WATCHES_MAX,
  type Kv,
  type KvKeepAlive,
  type KvLease,
  type KvOpenOptions,
  type KvOperation,
  type KvRange,
  type KvRangeOptions,
  type KvRead,
  type KvResolution,
  type KvTxn,
  type KvTxnOutcome,
  type KvWatch,
  type KvWatchOptions,
  type KvWatchSink,
  type LeaseId,
} from '../port.ts';
import { batchUnder, tellBatch } from '../watching.ts';
import { Versions } from './versions.ts';

/** A running watch and the next revision that it has not been told. */
interface Watcher {
  readonly prefix: string;
  readonly sink: KvWatchSink;
  next: Revision;
}

/** The registry in the memory of the process: for tests, simulation and nodes that may forget. Every call takes effect at once. */
export class MemoryKv implements Kv {
  readonly #versions: Versions;
  readonly #leases: LeaseTimers;
  readonly #leaseKeys = new Map<LeaseId, Set<string>>();
  readonly #watchers = new Set<Watcher>();
  #leasesGranted = 0;
  #telling = false;
  #closed = false;

  constructor({ clock, history = KV_HISTORY_DEFAULT }: KvOpenOptions) {
    checkHistory(history);
    this.#versions = new Versions(history);
    this.#leases = new LeaseTimers(clock, (lease) => this.#dropLease(lease));
  }

  async get(key: string): Promise<KvRead> {
    this.#checkOpen();
    checkKey(key);
    return { revision: this.#versions.revision, entry: this.#versions.get(key) };
  }

  async range(prefix: string, options: KvRangeOptions): Promise<KvRange> {
    this.#checkOpen();
    checkRange(prefix, options);
    checkRevision(options.revision ?? 0, this.#versions.revision);
    return this.#versions.range(prefix, options);
  }

  async txn(txn: KvTxn): Promise<KvTxnOutcome> {
    this.#checkOpen();
    checkTxn(txn);
    if (!txn.conditions.every((condition) => holds(condition, this.#versions.get(condition.key)))) {
      const current = txn.conditions.map(({ key }) => this.#versions.get(key));
      return { kind: 'conflict', revision: this.#versions.revision, current };
    }
    for (const operation of txn.operations) {
      if (operation.kind === 'put' && operation.lease !== undefined && !this.#leaseKeys.has(operation.lease)) {
        return { kind: 'lease-gone', lease: operation.lease };
      }
    }
    this.#apply(txn.operations);
    return { kind: 'committed', revision: this.#versions.revision };
  }

  /** No outcome of this store is ever unknown. */
  async resolve(): Promise<KvResolution> {
    this.#checkOpen();
    return { kind: 'not-committed' };
  }

  watch(prefix: string, { from }: KvWatchOptions, sink: KvWatchSink): KvWatch {
    this.#checkOpen();
    checkPrefix(prefix);
    if (this.#watchers.size >= KV_WATCHES_MAX)
      throw new MeshError('overloaded', `the registry has ${KV_WATCHES_MAX} watches, which is the most it serves`);
    const watcher: Watcher = { prefix, sink, next: from };
    this.#watchers.add(watcher);
    this.#tellSoon();
    return { cancel: () => void this.#watchers.delete(watcher) };
  }

  async grantLease(ttlMs: DurationMs): Promise<KvLease> {
    this.#checkOpen();
    checkLeaseTtl(ttlMs);
    return this.#leases.grant(async () => {
      this.#leasesGranted += 1;
      const id = String(this.#leasesGranted) as LeaseId;
      this.#leaseKeys.set(id, new Set());
      return { id, ttlMs };
    });
  }

  async keepAlive(lease: LeaseId): Promise<KvKeepAlive> {
    this.#checkOpen();
    const ttlMs = this.#leases.renew(lease);
    return ttlMs === undefined ? { kind: 'gone' } : { kind: 'alive', ttlMs };
  }

  async revokeLease(lease: LeaseId): Promise<void> {
    this.#checkOpen();
    this.#leases.stop(lease);
    this.#dropLease(lease);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#leases.close();
    this.#tellSoon();
  }

  #checkOpen(): void {
    if (this.#closed) throw new MeshError('registry-unavailable', 'the registry was closed');
  }

  #dropLease(lease: LeaseId): void {
    const keys = this.#leaseKeys.get(lease) ?? [];
    this.#leaseKeys.delete(lease);
    this.#apply([...keys].map((key) => ({ kind: 'delete', key })));
  }

  #apply(operations: readonly KvOperation[]): void {
    for (const operation of operations) {
      const before = this.#versions.get(operation.key)?.lease;
      if (before !== undefined) this.#leaseKeys.get(before)?.delete(operation.key);
      if (operation.kind === 'put' && operation.lease !== undefined) this.#leaseKeys.get(operation.lease)?.add(operation.key);
    }
    this.#versions.apply(operations);
    this.#tellSoon();
  }

  /** Watches are told in a later microtask: a sink is never called from inside a call of the store. */
  #tellSoon(): void {
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const watcher of this.#watchers) this.#tell(watcher);
    });
  }

  #tell(watcher: Watcher): void {
    if (watcher.next <= this.#versions.oldest && this.#versions.oldest > 0) {
      this.#watchers.delete(watcher);
      watcher.sink.ended({ kind: 'compacted', oldest: this.#versions.oldest });
      return;
    }
    while (watcher.next <= this.#versions.revision && this.#watchers.has(watcher)) {
      const batch = this.#versions.batch(watcher.next);
      watcher.next = revision(watcher.next + 1);
      const told = batch === undefined ? undefined : batchUnder(watcher.prefix, batch);
      if (told !== undefined && !tellBatch(watcher.sink, told)) this.#watchers.delete(watcher);
    }
    if (this.#closed && this.#watchers.delete(watcher)) watcher.sink.ended({ kind: 'closed' });
  }
}

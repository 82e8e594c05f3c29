import {
  assertNever,
  type Clock,
  type DurationMs,
  durationMs,
  MeshError,
  type Revision,
  revision,
  type Timer,
  toMeshError,
} from '@modelmesh/core';
import { checkHistory, checkKey, checkLeaseTtl, checkPrefix, checkRange, checkTxn } from '../check.ts';
import { LeaseTimers } from '../lease-timers.ts';
import {
  KV_HISTORY_DEFAULT,
  KV_PENDING_MAX,
  type Kv,
  type KvBatch,
  type KvEvent,
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
import { CommitQueue } from './commit-queue.ts';
import type { CommitItem, CommitResult, SqliteCall, SqliteCalls, SqliteWorkerData } from './protocol.ts';
import { SqliteThread, type StartWorker, ThreadLost } from './sqlite-thread.ts';
import { type Watcher, Watches } from './watches.ts';

/** Pause before the end of a lease is written again after the disk refused it. */
const EXPIRY_RETRY_MS = durationMs(1000);

/**
 * The registry in an SQLite file, behind a thread of its own. Should the thread end by itself, what was being written is `unknown`,
 * watches are `lost`, and the file is opened anew.
 */
export class SqliteKv implements Kv {
  readonly #data: SqliteWorkerData;
  readonly #clock: Clock;
  readonly #startWorker: StartWorker;
  readonly #queue = new CommitQueue((items) => this.#commit(items));
  readonly #watches = new Watches();
  readonly #leases: LeaseTimers;
  /** Leases that are over but still in the file, with the pause before the next try. */
  readonly #expired = new Map<LeaseId, Timer | undefined>();
  #thread: Promise<SqliteThread>;
  /** The start that failed last. */
  #failed: Promise<SqliteThread> | undefined;
  #session = 0;
  #writers = 0;
  #newest: Revision = revision(0);
  #closed: Promise<void> | undefined;

  private constructor({ location, clock, history = KV_HISTORY_DEFAULT }: KvOpenOptions, start: StartWorker) {
    checkHistory(history);
    this.#data = { path: location, history };
    this.#clock = clock;
    this.#startWorker = start;
    this.#leases = new LeaseTimers(clock, (lease) => void this.#expire(lease));
    this.#thread = this.#start();
  }

  /** Opens the file `options.location`. Rejects as `openDatabase` throws. */
  static async open(options: KvOpenOptions, start: StartWorker): Promise<SqliteKv> {
    const kv = new SqliteKv(options, start);
    await kv.#thread;
    return kv;
  }

  async get(key: string): Promise<KvRead> {
    checkKey(key);
    return this.#read('get', key);
  }

  async range(prefix: string, options: KvRangeOptions): Promise<KvRange> {
    checkRange(prefix, options);
    return this.#read('range', { ...options, prefix });
  }

  async txn(txn: KvTxn): Promise<KvTxnOutcome> {
    this.#checkOpen();
    const byteCount = checkTxn(txn);
    this.#writers += 1;
    const writer = `${this.#session}-${this.#writers}`;
    const after = this.#newest;
    try {
      const result = await this.#queue.push({ kind: 'txn', txn, writer }, byteCount);
      switch (result.kind) {
        case 'committed':
          return { kind: 'committed', revision: result.revision };
        case 'conflict':
        case 'lease-gone':
          return result;
        default:
          throw new MeshError('internal', `a registry transaction was answered with ${result.kind}`);
      }
    } catch (thrown) {
      if (thrown instanceof ThreadLost) return { kind: 'unknown', writer, after };
      throw toMeshError(thrown);
    }
  }

  async resolve(unknown: KvUnknown): Promise<KvResolution> {
    return this.#read('resolve', unknown);
  }

  watch(prefix: string, { from }: KvWatchOptions, sink: KvWatchSink): KvWatch {
    this.#checkOpen();
    checkPrefix(prefix);
    const watcher = this.#watches.add(prefix, from, sink);
    this.#ready().then(
      (thread) => this.#readHistory(thread, watcher),
      (thrown: unknown) => this.#watches.end(watcher, { kind: 'lost', error: toMeshError(thrown) }),
    );
    return this.#watches.handle(watcher);
  }

  async grantLease(ttlMs: DurationMs): Promise<KvLease> {
    this.#checkOpen();
    checkLeaseTtl(ttlMs);
    return this.#leases.grant(async () => {
      const result = await this.#queue.push({ kind: 'grant', ttlMs }, 0);
      if (result.kind !== 'granted') throw new MeshError('internal', `the grant of a lease was answered with ${result.kind}`);
      return { id: result.lease, ttlMs };
    });
  }

  async keepAlive(lease: LeaseId): Promise<KvKeepAlive> {
    this.#checkOpen();
    // While the file is opened anew the leases in it are not known yet.
    await this.#ready();
    const ttlMs = this.#leases.renew(lease);
    return ttlMs === undefined ? { kind: 'gone' } : { kind: 'alive', ttlMs };
  }

  async revokeLease(lease: LeaseId): Promise<void> {
    this.#checkOpen();
    await this.#queue.push({ kind: 'revoke', lease }, 0);
    this.#leases.stop(lease);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#leases.close();
    for (const timer of this.#expired.values()) timer?.cancel();
    await this.#queue.idle();
    const thread = await this.#thread.catch(() => undefined);
    await thread?.close();
    this.#watches.endAll({ kind: 'closed' });
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new MeshError('registry-unavailable', 'the registry was closed');
  }

  async #start(): Promise<SqliteThread> {
    const { thread, opened } = await SqliteThread.start(this.#data, this.#startWorker, (error, exited) =>
      this.#threadLost(error, exited),
    );
    this.#session = opened.session;
    this.#newest = opened.revision;
    for (const { id, ttlMs } of opened.leases) if (!this.#expired.has(id)) this.#leases.start(id, ttlMs);
    return thread;
  }

  #threadLost(error: ThreadLost, exited: Promise<void>): void {
    this.#leases.stopAll();
    if (this.#closed === undefined) this.#restart(exited);
    this.#watches.endAll({ kind: 'lost', error });
  }

  #restart(free: Promise<void>): void {
    const started = free.then(() => this.#start());
    const next = started.catch((thrown: unknown) => {
      const reason = toMeshError(thrown);
      throw new MeshError('registry-unavailable', `the registry could not be opened again: ${reason.message}`, { cause: reason });
    });
    this.#thread = next;
    // Who calls is told why it failed; the next call tries again.
    next.catch(() => {
      if (this.#thread === next) this.#failed = next;
    });
  }

  #ready(): Promise<SqliteThread> {
    if (this.#failed === this.#thread && this.#closed === undefined) this.#restart(Promise.resolve());
    return this.#thread;
  }

  async #read<Call extends SqliteCall>(call: Call, ask: SqliteCalls[Call]['ask']): Promise<SqliteCalls[Call]['answer']> {
    this.#checkOpen();
    const thread = await this.#ready();
    if (thread.waiting >= KV_PENDING_MAX) throw new MeshError('overloaded', `${thread.waiting} registry reads wait already`);
    return thread.call(call, ask);
  }

  async #commit(items: readonly CommitItem[]): Promise<readonly CommitResult[]> {
    const thread = await this.#ready();
    return new Promise((resolve, reject) => {
      thread.ask('commit', items, (result) => {
        if (!result.ok) return reject(result.error);
        // In the turn of the message: an answer with history that arrives later must find these told.
        for (const [index, item] of items.entries()) this.#tell(item, result.answer[index]);
        return resolve(result.answer);
      });
    });
  }

  #tell(item: CommitItem, result: CommitResult | undefined): void {
    if (result?.kind === 'revoked') {
      for (const batch of result.batches) this.#tellBatch(batch);
    } else if (result?.kind === 'committed' && item.kind === 'txn') {
      const events = this.#watches.size === 0 ? [] : eventsOf(item.txn, result);
      if (result.created.some((created) => created !== null)) this.#tellBatch({ revision: result.revision, events });
    }
  }

  #tellBatch(batch: KvBatch): void {
    this.#newest = batch.revision;
    if (batch.events.length > 0) this.#watches.tell(batch);
  }

  #readHistory(thread: SqliteThread, watcher: Watcher): void {
    thread.ask('history', { prefix: watcher.prefix, from: watcher.next }, (result) => {
      if (!result.ok)
        this.#watches.end(watcher, this.#closed === undefined ? { kind: 'lost', error: result.error } : { kind: 'closed' });
      else if (this.#watches.tellHistory(watcher, result.answer)) this.#readHistory(thread, watcher);
    });
  }

  async #expire(lease: LeaseId): Promise<void> {
    this.#expired.set(lease, undefined);
    try {
      await this.#queue.push({ kind: 'revoke', lease }, 0);
      this.#expired.delete(lease);
    } catch {
      // A full disk or a lost thread: the lease stays over, and its keys go as soon as they can.
      if (this.#closed === undefined)
        this.#expired.set(
          lease,
          this.#clock.after(EXPIRY_RETRY_MS, () => void this.#expire(lease)),
        );
    }
  }
}

/** What a committed transaction did, from what was asked and what the thread answered. */
function eventsOf({ operations }: KvTxn, { revision: at, created }: Extract<CommitResult, { kind: 'committed' }>): KvEvent[] {
  const events: KvEvent[] = [];
  for (const [index, operation] of operations.entries()) {
    const createRevision = created[index];
    if (createRevision === null || createRevision === undefined) continue;
    switch (operation.kind) {
      case 'delete':
        events.push({ kind: 'delete', key: operation.key });
        break;
      case 'put': {
        const { key, value, lease } = operation;
        events.push({
          kind: 'put',
          entry: { key, value, createRevision, modRevision: at, ...(lease === undefined ? {} : { lease }) },
        });
        break;
      }
      default:
        assertNever(operation);
    }
  }
  return events;
}

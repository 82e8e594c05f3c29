import { type DurationMs, MeshError, type Revision, revision } from '@modelmesh/core';
import type {
  Kv,
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
  KvWatchOptions,
  KvWatchSink,
  LeaseId,
} from '../port.ts';

/** What happens to the next transaction: it is lost before, or only its answer after, it was committed. */
export type TxnFault = 'lost-before-commit' | 'lost-after-commit';

/** How the way to the store is until it is mended: answers are lost, or nothing can be reached. */
export type WayFault = 'loses-answers' | 'away';

/** A watch through the faulty way: while that is not well nothing comes over it, and afterwards what was missed. */
class FaultyWatch implements KvWatch {
  readonly #store: Kv;
  readonly #prefix: string;
  readonly #sink: KvWatchSink;
  readonly #over: () => void;
  #next: Revision;
  #inner: KvWatch | undefined;

  constructor(store: Kv, prefix: string, from: Revision, sink: KvWatchSink, over: () => void) {
    this.#store = store;
    this.#prefix = prefix;
    this.#next = from;
    this.#sink = sink;
    this.#over = over;
  }

  resume(): void {
    this.#inner ??= this.#store.watch(
      this.#prefix,
      { from: this.#next },
      {
        batch: (batch) => {
          this.#next = revision(batch.revision + 1);
          this.#sink.batch(batch);
        },
        ended: (end) => {
          this.#over();
          this.#sink.ended(end);
        },
      },
    );
  }

  interrupt(): void {
    this.#inner?.cancel();
    this.#inner = undefined;
  }

  close(): void {
    if (this.#inner === undefined) this.#sink.ended({ kind: 'closed' });
  }

  cancel(): void {
    this.interrupt();
    this.#over();
  }
}

/** A store in front of another that fails on request, for tests of those who must cope with it. */
export class FaultyKv implements Kv {
  readonly #kv: Kv;
  readonly #faults: TxnFault[] = [];
  readonly #resolutions = new Map<string, KvResolution>();
  readonly #watches = new Set<FaultyWatch>();
  #way: WayFault | undefined;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** Lets the faults befall the next transactions, one each. */
  inject(...faults: readonly TxnFault[]): void {
    this.#faults.push(...faults);
  }

  /** Lets the way be so until {@link mend}. */
  fail(way: WayFault): void {
    this.#way = way;
    for (const watch of this.#watches) watch.interrupt();
  }

  /** All is well again; watches go on behind what they were told. */
  mend(): void {
    this.#way = undefined;
    for (const watch of this.#watches) watch.resume();
  }

  async txn(txn: KvTxn): Promise<KvTxnOutcome> {
    if (this.#way === 'away') throw away();
    const fault = this.#way === undefined ? this.#faults.shift() : 'lost-after-commit';
    if (fault === undefined) return this.#kv.txn(txn);
    const { revision: after } = await this.#kv.get('fault');
    const writer = `faulty-${this.#resolutions.size + 1}`;
    const outcome = fault === 'lost-after-commit' ? await this.#kv.txn(txn) : undefined;
    this.#resolutions.set(writer, outcome?.kind === 'committed' ? outcome : { kind: 'not-committed' });
    return { kind: 'unknown', writer, after };
  }

  async resolve(unknown: KvUnknown): Promise<KvResolution> {
    return this.#reached(async () => this.#resolutions.get(unknown.writer) ?? this.#kv.resolve(unknown));
  }

  get(key: string): Promise<KvRead> {
    return this.#reached(() => this.#kv.get(key));
  }

  range(prefix: string, options: KvRangeOptions): Promise<KvRange> {
    return this.#reached(() => this.#kv.range(prefix, options));
  }

  watch(prefix: string, { from }: KvWatchOptions, sink: KvWatchSink): KvWatch {
    const watch: FaultyWatch = new FaultyWatch(this.#kv, prefix, from, sink, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    if (this.#way === undefined) watch.resume();
    return watch;
  }

  grantLease(ttlMs: DurationMs): Promise<KvLease> {
    return this.#reached(() => this.#kv.grantLease(ttlMs));
  }

  keepAlive(lease: LeaseId): Promise<KvKeepAlive> {
    return this.#reached(() => this.#kv.keepAlive(lease));
  }

  revokeLease(lease: LeaseId): Promise<void> {
    return this.#reached(() => this.#kv.revokeLease(lease));
  }

  async close(): Promise<void> {
    for (const watch of this.#watches) watch.close();
    await this.#kv.close();
  }

  /** A call that may be made again ends as one that could not be made. */
  async #reached<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    if (this.#way !== undefined) throw away();
    return ask();
  }
}

const away = (): MeshError => new MeshError('registry-unavailable', 'the registry is away (a fault of the test)');

import type { DurationMs } from '@modelmesh/core';
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

/** A store in front of another that loses transactions on request, for tests of those who must cope with an unknown outcome. */
export class FaultyKv implements Kv {
  readonly #kv: Kv;
  readonly #faults: TxnFault[] = [];
  readonly #resolutions = new Map<string, KvResolution>();

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** Lets the faults befall the next transactions, one each. */
  inject(...faults: readonly TxnFault[]): void {
    this.#faults.push(...faults);
  }

  async txn(txn: KvTxn): Promise<KvTxnOutcome> {
    const fault = this.#faults.shift();
    if (fault === undefined) return this.#kv.txn(txn);
    const { revision: after } = await this.#kv.get('fault');
    const writer = `faulty-${this.#resolutions.size + 1}`;
    const outcome = fault === 'lost-after-commit' ? await this.#kv.txn(txn) : undefined;
    this.#resolutions.set(writer, outcome?.kind === 'committed' ? outcome : { kind: 'not-committed' });
    return { kind: 'unknown', writer, after };
  }

  async resolve(unknown: KvUnknown): Promise<KvResolution> {
    return this.#resolutions.get(unknown.writer) ?? this.#kv.resolve(unknown);
  }

  get(key: string): Promise<KvRead> {
    return this.#kv.get(key);
  }

  range(prefix: string, options: KvRangeOptions): Promise<KvRange> {
    return this.#kv.range(prefix, options);
  }

  watch(prefix: string, options: KvWatchOptions, sink: KvWatchSink): KvWatch {
    return this.#kv.watch(prefix, options, sink);
  }

  grantLease(ttlMs: DurationMs): Promise<KvLease> {
    return this.#kv.grantLease(ttlMs);
  }

  keepAlive(lease: LeaseId): Promise<KvKeepAlive> {
    return this.#kv.keepAlive(lease);
  }

  revokeLease(lease: LeaseId): Promise<void> {
    return this.#kv.revokeLease(lease);
  }

  close(): Promise<void> {
    return this.#kv.close();
  }
}

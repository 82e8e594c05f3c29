import { type Revision, revision } from '@modelmesh/core';
import { compareKeys } from '../key-order.ts';
import {
  KV_PAGE_BYTES_MAX,
  type KvBatch,
  type KvEntry,
  type KvEvent,
  type KvHistoryLimits,
  type KvOperation,
  type KvRange,
  type KvRangeOptions,
} from '../port.ts';

/** What a key was from a revision on; `entry` is null after a deletion. */
interface Version {
  readonly from: Revision;
  readonly entry: KvEntry | null;
}

/** A transaction in the history, with the bytes that it holds there. */
interface Logged {
  readonly batch: KvBatch;
  readonly byteCount: number;
}

/** All keys with their history: a chain of versions per key, and the log of the batches that made them. Synchronous, in memory. */
export class Versions {
  readonly #limits: KvHistoryLimits;
  readonly #chains = new Map<string, Version[]>();
  /** Every key that has a chain, in key order. */
  readonly #keys: string[] = [];
  /** The batch of revision `oldest + 1 + index` stands at `index`. */
  readonly #log: Logged[] = [];
  #logBytes = 0;
  #revision = revision(0);
  #oldest = revision(0);

  constructor(limits: KvHistoryLimits) {
    this.#limits = limits;
  }

  get revision(): Revision {
    return this.#revision;
  }

  /** The earliest revision that can be read; batches behind it are in the log. */
  get oldest(): Revision {
    return this.#oldest;
  }

  get(key: string): KvEntry | null {
    return this.#chains.get(key)?.at(-1)?.entry ?? null;
  }

  /** Makes the changes at the next revision. An empty list of effective changes makes none. */
  apply(operations: readonly KvOperation[]): void {
    const at = revision(this.#revision + 1);
    const events: KvEvent[] = [];
    let byteCount = 0;
    for (const operation of operations) {
      const before = this.get(operation.key);
      if (operation.kind === 'delete') {
        if (before === null) continue;
        events.push({ kind: 'delete', key: operation.key });
        this.#append(operation.key, { from: at, entry: null });
      } else {
        const { key, value, lease } = operation;
        const entry: KvEntry = {
          key,
          value,
          createRevision: before?.createRevision ?? at,
          modRevision: at,
          ...(lease === undefined ? {} : { lease }),
        };
        events.push({ kind: 'put', entry });
        this.#append(key, { from: at, entry });
        byteCount += Buffer.byteLength(value);
      }
      byteCount += Buffer.byteLength(operation.key);
    }
    if (events.length === 0) return;
    this.#revision = at;
    this.#log.push({ batch: { revision: at, events }, byteCount });
    this.#logBytes += byteCount;
    this.#forget();
  }

  range(prefix: string, { limit, after, revision: wanted }: KvRangeOptions): KvRange {
    const at = wanted ?? this.#revision;
    if (at < this.#oldest) return { kind: 'compacted', oldest: this.#oldest };
    const entries: KvEntry[] = [];
    let byteCount = 0;
    const start = after !== undefined && compareKeys(after, prefix) >= 0 ? this.#place(after, true) : this.#place(prefix, false);
    for (let index = start; index < this.#keys.length; index++) {
      const key = this.#keys[index] ?? '';
      if (!key.startsWith(prefix)) break;
      const entry = this.#chains.get(key)?.findLast(({ from }) => from <= at)?.entry ?? null;
      if (entry === null) continue;
      if (entries.length === limit || byteCount > KV_PAGE_BYTES_MAX) return { kind: 'page', revision: at, entries, more: true };
      entries.push(entry);
      byteCount += Buffer.byteLength(key) + Buffer.byteLength(entry.value);
    }
    return { kind: 'page', revision: at, entries, more: false };
  }

  /** The batch of a revision behind `oldest` and not in the future. */
  batch(at: Revision): KvBatch | undefined {
    return this.#log[at - this.#oldest - 1]?.batch;
  }

  #append(key: string, version: Version): void {
    const chain = this.#chains.get(key);
    if (chain !== undefined) {
      chain.push(version);
      return;
    }
    this.#chains.set(key, [version]);
    this.#keys.splice(this.#place(key, false), 0, key);
  }

  /** Index of the first key at (or, with `behind`, strictly behind) `key`. */
  #place(key: string, behind: boolean): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareKeys(this.#keys[middle] ?? '', key);
      if (order < 0 || (behind && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #forget(): void {
    while (this.#log.length > this.#limits.revisionsMax || (this.#logBytes > this.#limits.bytesMax && this.#log.length > 1)) {
      const dropped = this.#log.shift();
      if (dropped === undefined) return;
      this.#logBytes -= dropped.byteCount;
      this.#oldest = dropped.batch.revision;
      for (const event of dropped.batch.events) this.#trim(event.kind === 'put' ? event.entry.key : event.key);
    }
  }

  /** Drops the versions of `key` that no readable revision shows. */
  #trim(key: string): void {
    const chain = this.#chains.get(key);
    if (chain === undefined) return;
    const shown = chain.findLastIndex(({ from }) => from <= this.#oldest);
    if (shown > 0) chain.splice(0, shown);
    if (chain.length === 1 && chain[0]?.entry === null && chain[0].from <= this.#oldest) {
      this.#chains.delete(key);
      this.#keys.splice(this.#place(key, false), 1);
    }
  }
}

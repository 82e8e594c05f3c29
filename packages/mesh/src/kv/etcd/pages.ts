import { MeshError, type Revision } from '@modelmesh/core';
import { protobufMethod } from '@modelmesh/grpc/call';
import { KV, type RangeResponse } from '@modelmesh/wire/etcd';
import { KV_PAGE_BYTES_MAX, type KvEntry, type KvRange, type KvRangeOptions } from '../port.ts';
import { isCompacted, isFuture, isTooLarge } from './answers.ts';
import { type EtcdKeys, revisionOf } from './etcd-keys.ts';
import type { EtcdLink } from './etcd-link.ts';

const RANGE = protobufMethod(KV.method.range);
/** Entries of the first question, when nothing is known of their size yet. */
const FIRST_ENTRIES = 1000;

/** Finds the oldest revision that is kept, given one that is not. */
export type FindOldest = (compacted: Revision) => Promise<Revision>;

/** Reads ranges in pages. etcd bounds an answer by its entries alone, so that what entries weigh is learnt from page to page. */
export class Pages {
  readonly #link: EtcdLink;
  readonly #keys: EtcdKeys;
  readonly #findOldest: FindOldest;
  #entriesMax = FIRST_ENTRIES;

  constructor(link: EtcdLink, keys: EtcdKeys, findOldest: FindOldest) {
    this.#link = link;
    this.#keys = keys;
    this.#findOldest = findOldest;
  }

  /** As `Kv.range`; the options were checked. */
  async read(prefix: string, { limit, after, revision: wanted }: KvRangeOptions): Promise<KvRange> {
    const page = new Page(limit, (key) => this.#keys.mayHoldOwn(prefix) && this.#keys.isOwn(key));
    let at = wanted;
    let last = after;
    for (;;) {
      const entriesMax = Math.min(limit, this.#entriesMax);
      let answer: RangeResponse;
      try {
        answer = await this.#ask(prefix, last, at, entriesMax);
      } catch (error) {
        if (!isTooLarge(error) || entriesMax === 1) {
          const outcome = await this.#refusal(error, at);
          return outcome;
        }
        this.#entriesMax = Math.ceil(entriesMax / 2);
        continue;
      }
      at ??= revisionOf(answer.header?.revision ?? 0n);
      const entries = answer.kvs.map((kv) => this.#keys.entry(kv));
      this.#weigh(answer);
      last = entries.at(-1)?.key ?? last;
      if (!page.take(entries)) return { kind: 'page', revision: at, entries: page.entries, more: true };
      if (!answer.more) return { kind: 'page', revision: at, entries: page.entries, more: false };
    }
  }

  #ask(prefix: string, after: string | undefined, at: Revision | undefined, limit: number): Promise<RangeResponse> {
    // etcd reads 0 as the newest revision; what was before the first write is gone, or was nothing.
    const revision = at === undefined ? 0n : BigInt(Math.max(1, at));
    const request = { ...this.#keys.under(prefix, after), limit: BigInt(limit), revision };
    return this.#link.ask(RANGE, request, (error) => isCompacted(error) || isFuture(error) || isTooLarge(error));
  }

  async #refusal(error: unknown, at: Revision | undefined): Promise<KvRange> {
    if (at !== undefined && isCompacted(error)) return { kind: 'compacted', oldest: await this.#findOldest(at) };
    if (at !== undefined && isFuture(error)) {
      throw new MeshError('invalid-argument', `registry revision ${at} lies in the future`, { cause: error });
    }
    throw error;
  }

  /** So many entries as fill a page, by what these weigh. */
  #weigh({ kvs }: RangeResponse): void {
    if (kvs.length === 0) return;
    let byteCount = 0;
    for (const { key, value } of kvs) byteCount += key.byteLength + value.byteLength;
    this.#entriesMax = Math.max(1, Math.ceil((KV_PAGE_BYTES_MAX * kvs.length) / Math.max(1, byteCount)));
  }
}

/** A page while it is filled. */
class Page {
  readonly entries: KvEntry[] = [];
  readonly #limit: number;
  readonly #hides: (key: string) => boolean;
  #byteCount = 0;

  constructor(limit: number, hides: (key: string) => boolean) {
    this.#limit = limit;
    this.#hides = hides;
  }

  /** @returns whether there is room for all of them; what follows begins the next page */
  take(entries: readonly KvEntry[]): boolean {
    for (const entry of entries) {
      if (this.#hides(entry.key)) continue;
      if (this.entries.length === this.#limit || this.#byteCount > KV_PAGE_BYTES_MAX) return false;
      this.entries.push(entry);
      this.#byteCount += Buffer.byteLength(entry.key) + Buffer.byteLength(entry.value);
    }
    return true;
  }
}

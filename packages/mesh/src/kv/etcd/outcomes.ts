import { MeshError, type Revision, revision, toMeshError } from '@modelmesh/core';
import type { KvResolution, KvUnknown, KvWatch, KvWatchSink, LeaseId } from '../port.ts';
import { type EtcdKeys, revisionOf, valueText } from './etcd-keys.ts';
import type { EtcdLink } from './etcd-link.ts';
import { RESOLUTIONS_MAX } from './limits.ts';
import { fenceMessage, readKeys } from './txn-messages.ts';
import { TXN } from './txn-method.ts';
import { parseWriterId, type WriterKey, type WriterKeys, writerIdOf } from './writer-keys.ts';

/** Watches the adapter's own keys too, which the port's watches do not show. */
export type WatchOwn = (key: string, from: Revision, sink: KvWatchSink) => KvWatch;

/**
 * Settles transactions whose answer was lost. The writer key is written over under the revision that the transaction demands: where that
 * works it was not committed and never will be, also if it is still on its way; where not, the key tells by whom it was written.
 */
export class Outcomes {
  readonly #link: EtcdLink;
  readonly #keys: EtcdKeys;
  readonly #writers: WriterKeys;
  readonly #watchOwn: WatchOwn;
  /** Writer keys of transactions that are not settled yet, by the transaction's id. */
  readonly #open = new Map<string, WriterKey>();
  readonly #settling = new Map<string, Promise<KvResolution>>();
  readonly #settled = new Map<string, KvResolution>();

  constructor(link: EtcdLink, keys: EtcdKeys, writers: WriterKeys, watchOwn: WatchOwn) {
    this.#link = link;
    this.#keys = keys;
    this.#writers = writers;
    this.#watchOwn = watchOwn;
  }

  /** Settles the transaction under this key as soon as etcd answers, whether or not anybody asks. */
  settleLater(key: WriterKey): void {
    this.#open.set(writerIdOf(key), { ...key });
    this.settleAll();
  }

  /** Tries what is open; to be called when a member answers again. */
  settleAll(): void {
    // What fails now is tried again with the next member, or when somebody asks.
    for (const [writer, key] of this.#open) void this.#settle(writer, key).catch(() => undefined);
  }

  /** As `Kv.resolve`. */
  async resolve({ writer }: KvUnknown): Promise<KvResolution> {
    const settled = this.#settled.get(writer);
    if (settled !== undefined) return settled;
    const open = this.#open.get(writer);
    if (open !== undefined) return this.#settle(writer, open);
    const parsed = parseWriterId(writer);
    if (parsed === undefined || !this.#keys.isOwn(parsed.key)) return { kind: 'not-committed' };
    // Of a client that is gone, or settled so long ago that it was forgotten: its key may still tell.
    return this.#settle(writer, { ...parsed, lease: leaseOf(parsed.key) });
  }

  #settle(writer: string, key: WriterKey): Promise<KvResolution> {
    const running = this.#settling.get(writer);
    if (running !== undefined) return running;
    const settling = this.#ask(writer, key).finally(() => this.#settling.delete(writer));
    this.#settling.set(writer, settling);
    return settling;
  }

  async #ask(writer: string, key: WriterKey): Promise<KvResolution> {
    const fence = `fence ${writer}`;
    const answer = await this.#link.ask(TXN, fenceMessage(this.#keys, key, fence));
    if (answer.succeeded) {
      return this.#found(writer, key, revisionOf(answer.header?.revision ?? 0n), { kind: 'not-committed' });
    }
    const kv = readKeys(answer.responses)[0];
    const value = kv === undefined ? undefined : valueText(kv.value);
    if (kv !== undefined && value === writer) {
      const at = revisionOf(kv.modRevision);
      return this.#found(writer, key, at, { kind: 'committed', revision: at });
    }
    if (kv !== undefined && value === fence)
      return this.#found(writer, key, revisionOf(kv.modRevision), { kind: 'not-committed' });
    return this.#found(writer, key, key.at, await this.#lookBack(writer, key));
  }

  /** The key was deleted or written over since: its history tells, if it is still there. */
  #lookBack(writer: string, { key, at }: WriterKey): Promise<KvResolution> {
    return new Promise((resolve, reject) => {
      const watch: KvWatch = this.#watchOwn(key, revision(at + 1), {
        batch: ({ revision: found, events }) => {
          // The first write behind the revision that the transaction demands is its own, or it never came to be.
          const [event] = events;
          watch.cancel();
          const mine = event?.kind === 'put' && event.entry.value === writer;
          resolve(mine ? { kind: 'committed', revision: found } : { kind: 'not-committed' });
        },
        ended: (end) => {
          if (end.kind === 'compacted') resolve(end);
          else if (end.kind === 'lost') reject(toMeshError(end.error));
          else reject(new MeshError('registry-unavailable', 'the registry was closed'));
        },
      });
    });
  }

  #found(writer: string, key: WriterKey, at: Revision, resolution: KvResolution): KvResolution {
    if (this.#open.delete(writer)) this.#writers.takeBack({ ...key, at });
    this.#settled.set(writer, resolution);
    const [eldest] = this.#settled.keys();
    if (this.#settled.size > RESOLUTIONS_MAX && eldest !== undefined) this.#settled.delete(eldest);
    return resolution;
  }
}

/** The lease stands in the key's name. */
const leaseOf = (key: string): LeaseId => (key.split('/').at(-2) ?? '') as LeaseId;

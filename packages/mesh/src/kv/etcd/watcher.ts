import { type Revision, revision } from '@modelmesh/core';
import type { WatchedEvent } from '@modelmesh/wire/etcd';
import type { KvEvent, KvWatchEnd, KvWatchSink } from '../port.ts';
import { tellBatch } from '../watching.ts';
import type { EtcdKeys } from './etcd-keys.ts';

/** What a watcher is made of. */
export interface WatcherParts {
  readonly keys: EtcdKeys;
  readonly prefix: string;
  readonly from: Revision;
  readonly sink: KvWatchSink;
  /** Whether the adapter's own keys are shown. */
  readonly showsOwn: boolean;
}

/** One watch of the port: how far it has been told, whichever stream carries it. */
export class Watcher {
  readonly prefix: string;
  /** Its number on the stream that carries it now. */
  id: bigint | undefined;
  /** Sign-ins that its member asked for without letting it watch. */
  signIns = 0;
  readonly #keys: EtcdKeys;
  readonly #sink: KvWatchSink;
  readonly #hides: boolean;
  #next: Revision;
  /** A commit of this client that it has to be told before the store is closed. */
  #owed: Revision = revision(0);
  /** Events of a revision of which more may come. */
  #pieces: { readonly at: Revision; readonly events: KvEvent[] } | undefined;
  #onTold: (() => void) | undefined;

  constructor({ keys, prefix, from, sink, showsOwn }: WatcherParts) {
    this.prefix = prefix;
    this.#keys = keys;
    this.#sink = sink;
    this.#hides = !showsOwn && keys.mayHoldOwn(prefix);
    this.#next = revision(Math.max(1, from));
  }

  /**
   * Where a stream has to begin: one revision earlier than needed. etcd keeps what a key was at the revision to which it compacted, but not
   * that it was deleted there: so a beginning exactly there could miss a deletion, while one before it is refused as compacted.
   */
  get start(): bigint {
    return BigInt(Math.max(1, this.#next - 1));
  }

  /** Another stream will carry it: what came in pieces comes again. */
  detach(): void {
    this.id = undefined;
    this.#pieces = undefined;
  }

  /** Takes events in their order. `more`: the last revision among them may not be complete. @returns whether the sink goes on */
  take(events: readonly WatchedEvent[], more: boolean): boolean {
    for (const event of events) {
      const at = revision(event.kv.modRevision);
      if (this.#pieces !== undefined && this.#pieces.at !== at && !this.#flush()) return false;
      this.#pieces ??= { at, events: [] };
      if (at >= this.#next) this.#add(this.#pieces.events, event);
    }
    return more || this.#flush();
  }

  /** Nothing more will come up to this revision. */
  progress(at: Revision): void {
    if (this.#pieces === undefined && at >= this.#next) this.#moveTo(at);
  }

  end(end: KvWatchEnd): void {
    this.#onTold?.();
    this.#sink.ended(end);
  }

  /** Remembers a commit of this client that changed `key`. */
  owe(key: string, at: Revision): void {
    if (at > this.#owed && key.startsWith(this.prefix) && !(this.#hides && this.#keys.isOwn(key))) this.#owed = at;
  }

  /** Resolves when every commit that it is owed was told. */
  paid(): Promise<void> {
    if (this.#next > this.#owed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onTold = resolve;
    });
  }

  #add(into: KvEvent[], { kind, kv }: WatchedEvent): void {
    const key = this.#keys.short(kv.key);
    if (this.#hides && this.#keys.isOwn(key)) return;
    into.push(kind === 'delete' ? { kind, key } : { kind, entry: this.#keys.watched(key, kv) });
  }

  #flush(): boolean {
    const pieces = this.#pieces;
    this.#pieces = undefined;
    if (pieces === undefined || pieces.at < this.#next) return true;
    const goesOn = pieces.events.length === 0 || tellBatch(this.#sink, { revision: pieces.at, events: pieces.events });
    this.#moveTo(pieces.at);
    return goesOn;
  }

  #moveTo(at: Revision): void {
    this.#next = revision(at + 1);
    if (this.#next > this.#owed) this.#onTold?.();
  }
}

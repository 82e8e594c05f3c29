import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Clock, durationMs, MeshError, type Revision, sleep } from '@modelmesh/core';
import type { Scope } from '@modelmesh/core/scope';
import { MessageQueue, type Method, protobufMethod } from '@modelmesh/grpc/call';
import { decodeWatchAnswer, Watch, type WatchAnswer, type WatchRequestSchema } from '@modelmesh/wire/etcd';
import { KV_WATCHES_MAX, type KvOperation, type KvWatch, type KvWatchEnd, type KvWatchSink } from '../port.ts';
import { evidenceOf, portError } from './answers.ts';
import { type EtcdKeys, revisionOf } from './etcd-keys.ts';
import type { EtcdLink } from './etcd-link.ts';
import { CLOSE_MS, STREAM_PAUSE_MAX_MS, STREAM_PAUSE_MIN_MS } from './limits.ts';
import type { Member } from './member.ts';
import { Watcher } from './watcher.ts';

const DESCRIBED = protobufMethod(Watch.method.watch);
/** Texts by which etcd says why it cancels one watch. */
const SIGN_IN = /invalid auth token|user name is empty|revision of auth store is old|permission denied/;

type WatchRequestInit = MessageInitShape<typeof WatchRequestSchema>;

/** What it tells is read by a decoder of our own. */
const WATCH: Method<unknown, WatchRequestInit, WatchAnswer, unknown> = {
  path: DESCRIBED.path,
  request: DESCRIBED.request,
  response: { decode: decodeWatchAnswer, encode: DESCRIBED.response.encode as (value: unknown) => readonly Uint8Array[] },
};

/** The stream that carries the watches now. */
interface Stream {
  readonly member: Member;
  readonly requests: MessageQueue<WatchRequestInit>;
  readonly stop: AbortController;
  /** Watches that etcd has not said a word about, in the order in which it will: where it refuses one it does not always name it. */
  readonly beginning: Watcher[];
  /** Something came over it. */
  heard: boolean;
}

/** All watches of a client on one stream. When it breaks, each goes on behind the last revision that it was told, on the next one. */
export class Watches {
  readonly #link: EtcdLink;
  readonly #keys: EtcdKeys;
  readonly #clock: Clock;
  readonly #scope: Scope;
  readonly #watchers = new Set<Watcher>();
  readonly #byId = new Map<bigint, Watcher>();
  #ids = 0n;
  #stream: Stream | undefined;
  #running = false;

  constructor(link: EtcdLink, keys: EtcdKeys, clock: Clock, scope: Scope) {
    this.#link = link;
    this.#keys = keys;
    this.#clock = clock;
    this.#scope = scope;
  }

  /** @throws {MeshError} `overloaded` beyond `KV_WATCHES_MAX` */
  add(prefix: string, from: Revision, sink: KvWatchSink, showsOwn = false): KvWatch {
    // The adapter's own look-backs are few and short, and no watch of the mesh pays for them.
    if (!showsOwn && this.#watchers.size >= KV_WATCHES_MAX) {
      throw new MeshError('overloaded', `the registry has ${KV_WATCHES_MAX} watches, which is the most it serves`);
    }
    const watcher = new Watcher({ keys: this.#keys, prefix, from, sink, showsOwn });
    this.#watchers.add(watcher);
    if (this.#stream !== undefined) this.#begin(this.#stream, watcher);
    this.#run();
    return { cancel: () => this.#remove(watcher) };
  }

  /** A commit of this client, which the watches have to be told before the store is closed. */
  committed(operations: readonly KvOperation[], at: Revision): void {
    for (const watcher of this.#watchers) for (const { key } of operations) watcher.owe(key, at);
  }

  /** Waits until every watch was told what this client committed, for a moment; then ends them all. */
  async close(): Promise<void> {
    const paid = Promise.all([...this.#watchers].map((watcher) => watcher.paid()));
    let timer: { cancel(): void } | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.#clock.after(CLOSE_MS, resolve);
    });
    await Promise.race([paid, late]);
    timer?.cancel();
    this.#stream?.stop.abort();
    for (const watcher of [...this.#watchers]) this.#end(watcher, { kind: 'closed' });
  }

  #remove(watcher: Watcher): void {
    if (!this.#watchers.delete(watcher)) return;
    const { id } = watcher;
    if (id === undefined) return;
    this.#byId.delete(id);
    this.#stream?.requests.push({ requestUnion: { case: 'cancelRequest', value: { watchId: id } } });
  }

  #end(watcher: Watcher, end: KvWatchEnd): void {
    this.#remove(watcher);
    watcher.end(end);
  }

  #begin({ requests, beginning }: Stream, watcher: Watcher): void {
    beginning.push(watcher);
    this.#ids += 1n;
    watcher.id = this.#ids;
    this.#byId.set(watcher.id, watcher);
    const value = {
      ...this.#keys.under(watcher.prefix),
      startRevision: watcher.start,
      progressNotify: true,
      watchId: watcher.id,
      fragment: true,
    };
    requests.push({ requestUnion: { case: 'createRequest', value } });
  }

  /** Carries the watches as long as there are any. */
  #run(): void {
    if (this.#running) return;
    this.#running = true;
    this.#scope.spawn('watches of etcd', async (signal) => {
      try {
        let pauseMs: number = STREAM_PAUSE_MIN_MS;
        while (this.#watchers.size > 0) {
          signal.throwIfAborted();
          const heard = await this.#carry(await this.#link.nextMember());
          pauseMs = heard ? STREAM_PAUSE_MIN_MS : Math.min(pauseMs * 2, STREAM_PAUSE_MAX_MS);
          if (this.#watchers.size > 0) await sleep(this.#clock, durationMs(pauseMs), signal);
        }
      } finally {
        this.#running = false;
      }
    });
  }

  /** One stream, to its end. @returns whether anything came over it */
  async #carry(member: Member): Promise<boolean> {
    const stop = new AbortController();
    const requests = new MessageQueue<WatchRequestInit>(
      () => undefined,
      () => undefined,
    );
    const stream: Stream = { member, requests, stop, beginning: [], heard: false };
    const responses = member.exchange(WATCH, requests, { signal: stop.signal });
    this.#stream = stream;
    for (const watcher of this.#watchers) this.#begin(stream, watcher);
    try {
      for await (const response of responses) {
        stream.heard = true;
        await this.#heard(stream, response);
      }
    } catch (error) {
      await this.#broken(stream, error);
    } finally {
      if (this.#stream === stream) this.#stream = undefined;
      requests.end();
      this.#byId.clear();
      for (const watcher of this.#watchers) watcher.detach();
    }
    return stream.heard;
  }

  async #heard(stream: Stream, response: WatchAnswer): Promise<void> {
    const began = response.created ? stream.beginning.shift() : undefined;
    const watcher = this.#byId.get(response.watchId) ?? began;
    // Of one that was cancelled here nobody wants to hear.
    if (watcher?.id === undefined || !this.#watchers.has(watcher)) return;
    if (response.compactRevision > 0n) {
      this.#byId.delete(watcher.id);
      watcher.id = undefined;
      this.#end(watcher, { kind: 'compacted', oldest: revisionOf(response.compactRevision) });
      return;
    }
    if (response.canceled) {
      await this.#cancelled(stream, watcher, response.cancelReason);
      return;
    }
    watcher.signIns = 0;
    if (response.created) return;
    if (response.events.length === 0) {
      if (!response.fragment && response.header !== undefined) watcher.progress(revisionOf(response.header.revision));
      return;
    }
    if (!watcher.take(response.events, response.fragment)) this.#remove(watcher);
  }

  /** The member does not let one watch begin. With a token that is too old all go on over a new stream, which carries a new one. */
  async #cancelled({ member, stop }: Stream, watcher: Watcher, reason: string): Promise<void> {
    this.#byId.delete(watcher.id ?? 0n);
    watcher.id = undefined;
    watcher.signIns += 1;
    if (SIGN_IN.test(reason) && watcher.signIns <= 2) {
      await this.#link.signIn(member).catch(() => undefined);
      stop.abort();
      return;
    }
    const error = new MeshError(
      'registry-unavailable',
      `etcd at ${member.name} cancelled the watch: ${reason || 'no reason given'}`,
    );
    this.#end(watcher, { kind: 'lost', error });
  }

  async #broken({ member }: Stream, error: unknown): Promise<void> {
    // A member that was left says why elsewhere; with another the watches go on.
    const evidence = evidenceOf(error);
    if (evidence === 'sign-in') await this.#link.signIn(member).catch(() => undefined);
    else if (evidence === 'refused') {
      const lost = portError(error, member.name);
      if (!/no leader/.test(lost.message))
        for (const watcher of [...this.#watchers]) this.#end(watcher, { kind: 'lost', error: lost });
    }
  }
}

import { MeshError, type Revision, revision } from '@modelmesh/core';
import { KV_WATCHES_MAX, type KvBatch, type KvWatch, type KvWatchEnd, type KvWatchSink } from '../port.ts';
import { batchUnder, tellBatch } from '../watching.ts';
import type { HistoryPage } from './protocol.ts';

/** A running watch. While it reads the past, the present is left to the history that it will read. */
export interface Watcher {
  readonly prefix: string;
  readonly sink: KvWatchSink;
  next: Revision;
  state: 'reading-history' | 'live';
}

/** The watches of one store. */
export class Watches {
  readonly #watchers = new Set<Watcher>();

  /** @throws {MeshError} `overloaded` beyond `KV_WATCHES_MAX` */
  add(prefix: string, from: Revision, sink: KvWatchSink): Watcher {
    if (this.#watchers.size >= KV_WATCHES_MAX) {
      throw new MeshError('overloaded', `the registry has ${KV_WATCHES_MAX} watches, which is the most it serves`);
    }
    const watcher: Watcher = { prefix, sink, next: from, state: 'reading-history' };
    this.#watchers.add(watcher);
    return watcher;
  }

  handle(watcher: Watcher): KvWatch {
    return { cancel: () => void this.#watchers.delete(watcher) };
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** Tells a commit to those that have read everything before it. */
  tell(batch: KvBatch): void {
    for (const watcher of this.#watchers) if (watcher.state === 'live') this.#tell(watcher, batch);
  }

  /** Tells a piece of the past. @returns whether the next piece is wanted */
  tellHistory(watcher: Watcher, page: HistoryPage): boolean {
    if (!this.#watchers.has(watcher)) return false;
    if (page.kind === 'compacted') {
      this.end(watcher, page);
      return false;
    }
    for (const batch of page.batches) this.#tell(watcher, batch);
    watcher.next = page.next;
    if (page.complete) watcher.state = 'live';
    return !page.complete && this.#watchers.has(watcher);
  }

  end(watcher: Watcher, end: KvWatchEnd): void {
    if (this.#watchers.delete(watcher)) watcher.sink.ended(end);
  }

  endAll(end: KvWatchEnd): void {
    for (const watcher of this.#watchers) this.end(watcher, end);
  }

  #tell(watcher: Watcher, batch: KvBatch): void {
    if (batch.revision < watcher.next || !this.#watchers.has(watcher)) return;
    watcher.next = revision(batch.revision + 1);
    const told = batchUnder(watcher.prefix, batch);
    if (told !== undefined && !tellBatch(watcher.sink, told)) this.#watchers.delete(watcher);
  }
}

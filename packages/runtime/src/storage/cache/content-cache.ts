import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '@modelmesh/core';
import { diskError } from '../disk-errors.ts';
import type { FetchedFiles } from '../port.ts';
import { makeFolder } from './make-folder.ts';

/** Where downloads are kept, and how many bytes of them. */
export interface ContentCacheOptions {
  /** Absolute folder of this process alone; made when missing. */
  readonly folder: string;
  readonly budgetBytes: number;
  /** The most entries, whatever their size; {@link CONTENT_ENTRIES_MAX} unless given. */
  readonly entriesMax?: number;
}

/** The most entries that a cache keeps unless configured. */
export const CONTENT_ENTRIES_MAX = 100_000;

/** One piece of content that a model wants. */
export interface ContentRequest {
  readonly modelId: string;
  /** Name of the content: letters, digits and dashes only; equal keys mean equal bytes. */
  readonly key: string;
  /** Name of the file inside the entry, so that a server sees a telling suffix. */
  readonly fileName: string;
  /** Whether equal keys mean equal bytes for ever, so that the content may outlive its last model. */
  readonly immutable: boolean;
  /** Writes the whole, verified content to `partial.path`, asking for room before it writes. */
  readonly fill: (partial: PartialContent, signal: AbortSignal) => Promise<void>;
}

/** A download in progress: invisible to everyone until it is whole. */
export interface PartialContent {
  readonly path: string;
  /** Makes room for `totalBytes` of this content. @throws {MeshError} `no-capacity` when what is in use leaves too little. */
  reserve(totalBytes: number): Promise<void>;
}

interface Entry {
  readonly key: string;
  path: string;
  byteCount: number;
  immutable: boolean;
  pins: number;
  readonly models: Set<string>;
}

interface Download {
  readonly done: Promise<Entry>;
  readonly abort: AbortController;
  waiters: number;
}

const PARTIAL = '.partial';

/**
 * A least-recently-used cache of files. A download is written beside the entries and renamed when it is whole, so a crash leaves nothing that
 * looks like content; what it does leave is removed at the next start. One download serves all that wait for it and stops with the last of them.
 */
export class ContentCache {
  readonly #options: ContentCacheOptions;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #downloads = new Map<string, Download>();
  readonly #keyOfModel = new Map<string, string>();
  readonly #reserved = new Map<string, number>();
  #usedBytes = 0;

  private constructor(options: ContentCacheOptions) {
    this.#options = options;
  }

  /** Opens the folder, takes over what is whole and removes what is not. */
  static async open(options: ContentCacheOptions): Promise<ContentCache> {
    const cache = new ContentCache(options);
    try {
      await makeFolder(options.folder);
      for (const name of (await readdir(options.folder)).sort()) await cache.#adopt(name);
      await cache.#makeRoom(0);
    } catch (error) {
      throw diskError(error, options.folder);
    }
    return cache;
  }

  /** Bytes of whole content on disk. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The content of `request`, downloaded if it is not here. Pinned until `done`. */
  async acquire(request: ContentRequest, signal: AbortSignal): Promise<FetchedFiles> {
    signal.throwIfAborted();
    const present = this.#entries.get(request.key);
    const entry = present ?? (await this.#join(request, signal));
    this.#touch(entry);
    entry.pins++;
    const before = this.#keyOfModel.get(request.modelId);
    // The same name with another path: what it had has lost this model. A disk that does not let go of it is no reason not to have the other.
    if (before !== undefined && before !== request.key) await this.release(request.modelId).catch(() => {});
    entry.models.add(request.modelId);
    this.#keyOfModel.set(request.modelId, request.key);
    let pinned = true;
    return {
      path: entry.path,
      cachedBytes: entry.byteCount,
      done: () => {
        if (pinned) entry.pins--;
        pinned = false;
      },
    };
  }

  /** The path of whole content, not pinned. */
  find(key: string): string | undefined {
    return this.#entries.get(key)?.path;
  }

  /** The model is gone: its content goes too unless others use it, or its key promises the same bytes for ever. */
  async release(modelId: string): Promise<void> {
    const key = this.#keyOfModel.get(modelId);
    if (key === undefined) return;
    this.#keyOfModel.delete(modelId);
    const entry = this.#entries.get(key);
    entry?.models.delete(modelId);
    if (entry !== undefined && entry.pins === 0 && entry.models.size === 0 && !entry.immutable) await this.#remove(entry);
  }

  async #adopt(name: string): Promise<void> {
    const folder = join(this.#options.folder, name);
    const [fileName] = name.endsWith(PARTIAL) ? [] : await readdir(folder).catch(() => []);
    if (fileName === undefined) {
      await rm(folder, { recursive: true, force: true });
      return;
    }
    const path = join(folder, fileName);
    const { size } = await stat(path);
    this.#entries.set(name, { key: name, path, byteCount: size, immutable: true, pins: 0, models: new Set() });
    this.#usedBytes += size;
  }

  #touch(entry: Entry): void {
    if (!this.#entries.delete(entry.key)) return;
    this.#entries.set(entry.key, entry);
  }

  async #join(request: ContentRequest, signal: AbortSignal): Promise<Entry> {
    let download = this.#downloads.get(request.key);
    while (download?.abort.signal.aborted === true) {
      // Its last caller left and it is clearing up; a new one must not inherit the cancellation.
      await download.done.catch(() => {});
      signal.throwIfAborted();
      download = this.#downloads.get(request.key);
    }
    if (download === undefined) {
      const abort = new AbortController();
      const done = this.#download(request, abort.signal).finally(() => {
        this.#downloads.delete(request.key);
        this.#reserved.delete(request.key);
      });
      download = { done, abort, waiters: 0 };
      this.#downloads.set(request.key, download);
      done.catch(() => {});
    }
    return await waitAsOneOf(download, signal);
  }

  async #download(request: ContentRequest, signal: AbortSignal): Promise<Entry> {
    const whole = join(this.#options.folder, request.key);
    const partial = whole + PARTIAL;
    const path = join(partial, request.fileName);
    try {
      await rm(partial, { recursive: true, force: true });
      await mkdir(partial, { recursive: true });
      await request.fill({ path, reserve: (totalBytes) => this.#reserve(request.key, totalBytes) }, signal);
      signal.throwIfAborted();
      const { size } = await stat(path);
      await rename(partial, whole);
      const entry = {
        key: request.key,
        path: join(whole, request.fileName),
        byteCount: size,
        immutable: request.immutable,
        pins: 0,
        models: new Set<string>(),
      };
      this.#entries.set(request.key, entry);
      this.#usedBytes += size;
      return entry;
    } catch (error) {
      await rm(partial, { recursive: true, force: true }).catch(() => {});
      throw diskError(error, path);
    }
  }

  async #reserve(key: string, totalBytes: number): Promise<void> {
    const before = this.#reserved.get(key) ?? 0;
    if (totalBytes <= before) return;
    this.#reserved.set(key, totalBytes);
    try {
      await this.#makeRoom(totalBytes);
    } catch (error) {
      this.#reserved.set(key, before);
      throw error;
    }
  }

  async #makeRoom(forBytes: number): Promise<void> {
    const { budgetBytes, entriesMax = CONTENT_ENTRIES_MAX } = this.#options;
    const reserved = (): number => [...this.#reserved.values()].reduce((sum, count) => sum + count, 0);
    for (const entry of [...this.#entries.values()]) {
      if (this.#usedBytes + reserved() <= budgetBytes && this.#entries.size < entriesMax) return;
      if (entry.pins === 0) await this.#remove(entry);
    }
    if (this.#usedBytes + reserved() <= budgetBytes) return;
    throw new MeshError(
      'no-capacity',
      `the download cache of ${budgetBytes} bytes has no room for ${forBytes} more: ${this.#usedBytes} bytes are being loaded and ${reserved()} are reserved by downloads`,
    );
  }

  async #remove(entry: Entry): Promise<void> {
    if (!this.#entries.delete(entry.key)) return;
    this.#usedBytes -= entry.byteCount;
    for (const modelId of entry.models) this.#keyOfModel.delete(modelId);
    await rm(join(this.#options.folder, entry.key), { recursive: true, force: true });
  }
}

/** Waits for a download that others may wait for too; the last one that leaves stops it. */
function waitAsOneOf(download: Download, signal: AbortSignal): Promise<Entry> {
  download.waiters++;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      if (--download.waiters === 0) download.abort.abort(signal.reason);
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    download.done.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}

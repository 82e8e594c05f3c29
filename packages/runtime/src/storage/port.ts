/** What every way of bringing a model's files to this machine has in common. */

/** Where a model's files are. */
export type ModelSource =
  /** A file or folder of this machine; `path` is absolute. */
  | { readonly kind: 'file'; readonly path: string; readonly sha256: string | undefined }
  /** One file behind a URL. */
  | { readonly kind: 'http'; readonly url: string; readonly sha256: string | undefined };

/** What a fetch leaves behind. */
export interface FetchedFiles {
  /** Absolute path of the file or folder; stays valid until `done` is called. */
  readonly path: string;
  /** Bytes that the files of this model take in this machine's cache; 0 where they are read in place. */
  readonly cachedBytes: number;
  /** The caller has read what it needs: a cache may drop the files when it needs room. Calling twice does nothing. */
  done(): void;
}

/** Brings files of one kind of source. Every adapter passes the suite in `contract.ts`. */
export interface StorageAdapter<Source extends ModelSource = ModelSource> {
  readonly kind: Source['kind'];
  /**
   * Brings the files of `source` for the model `modelId`, whole and verified, or fails and leaves nothing that looks whole.
   * Fetching again what is here already is cheap.
   *
   * @throws {MeshError} `not-found` (nothing there), `permission-denied`, `failed-precondition` (digest mismatch), `too-large` (over the size
   * limit), `no-capacity` (disk full or no room in the cache), `unavailable` (the other side fails or is silent), `cancelled`.
   */
  fetch(modelId: string, source: Source, signal: AbortSignal): Promise<FetchedFiles>;
  /** The path of files that are on this machine already, not verified; undefined if they must be fetched first. Quick. */
  find(source: Source): Promise<string | undefined>;
  /** The model is gone: files that no other model uses may go at once. Unknown ids are fine. */
  release(modelId: string): Promise<void>;
}

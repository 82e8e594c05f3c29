import type { FetchedFiles, ModelSource, StorageAdapter } from './port.ts';

/** An adapter for every kind of source. */
export type StorageAdapters = { readonly [Kind in ModelSource['kind']]: StorageAdapter<Extract<ModelSource, { kind: Kind }>> };

/** Brings the files of any source by the adapter made for it. */
export interface Storage {
  /** @throws {MeshError} as {@link StorageAdapter.fetch}. */
  fetch(modelId: string, source: ModelSource, signal: AbortSignal): Promise<FetchedFiles>;
  /** The path of files that are here already; see {@link StorageAdapter.find}. */
  find(source: ModelSource): Promise<string | undefined>;
  /** The model is gone. */
  release(modelId: string): Promise<void>;
}

/** Joins the adapters of `adapters` into one. */
export function createStorage(adapters: StorageAdapters): Storage {
  return {
    fetch: (modelId, source, signal) =>
      source.kind === 'file' ? adapters.file.fetch(modelId, source, signal) : adapters.http.fetch(modelId, source, signal),
    find: (source) => (source.kind === 'file' ? adapters.file.find(source) : adapters.http.find(source)),
    release: async (modelId) => {
      await adapters.file.release(modelId);
      await adapters.http.release(modelId);
    },
  };
}

/** The door of the room that brings models' files to this machine. */
export { CONTENT_ENTRIES_MAX, ContentCache, type ContentCacheOptions } from './cache/index.ts';
export { diskError } from './disk-errors.ts';
export { createFileStorage, type FileStorageOptions } from './file/index.ts';
export { createHttpStorage, type HttpStorageOptions } from './http/index.ts';
export { INSTANCES_MAX, type ModelFormat, type ModelReference, parseModelReference } from './model-reference.ts';
export type { FetchedFiles, ModelSource, StorageAdapter } from './port.ts';
export { createStorage, type Storage, type StorageAdapters } from './storage.ts';

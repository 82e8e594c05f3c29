/** Storage adapter for files and folders of this machine. */
export { createFileStorage, type FileStorageOptions } from './file-storage.ts';

/** Storage adapter for files behind http: and https: URLs. */
export { createHttpStorage, type HttpStorageOptions } from './http-storage.ts';

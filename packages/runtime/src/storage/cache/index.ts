/** Downloaded files on disk, by content, within a byte budget. */
export {
  CONTENT_ENTRIES_MAX,
  ContentCache,
  type ContentCacheOptions,
  type ContentRequest,
  type PartialContent,
} from './content-cache.ts';

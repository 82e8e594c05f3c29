import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Clock, DurationMs } from '@modelmesh/core';
import type { ContentCache } from '../cache/index.ts';
import { digestMismatch } from '../digest.ts';
import type { ModelSource, StorageAdapter } from '../port.ts';
import { download } from './download.ts';
import { withoutSecrets } from './url-text.ts';

/** Limits of downloads. */
export interface HttpStorageOptions {
  readonly cache: ContentCache;
  readonly clock: Clock;
  /** The largest file that is downloaded. */
  readonly fileBytesMax: number;
  /** How long the other side may say nothing. */
  readonly silenceMs: DurationMs;
}

type HttpSource = Extract<ModelSource, { kind: 'http' }>;

/** Downloads each content once and keeps it within the cache's budget. */
export function createHttpStorage(options: HttpStorageOptions): StorageAdapter<HttpSource> {
  return {
    kind: 'http',
    fetch: (modelId, source, signal) =>
      options.cache.acquire(
        {
          modelId,
          key: keyOf(source),
          fileName: fileNameOf(source.url),
          immutable: source.sha256 !== undefined,
          fill: async (partial, stop) => {
            const got = await download(source.url, partial, options, stop);
            if (source.sha256 !== undefined && got !== source.sha256)
              throw digestMismatch(withoutSecrets(source.url), source.sha256, got);
          },
        },
        signal,
      ),
    find: (source) => Promise.resolve(options.cache.find(keyOf(source))),
    release: (modelId) => options.cache.release(modelId),
  };
}

function keyOf(source: HttpSource): string {
  return source.sha256 ?? `url-${createHash('sha256').update(source.url).digest('hex')}`;
}

/** A safe file name from the last segment of the URL's path. */
function fileNameOf(url: string): string {
  const last = posix.basename(new URL(url).pathname).replaceAll(/[^A-Za-z0-9._-]/g, '_');
  return last === '' || last.startsWith('.') || last.length > 128 ? 'model' : last;
}

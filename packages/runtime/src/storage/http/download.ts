import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { type Clock, type DurationMs, durationMs, MeshError, sleep } from '@modelmesh/core';
import type { PartialContent } from '../cache/index.ts';
import { request } from './request.ts';
import { withoutSecrets } from './url-text.ts';

/** Times that one download is begun or resumed before it is given up. */
export const DOWNLOAD_ATTEMPTS_MAX = 4;

/** Room is reserved in steps of this size where the other side does not say how long the file is. */
const RESERVE_STEP_BYTES = 16 * 1024 * 1024;

const FIRST_PAUSE_MS = 200;

interface DownloadLimits {
  readonly clock: Clock;
  readonly fileBytesMax: number;
  readonly silenceMs: DurationMs;
}

/** What is on disk so far, and what the other side called it. */
interface Progress {
  written: number;
  hash: Hash;
  etag: string | undefined;
}

/** What the end of one attempt means for the next. */
type AttemptEnd = { readonly kind: 'whole' } | { readonly kind: 'again'; readonly why: MeshError };

/**
 * Downloads `url` into `partial.path`. A broken connection is resumed where it broke when the other side names its content by a strong
 * validator (RFC 9110 §13.1.5), and restarted otherwise.
 *
 * @returns the SHA-256 of the content in hex.
 * @throws {MeshError} as {@link import('../port.ts').StorageAdapter} lists.
 */
export async function download(
  url: string,
  partial: PartialContent,
  limits: DownloadLimits,
  signal: AbortSignal,
): Promise<string> {
  const file = await open(partial.path, 'w');
  try {
    const progress: Progress = { written: 0, hash: createHash('sha256'), etag: undefined };
    for (let attempt = 1; ; attempt++) {
      const end = await attemptOnce(url, file, progress, partial, limits, signal);
      if (end.kind === 'whole') break;
      if (attempt === DOWNLOAD_ATTEMPTS_MAX) {
        throw new MeshError('unavailable', `${end.why.message}; gave up after ${attempt} attempts`, { cause: end.why });
      }
      await sleep(limits.clock, durationMs(FIRST_PAUSE_MS * 2 ** (attempt - 1)), signal);
    }
    await file.sync();
    return progress.hash.digest('hex');
  } finally {
    await file.close();
  }
}

async function attemptOnce(
  url: string,
  file: FileHandle,
  progress: Progress,
  partial: PartialContent,
  limits: DownloadLimits,
  signal: AbortSignal,
): Promise<AttemptEnd> {
  let response: IncomingMessage;
  try {
    response = await request(url, rangeOf(progress), limits.silenceMs, signal);
  } catch (error) {
    if (error instanceof MeshError && error.kind === 'unavailable') return { kind: 'again', why: error };
    throw error;
  }
  try {
    if (response.statusCode !== 206 || !continues(response, progress)) await restart(file, progress);
    progress.etag = strongEtag(response);
    const total = expectedTotal(response, progress);
    checkSize(url, total ?? 0, limits);
    await receive(url, response, total, file, progress, partial, limits);
  } catch (error) {
    if (signal.aborted || error instanceof MeshError || !isConnectionError(error)) throw error;
    const why = `the connection to ${withoutSecrets(url)} broke after ${progress.written} bytes: ${(error as Error).message}`;
    return { kind: 'again', why: new MeshError('unavailable', why, { cause: error }) };
  } finally {
    response.destroy();
  }
  return { kind: 'whole' };
}

async function receive(
  url: string,
  response: IncomingMessage,
  total: number | undefined,
  file: FileHandle,
  progress: Progress,
  partial: PartialContent,
  limits: DownloadLimits,
): Promise<void> {
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    const after = progress.written + chunk.length;
    checkSize(url, after, limits);
    await partial.reserve(total ?? Math.ceil(after / RESERVE_STEP_BYTES) * RESERVE_STEP_BYTES);
    await writeAll(file, chunk, progress.written);
    progress.hash.update(chunk);
    progress.written = after;
  }
  if (total !== undefined && progress.written !== total) throw connectionError(`got ${progress.written} of ${total} bytes`);
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

async function restart(file: FileHandle, progress: Progress): Promise<void> {
  await file.truncate(0);
  progress.written = 0;
  progress.hash = createHash('sha256');
}

function rangeOf(progress: Progress): Readonly<Record<string, string>> {
  if (progress.written === 0 || progress.etag === undefined) return {};
  return { range: `bytes=${progress.written}-`, 'if-range': progress.etag };
}

function continues(response: IncomingMessage, progress: Progress): boolean {
  return response.headers['content-range']?.startsWith(`bytes ${progress.written}-`) === true;
}

function strongEtag(response: IncomingMessage): string | undefined {
  const etag = response.headers.etag;
  return etag === undefined || etag.startsWith('W/') ? undefined : etag;
}

function expectedTotal(response: IncomingMessage, progress: Progress): number | undefined {
  const length = response.headers['content-length'];
  return length === undefined ? undefined : progress.written + Number(length);
}

function checkSize(url: string, byteCount: number, limits: DownloadLimits): void {
  if (byteCount <= limits.fileBytesMax) return;
  throw new MeshError(
    'too-large',
    `${withoutSecrets(url)} is larger than ${limits.fileBytesMax} bytes, the limit for one downloaded file`,
  );
}

function connectionError(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' });
}

const CONNECTION_CODES = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ECONNABORTED',
  'ERR_STREAM_PREMATURE_CLOSE',
  'HPE_INVALID_CHUNK_SIZE',
]);

function isConnectionError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && CONNECTION_CODES.has(String(error.code));
}

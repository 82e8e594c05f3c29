import { promisify } from 'node:util';
import { deflate, gunzip, gunzipSync, gzip, inflate, inflateSync } from 'node:zlib';
import { assertNever, MeshError } from '@modelmesh/core';
import type { MessageEncoding } from './encoding.ts';

/** What a compressed message may grow to. */
export interface InflateLimits {
  /** Bytes after decompression. */
  readonly outputBytesMax: number;
  /** Output over input, looked at once the output is above {@link RATIO_FREE_BYTES}. */
  readonly ratioMax: number;
}

/** Output below this is never a bomb, whatever its ratio: a megabyte of zeros is an ordinary tensor. */
export const RATIO_FREE_BYTES = 1_048_576;
/** The ratio that is let through unless configured otherwise; gzip itself ends near 1 030. */
export const INFLATE_RATIO_MAX = 256;

/** Compressed messages up to this size are inflated on the spot; the way through the thread pool costs more than it saves. */
const INLINE_BYTES_MAX = 4096;

const gunzipAsync = promisify(gunzip);
const inflateAsync = promisify(inflate);
const gzipAsync = promisify(gzip);
const deflateAsync = promisify(deflate);

const outputMax = (inputBytes: number, limits: InflateLimits): number =>
  Math.min(limits.outputBytesMax, Math.max(RATIO_FREE_BYTES, inputBytes * limits.ratioMax));

function inflateFailure(thrown: unknown, inputBytes: number, limits: InflateLimits): MeshError {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code !== 'ERR_BUFFER_TOO_LARGE') {
    const detail = thrown instanceof Error ? thrown.message : 'unreadable';
    return new MeshError('invalid-argument', `a compressed message cannot be inflated: ${detail}`, { cause: thrown });
  }
  const max = outputMax(inputBytes, limits);
  const limit =
    max < limits.outputBytesMax
      ? `${limits.ratioMax} times its ${inputBytes} bytes (inflateRatioMax)`
      : `${max} bytes (messageBytesMax)`;
  return new MeshError('too-large', `a compressed message grows above ${limit}`, { cause: thrown });
}

function inflateHere(encoding: 'gzip' | 'deflate', bytes: Uint8Array, maxOutputLength: number): Uint8Array {
  return encoding === 'gzip' ? gunzipSync(bytes, { maxOutputLength }) : inflateSync(bytes, { maxOutputLength });
}

/**
 * The message behind `bytes`. Small ones come back at once, larger ones from the thread pool.
 *
 * @throws {MeshError} `too-large` above a limit, naming it; `invalid-argument` for damaged data (both may come as a rejection).
 */
export function inflateMessage(
  encoding: MessageEncoding,
  bytes: Uint8Array,
  limits: InflateLimits,
): Uint8Array | Promise<Uint8Array> {
  switch (encoding) {
    case 'identity':
      throw new MeshError('invalid-argument', 'a message is marked as compressed, but the call has no grpc-encoding');
    case 'gzip':
    case 'deflate': {
      const maxOutputLength = outputMax(bytes.byteLength, limits);
      const failed = (thrown: unknown): never => {
        throw inflateFailure(thrown, bytes.byteLength, limits);
      };
      if (bytes.byteLength > INLINE_BYTES_MAX) {
        return (encoding === 'gzip' ? gunzipAsync : inflateAsync)(bytes, { maxOutputLength }).catch(failed);
      }
      try {
        return inflateHere(encoding, bytes, maxOutputLength);
      } catch (error) {
        return failed(error);
      }
    }
    default:
      return assertNever(encoding);
  }
}

/** The compressed form of `bytes`, made in the thread pool; identity gives them back. */
export async function deflateMessage(encoding: MessageEncoding, bytes: Uint8Array): Promise<Uint8Array> {
  switch (encoding) {
    case 'identity':
      return bytes;
    case 'gzip':
      return gzipAsync(bytes);
    case 'deflate':
      return deflateAsync(bytes);
    default:
      return assertNever(encoding);
  }
}

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { MeshError } from '@modelmesh/core';
import { diskError } from './disk-errors.ts';

/** The SHA-256 of a file as 64 lower-case hex digits, read in pieces. @throws {MeshError} as the disk fails, or `cancelled`. */
export async function sha256OfFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { signal, highWaterMark: 1 << 18 })) hash.update(chunk as Uint8Array);
  } catch (error) {
    throw diskError(error, path);
  }
  return hash.digest('hex');
}

/** The error for content that is not what was promised. */
export function digestMismatch(what: string, expected: string, got: string): MeshError {
  return new MeshError(
    'failed-precondition',
    `${what} has sha256 ${got}, expected ${expected}: the content is not the one that was registered`,
  );
}

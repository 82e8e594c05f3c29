import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import { MeshError } from '@modelmesh/core';
import { digestMismatch, sha256OfFile } from '../digest.ts';
import { diskError } from '../disk-errors.ts';
import type { ModelSource, StorageAdapter } from '../port.ts';

/** Where files may be read. */
export interface FileStorageOptions {
  /** Absolute folder that nothing may leave, links followed; undefined: every path of this machine. */
  readonly root: string | undefined;
}

type FileSource = Extract<ModelSource, { kind: 'file' }>;

/** Reads models in place: nothing is copied, so there is nothing to release. */
export function createFileStorage(options: FileStorageOptions): StorageAdapter<FileSource> {
  return {
    kind: 'file',
    fetch: async (_modelId, source, signal) => {
      const path = await resolveInside(source.path, options.root);
      if (source.sha256 !== undefined) await verify(path, source.sha256, signal);
      return { path, cachedBytes: 0, done: () => {} };
    },
    find: (source) => resolveInside(source.path, options.root),
    release: () => Promise.resolve(),
  };
}

/** The real path, after links; links are followed before the check, so that none leads outside. */
async function resolveInside(path: string, root: string | undefined): Promise<string> {
  if (root === undefined) return await realPathOf(path);
  const realRoot = await realPathOf(root);
  if (isOutside(path, root) && isOutside(path, realRoot)) throw outside(path, root);
  const real = await realPathOf(path);
  if (isOutside(real, realRoot)) throw outside(path, root);
  return real;
}

async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    throw diskError(error, path);
  }
}

function isOutside(path: string, root: string): boolean {
  const way = relative(root, path);
  return way === '..' || way.startsWith('../') || isAbsolute(way);
}

function outside(path: string, root: string): MeshError {
  return new MeshError('permission-denied', `${path} lies outside the storage root ${root}`);
}

async function verify(path: string, expected: string, signal: AbortSignal): Promise<void> {
  const facts = await stat(path);
  if (!facts.isFile())
    throw new MeshError('invalid-argument', `${path} is a folder; a sha256 can be checked for a single file only`);
  const got = await sha256OfFile(path, signal);
  if (got !== expected) throw digestMismatch(path, expected, got);
}

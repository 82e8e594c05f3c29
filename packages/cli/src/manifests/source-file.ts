import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MeshError } from '@modelmesh/core';
import { fileError } from '../session.ts';
import type { CliWorld } from '../world.ts';

/** The largest file of manifests. */
export const MANIFEST_FILE_BYTES_MAX = 16 * 1024 * 1024;
/** Most files below one folder. */
export const MANIFEST_FILES_MAX = 10_000;

/** A JSON file beside a model may be anything, so below a folder it does not count. */
const IS_MANIFEST = /\.ya?ml$/;
const SKIPPED = new Set(['node_modules', '.git']);

/** A text that holds manifests. */
export interface SourceFile {
  /** As the user named it; `-` for the standard input. */
  readonly name: string;
  /** Against which relative storage URIs are read. */
  readonly folder: string;
  readonly text: string;
}

/** What `-f` names: a file, every manifest below a folder in the order of their names, or `-`. @throws {MeshError} */
export async function readSources(world: CliWorld, names: readonly string[]): Promise<readonly SourceFile[]> {
  const sources: SourceFile[] = [];
  for (const name of names) {
    if (name === '-') sources.push({ name, folder: world.cwd, text: (await world.readStdin()).toString() });
    else for (const file of filesOf(world, name)) sources.push(readSource(world, file));
  }
  return sources;
}

function filesOf(world: CliWorld, name: string): readonly string[] {
  const path = resolve(world.cwd, name);
  try {
    if (!statSync(path).isDirectory()) return [name];
    const found = below(path, name);
    if (found.length === 0) throw new MeshError('invalid-argument', `there is no .yaml or .yml file below ${name}`);
    if (found.length > MANIFEST_FILES_MAX) {
      throw new MeshError('invalid-argument', `${name}: more than ${MANIFEST_FILES_MAX} files; name a folder within it`);
    }
    return found;
  } catch (error) {
    throw error instanceof MeshError ? error : fileError(name, error);
  }
}

function below(path: string, name: string): string[] {
  return readdirSync(path, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const inner = join(name, entry.name);
      if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : below(join(path, entry.name), inner);
      return IS_MANIFEST.test(entry.name) ? [inner] : [];
    });
}

function readSource(world: CliWorld, name: string): SourceFile {
  const path = resolve(world.cwd, name);
  try {
    if (statSync(path).size > MANIFEST_FILE_BYTES_MAX) {
      throw new MeshError('too-large', `${name} is larger than ${MANIFEST_FILE_BYTES_MAX} bytes`);
    }
    return { name, folder: dirname(path), text: readFileSync(path, 'utf8') };
  } catch (error) {
    throw error instanceof MeshError ? error : fileError(name, error);
  }
}

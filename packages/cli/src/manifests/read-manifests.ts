import { MeshError } from '@modelmesh/core';
import type { CliWorld } from '../world.ts';
import { type LocalManifest, parseSource } from './parse-source.ts';
import { readSources, type SourceFile } from './source-file.ts';

/** What refers to others comes after them. */
const ORDER: Readonly<Record<LocalManifest['resource']['kind'], number>> = { Model: 0, InferenceService: 1, Endpoint: 2 };

/** Manifests in an order in which they can be applied. */
export const inOrder = (manifests: readonly LocalManifest[]): readonly LocalManifest[] =>
  manifests.toSorted((a, b) => ORDER[a.resource.kind] - ORDER[b.resource.kind]);

/**
 * All manifests that `-f` names, in an order in which they can be applied. Nothing is returned while anything is wrong with any file.
 *
 * @throws {MeshError} `invalid-argument` with every problem
 */
export const readManifests = async (world: CliWorld, names: readonly string[]): Promise<readonly LocalManifest[]> =>
  inOrder(await readAll(world, names, parseSource));

/**
 * Everything that `read` finds in the files that `-f` names.
 *
 * @throws {MeshError} `invalid-argument` with every problem of every file, or if there is nothing
 */
export async function readAll<Item>(
  world: CliWorld,
  names: readonly string[],
  read: (source: SourceFile) => readonly Item[],
): Promise<readonly Item[]> {
  const problems: string[] = [];
  const items: Item[] = [];
  for (const source of await readSources(world, names)) {
    try {
      items.push(...read(source));
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length > 0) throw new MeshError('invalid-argument', problems.join('\n'));
  if (items.length === 0) throw new MeshError('invalid-argument', `there is no manifest in ${names.join(', ')}`);
  return items;
}

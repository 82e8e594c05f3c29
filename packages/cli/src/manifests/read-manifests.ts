import { MeshError } from '@modelmesh/core';
import type { CliWorld } from '../world.ts';
import { type LocalManifest, parseSource } from './parse-source.ts';
import { readSources } from './source-file.ts';

/** What refers to others comes after them. */
const ORDER: Readonly<Record<LocalManifest['resource']['kind'], number>> = { Model: 0, InferenceService: 1, Endpoint: 2 };

/**
 * All manifests that `-f` names, in an order in which they can be applied. Nothing is returned while anything is wrong with any file.
 *
 * @throws {MeshError} `invalid-argument` with every problem
 */
export async function readManifests(world: CliWorld, names: readonly string[]): Promise<readonly LocalManifest[]> {
  const problems: string[] = [];
  const manifests: LocalManifest[] = [];
  for (const source of await readSources(world, names)) {
    try {
      manifests.push(...parseSource(source));
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length > 0) throw new MeshError('invalid-argument', problems.join('\n'));
  if (manifests.length === 0) throw new MeshError('invalid-argument', `there is no manifest in ${names.join(', ')}`);
  return manifests.toSorted((a, b) => ORDER[a.resource.kind] - ORDER[b.resource.kind]);
}

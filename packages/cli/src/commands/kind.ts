import { MeshError } from '@modelmesh/core';

/** Kinds of things that commands name, each with the words that people use for it. */
const KINDS = {
  models: ['models', 'model', 'm'],
  endpoints: ['endpoints', 'endpoint', 'ep', 'vmodel', 'vmodels'],
  instances: ['instances', 'instance', 'node', 'nodes'],
  copies: ['copies', 'copy'],
  'inference-services': ['inference-services', 'inferenceservice', 'inferenceservices', 'isvc'],
} as const;

/** A kind of thing. */
export type Kind = keyof typeof KINDS;

/** The kind that a word means, one of `allowed`. @throws {MeshError} `invalid-argument` */
export function kindOf<Allowed extends Kind>(word: string, allowed: readonly Allowed[]): Allowed {
  const lower = word.toLowerCase();
  const found = allowed.find((kind) => KINDS[kind].some((name) => name === lower));
  if (found !== undefined) return found;
  throw new MeshError('invalid-argument', `there is no kind ${JSON.stringify(word)} here; give one of ${allowed.join(', ')}`);
}

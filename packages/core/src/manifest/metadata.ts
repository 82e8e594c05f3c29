import { DEFAULT_NAMESPACE, type Namespace, namespace } from '../units.ts';
import type { FieldReader, TextRule } from './field-reader.ts';

/** Labels or annotations that are read of one manifest. */
export const LABELS_MAX = 64;

/** What every resource carries. */
export interface Metadata {
  readonly name: string;
  readonly namespace: Namespace;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
}

/** Names of our own kinds: what a cluster takes, and underscores and capitals, which it does not. */
export const RESOURCE_NAME: TextRule = {
  test: (text) => text.length <= 253 && /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text),
  expected: 'a name of at most 253 letters, digits, dots, dashes and underscores that begins and ends with a letter or digit',
};

/** Names of InferenceServices (spec `kserve.md` §1.1). */
export const INFERENCE_SERVICE_NAME: TextRule = {
  test: (text) => text.length <= 253 && /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(text),
  expected: 'a name of lower-case letters, digits and dashes that begins with a letter and does not end with a dash',
};

const NAMESPACE_NAME: TextRule = {
  test: (text) => text.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text),
  expected: 'a namespace of at most 63 lower-case letters, digits and dashes',
};

/** What a cluster writes into an object that was applied, and exports with it. */
const WRITTEN_BY_CLUSTERS = [
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'finalizers',
  'generateName',
  'generation',
  'managedFields',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
];

/** Reads `metadata`; reports what is wrong with it. */
export function readMetadata(root: FieldReader, nameRule: TextRule): Metadata | undefined {
  const reader = root.object('metadata');
  if (reader === undefined) {
    if (!root.has('metadata')) root.problem('metadata', 'an object with a name');
    return undefined;
  }
  const name = reader.requiredText('name', nameRule);
  const space = reader.text('namespace', NAMESPACE_NAME);
  const labels = reader.textMap('labels', LABELS_MAX);
  const annotations = reader.textMap('annotations', LABELS_MAX);
  reader.ignore(WRITTEN_BY_CLUSTERS);
  reader.close();
  if (name === undefined) return undefined;
  return { name, namespace: space === undefined ? DEFAULT_NAMESPACE : namespace(space), labels, annotations };
}

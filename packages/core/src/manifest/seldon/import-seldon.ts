import { FieldReader, Findings } from '../field-reader.ts';
import { parseManifest } from '../parse-manifest.ts';
import type { Problem } from '../problem.ts';
import { MESH_API_VERSION } from '../resource.ts';
import { experimentSpec } from './experiment.ts';
import { modelSpec } from './model.ts';

/** API group and version of Seldon Core 2. */
export const SELDON_API_VERSION = 'mlops.seldon.io/v1alpha1';

/** A manifest of ours as a plain object, ready for YAML or JSON. */
export interface PlainManifest {
  readonly apiVersion: string;
  readonly kind: 'Model' | 'Endpoint';
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** What one manifest of Seldon's comes to. */
export type SeldonImport =
  /** `notes` name every field that has no counterpart, and every promise that differs. */
  | { readonly kind: 'manifest'; readonly manifest: PlainManifest; readonly notes: readonly Problem[] }
  /** It shapes servers, of which there are none of their own here. */
  | { readonly kind: 'left-out'; readonly what: string; readonly why: string }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

/** Kinds that say what pods Seldon runs. */
const SERVER_KINDS = ['SeldonConfig', 'SeldonRuntime', 'Server', 'ServerConfig'];

/** Metadata that others write, as in our own manifests. */
const OTHERS_METADATA = [
  'annotations',
  'creationTimestamp',
  'finalizers',
  'generation',
  'managedFields',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
];

/**
 * Turns a `Model` or an `Experiment` of Seldon Core 2 into a manifest of ours: an experiment becomes an endpoint under the name by which it
 * is called there. Nothing is left out in silence.
 */
export function importSeldon(value: unknown): SeldonImport {
  const findings = new Findings();
  const root = FieldReader.of(value, '', findings);
  if (root === undefined) return { kind: 'refused', problems: findings.problems };
  const kind = root.requiredText('kind');
  const apiVersion = root.requiredText('apiVersion');
  if (kind !== undefined && apiVersion === SELDON_API_VERSION && SERVER_KINDS.includes(kind)) {
    return {
      kind: 'left-out',
      what: kind,
      why: 'it shapes servers of Seldon; nodes and runtimes are set up by configuration here',
    };
  }
  const manifest = apiVersion === undefined || kind === undefined ? undefined : readKind(root, kind, apiVersion, findings);
  if (findings.problems.length > 0 || manifest === undefined) return { kind: 'refused', problems: findings.problems };
  const parsed = parseManifest(manifest);
  if (!parsed.ok) return { kind: 'refused', problems: parsed.problems };
  return { kind: 'manifest', manifest, notes: findings.warnings };
}

function readKind(root: FieldReader, kind: string, apiVersion: string, findings: Findings): PlainManifest | undefined {
  if (apiVersion !== SELDON_API_VERSION) {
    const older = apiVersion.startsWith('machinelearning.seldon.io/') ? '; Seldon Core 1 is not imported' : '';
    root.problem('apiVersion', `${SELDON_API_VERSION}${older}`);
    return undefined;
  }
  if (kind !== 'Model' && kind !== 'Experiment') {
    const why = kind === 'Pipeline' ? ': pipelines are not supported, call their models one by one' : '';
    root.problem('kind', `Model or Experiment${why}`);
    return undefined;
  }
  const metadata = readSeldonMetadata(root);
  const spec = root.object('spec');
  if (!root.has('spec')) root.problem('spec', 'an object');
  root.ignore(['status']);
  root.close();
  if (metadata === undefined || spec === undefined) return undefined;
  if (kind === 'Model') {
    const ours = modelSpec(spec, findings);
    return ours === undefined ? undefined : { apiVersion: MESH_API_VERSION, kind, metadata, spec: ours };
  }
  const endpoint = experimentSpec(spec, metadata.name, findings);
  if (endpoint === undefined) return undefined;
  return { apiVersion: MESH_API_VERSION, kind: 'Endpoint', metadata: { ...metadata, name: endpoint.name }, spec: endpoint.spec };
}

function readSeldonMetadata(root: FieldReader): PlainManifest['metadata'] | undefined {
  const reader = root.object('metadata');
  if (reader === undefined) {
    if (!root.has('metadata')) root.problem('metadata', 'an object with a name');
    return undefined;
  }
  const name = reader.requiredText('name');
  const labels = reader.textMap('labels', 64);
  if (reader.text('namespace') !== undefined && reader.text('namespace') !== 'default') {
    reader.without(['namespace'], 'nothing: it is left out, there is one namespace');
  }
  reader.ignore(OTHERS_METADATA);
  reader.close();
  if (name === undefined) return undefined;
  return labels.size === 0 ? { name } : { name, labels: Object.fromEntries(labels) };
}

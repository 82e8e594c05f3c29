import { readEndpoint } from './endpoint-manifest.ts';
import { FieldReader, Findings } from './field-reader.ts';
import { readInferenceService } from './inference-service-manifest.ts';
import { readModel } from './model-manifest.ts';
import { KSERVE_API_VERSION, type ManifestResult, MESH_API_VERSION, type Resource } from './resource.ts';
import { suggest } from './suggest.ts';

interface Kind {
  readonly apiVersion: string;
  readonly read: (root: FieldReader) => Resource | undefined;
}

const KINDS: Readonly<Record<Resource['kind'], Kind>> = {
  Model: { apiVersion: MESH_API_VERSION, read: readOwn(readModel) },
  Endpoint: { apiVersion: MESH_API_VERSION, read: readOwn(readEndpoint) },
  InferenceService: { apiVersion: KSERVE_API_VERSION, read: readInferenceService },
};

/** A status that a cluster wrote comes along with an exported object, whatever its kind. */
function readOwn(read: (root: FieldReader) => Resource | undefined): (root: FieldReader) => Resource | undefined {
  return (root) => {
    root.ignore(['status']);
    return read(root);
  };
}

const isKind = (text: string): text is Resource['kind'] => Object.hasOwn(KINDS, text);

/**
 * Reads one manifest, already parsed from YAML or JSON: a resource, or every problem at once, each with its path. Nothing is ignored in
 * silence: an unknown field is a problem that names what was probably meant, a field of another world is a warning.
 */
export function parseManifest(value: unknown): ManifestResult {
  const findings = new Findings();
  const root = FieldReader.of(value, '', findings);
  const resource = root === undefined ? undefined : readResource(root);
  if (findings.problems.length > 0) return { ok: false, problems: findings.problems };
  if (resource !== undefined) return { ok: true, resource, warnings: findings.warnings };
  return { ok: false, problems: [{ path: '', value: undefined, expected: 'a manifest' }] };
}

function readResource(root: FieldReader): Resource | undefined {
  const kinds = Object.keys(KINDS);
  const kind = root.requiredText('kind', { test: () => true, expected: `one of ${kinds.join(', ')}` });
  const apiVersion = root.requiredText('apiVersion', {
    test: () => true,
    expected: `${MESH_API_VERSION} or ${KSERVE_API_VERSION}`,
  });
  if (kind === undefined) return undefined;
  if (!isKind(kind)) {
    const meant = suggest(kind, kinds);
    root.problem('kind', `one of ${kinds.join(', ')}${meant === undefined ? '' : `; did you mean ${meant}?`}`);
    return undefined;
  }
  const wanted = KINDS[kind];
  if (apiVersion !== undefined && apiVersion !== wanted.apiVersion)
    root.problem('apiVersion', `${wanted.apiVersion} for kind ${kind}`);
  const resource = wanted.read(root);
  root.close();
  return resource;
}

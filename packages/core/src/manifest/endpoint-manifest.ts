import type { EndpointPolicy } from '../records/index.ts';
import { DEFAULT_NAMESPACE, type EndpointId, endpointId, type Namespace } from '../units.ts';
import type { FieldReader } from './field-reader.ts';
import { RESOURCE_NAME, readMetadata } from './metadata.ts';
import { endpointSpecOf, readPolicy } from './policy/index.ts';
import { type EndpointResource, MESH_API_VERSION } from './resource.ts';

/** Reads an `Endpoint`; what is wrong is among the findings, and the answer counts only if nothing is. */
export function readEndpoint(root: FieldReader): EndpointResource | undefined {
  const metadata = readMetadata(root, RESOURCE_NAME);
  const spec = root.object('spec');
  if (spec === undefined) {
    if (!root.has('spec')) root.problem('spec', 'an object with variants');
    return undefined;
  }
  const policy = readPolicy(spec, metadata?.name ?? '');
  spec.unsupported(['rollout']);
  spec.close();
  if (metadata === undefined || policy === undefined) return undefined;
  return { kind: 'Endpoint', metadata, id: endpointId(metadata.name), policy };
}

/** An `Endpoint` manifest as a plain object, ready for YAML or JSON. */
export interface EndpointManifest {
  readonly apiVersion: string;
  readonly kind: 'Endpoint';
  readonly metadata: { readonly name: EndpointId; readonly namespace?: Namespace };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** The manifest that says this policy: reading it gives an equal policy, whatever it was written from. */
export const endpointManifestOf = (
  id: EndpointId,
  policy: EndpointPolicy,
  space: Namespace = DEFAULT_NAMESPACE,
): EndpointManifest => ({
  apiVersion: MESH_API_VERSION,
  kind: 'Endpoint',
  metadata: space === DEFAULT_NAMESPACE ? { name: id } : { name: id, namespace: space },
  spec: endpointSpecOf(policy),
});

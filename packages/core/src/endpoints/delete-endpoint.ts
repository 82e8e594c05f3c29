import { MeshError } from '../errors.ts';
import type { EndpointId, Namespace } from '../units.ts';
import type { EndpointDecision, EndpointEnv, EndpointReader } from './decision.ts';
import { endpointDeletions } from './policies.ts';
import { referenceWrites } from './references.ts';
import { mayChange } from './set-endpoint.ts';

/** `deleteVModel`. Empty strings mean "not given". */
export interface DeleteEndpointRequest {
  readonly namespace: Namespace;
  readonly vModelId: string;
  readonly owner: string;
}

/**
 * Decides a `deleteVModel`: the endpoint goes with its policy, and with it every model that was made for it alone. An endpoint that is
 * unknown, or that another owner has, is left alone and the call succeeds (spec `modelmesh.md` §5.4).
 *
 * @remarks Errors: `unavailable` while read-only.
 */
export function decideDeleteEndpoint(
  reader: EndpointReader,
  { namespace, vModelId, owner }: DeleteEndpointRequest,
  env: Pick<EndpointEnv, 'readOnly'>,
): EndpointDecision {
  if (env.readOnly === true) return { kind: 'error', error: new MeshError('unavailable', 'model-mesh is in read-only mode') };
  const id = vModelId as EndpointId;
  const existing = vModelId === '' ? undefined : reader.endpoint(namespace, id);
  const policy = existing === undefined ? undefined : reader.policy(namespace, id);
  if (existing === undefined || !mayChange(owner, existing.record, policy?.record)) {
    return { kind: 'no-change', endpoint: existing?.record, next: { kind: 'none' } };
  }
  const was = { record: existing.record, policy: policy?.record.policy };
  const writes = [...endpointDeletions(existing, policy), ...referenceWrites(reader, namespace, was, undefined)];
  return { kind: 'write', writes, endpoint: undefined, next: { kind: 'none' } };
}

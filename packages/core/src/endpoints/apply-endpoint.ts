import { MeshError } from '../errors.ts';
import { idProblem } from '../identity/index.ts';
import { ABSENT, type EndpointPolicy, type EndpointRecord, putOf, type Versioned } from '../records/index.ts';
import type { EndpointId, ModelKey, Namespace } from '../units.ts';
import type { EndpointDecision, EndpointEnv, EndpointReader, SetEndpointRequest } from './decision.ts';
import { defaultModelOf, nextPolicy, policyWrites, samePolicy } from './policies.ts';
import { decideSetEndpoint } from './set-endpoint.ts';

/** Owner of the endpoints that `Endpoint` manifests describe. */
export const ENDPOINT_MANIFEST_OWNER = 'endpoint';

/** Owner of the endpoints that InferenceServices describe, as ModelMesh's controller writes it. */
export const INFERENCE_SERVICE_OWNER = 'isvc';

/** An endpoint as a manifest describes it. */
export interface ApplyEndpointRequest {
  readonly namespace: Namespace;
  readonly id: EndpointId;
  readonly owner: string;
  readonly policy: EndpointPolicy;
  readonly loadNow: boolean;
  readonly force: boolean;
  readonly sync: boolean;
}

/**
 * Decides the application of an `Endpoint` manifest with one variant: the record is a vmodel with the variant's model as target, and the
 * policy stands beside it, numbered, in force and in the history.
 *
 * @remarks Errors: as {@link decideSetEndpoint}; `invalid-argument` unless the default variant exists and is the only one.
 */
export function decideApplyEndpoint(reader: EndpointReader, request: ApplyEndpointRequest, env: EndpointEnv): EndpointDecision {
  const target = defaultModelOf(request.policy);
  if (target === undefined || request.policy.variants.length !== 1) {
    return refusal(
      `endpoint ${request.id} needs exactly one variant, which is its default; several are not supported by this version`,
    );
  }
  const problem = idProblem(request.id);
  if (problem !== undefined) return refusal(`endpoint ${problem}`);
  const existing = reader.endpoint(request.namespace, request.id);
  const current = reader.policy(request.namespace, request.id);
  if (existing !== undefined && existing.record.owner !== request.owner) return foreign(request, existing);
  const decided = decideSetEndpoint(withoutPolicies(reader), setRequest(request, target), env);
  if (decided.kind === 'error') return decided;
  const endpoint = decided.endpoint;
  if (endpoint === undefined) return decided;
  if (decided.kind === 'no-change' && current !== undefined && samePolicy(current.record.policy, request.policy)) return decided;
  const fields = { id: request.id, namespace: request.namespace, owner: request.owner, policy: request.policy };
  const policy = nextPolicy(existing?.record, current, fields, env.nowMs);
  const after: EndpointRecord = { ...endpoint, policyRevision: policy.revision };
  const others = decided.kind === 'write' ? decided.writes.filter(({ key }) => key.kind !== 'endpoint') : [];
  const writes = [putOf(after, existing?.revision ?? ABSENT), ...policyWrites(policy, current), ...others];
  return { kind: 'write', writes, endpoint: after, next: decided.next };
}

const refusal = (message: string): EndpointDecision => ({ kind: 'error', error: new MeshError('invalid-argument', message) });

const foreign = ({ id }: ApplyEndpointRequest, { record }: Versioned<EndpointRecord>): EndpointDecision => ({
  kind: 'error',
  error: new MeshError('already-exists', `vmodel ${id} already exists with different owner "${record.owner}"`),
});

/** The policy is decided here: the vmodel beneath is decided as one that has none. */
const withoutPolicies = (reader: EndpointReader): EndpointReader => ({
  model: (namespace, key) => reader.model(namespace, key),
  endpoint: (namespace, id) => reader.endpoint(namespace, id),
  policy: () => undefined,
});

const setRequest = (request: ApplyEndpointRequest, target: ModelKey): SetEndpointRequest => ({
  namespace: request.namespace,
  vModelId: request.id,
  targetModelId: target,
  owner: request.owner,
  updateOnly: false,
  modelInfo: undefined,
  autoDeleteTargetModel: false,
  loadNow: request.loadNow,
  force: request.force,
  sync: request.sync,
  expectedTargetModelId: '',
});

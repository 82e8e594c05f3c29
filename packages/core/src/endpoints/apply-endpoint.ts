import { MeshError } from '../errors.ts';
import { idProblem } from '../identity/index.ts';
import {
  type EndpointPolicy,
  type EndpointRecord,
  type ModelDescription,
  type ModelInfo,
  newModelRecord,
  type PolicyRecord,
  type PolicyRevision,
  sameInfo,
  type Versioned,
} from '../records/index.ts';
import { initialLastUsed, modelTypeError, pickInfo } from '../registration/index.ts';
import { type EndpointId, epochMs, type ModelKey, type Namespace } from '../units.ts';
import type { EndpointDecision, EndpointEnv, EndpointReader, WarmedModel } from './decision.ts';
import { defaultModelOf, nextPolicy, samePolicy } from './policies.ts';
import { policyError } from './policy-check.ts';
import type { TouchedModel } from './references.ts';
import { setTarget } from './set-target.ts';

/** Owner of the endpoints that `Endpoint` manifests describe. */
export const ENDPOINT_MANIFEST_OWNER = 'endpoint';

/** Owner of the endpoints that InferenceServices describe, as ModelMesh's controller writes it. */
export const INFERENCE_SERVICE_OWNER = 'isvc';

/**
 * Operations that one edit may come to: what etcd takes in a transaction. Each model that an endpoint names newly, or not any more, is one, and
 * its references must be right at every instant.
 */
export const EDIT_OPERATIONS_MAX = 128;

/** A model that an endpoint brings along. */
export interface BroughtModel {
  readonly key: ModelKey;
  readonly info: ModelInfo;
  readonly description: Partial<ModelDescription>;
  /** It goes with its last reference. */
  readonly autoDelete: boolean;
}

/** An endpoint as a manifest describes it. */
export interface ApplyEndpointRequest {
  readonly namespace: Namespace;
  readonly id: EndpointId;
  readonly owner: string;
  readonly policy: EndpointPolicy;
  readonly loadNow: boolean;
  readonly force: boolean;
  readonly sync: boolean;
  /** Models of its variants that are created unless they exist. */
  readonly models?: readonly BroughtModel[];
  /**
   * Revision of the policy that this edit was made from; 0: the endpoint is new, or is a vmodel. Anything else in force is not overwritten. Left
   * out: the later of two edits wins.
   */
  readonly expectedRevision?: PolicyRevision;
}

/**
 * Decides the application of an endpoint: the record is a vmodel with the default variant's model as target, and the policy stands beside it,
 * numbered, in force and in the history.
 *
 * @remarks Errors: `invalid-argument` for a policy that cannot work here; `model-not-found` with all models that there are not;
 * `already-exists` for an endpoint of somebody else, and for a brought model that exists and differs; `failed-precondition` where another
 * revision than the expected one is in force; `unavailable` while read-only.
 */
export function decideApplyEndpoint(reader: EndpointReader, request: ApplyEndpointRequest, env: EndpointEnv): EndpointDecision {
  const { namespace, id, policy, owner } = request;
  const existing = reader.endpoint(namespace, id);
  const current = existing === undefined ? undefined : reader.policy(namespace, id);
  const error =
    requestError(request, env) ??
    (existing !== undefined && existing.record.owner !== owner ? foreignError(request, existing) : undefined) ??
    expectationError(request, existing?.record, current?.record) ??
    modelsError(reader, request);
  if (error !== undefined) return { kind: 'error', error };
  const target = defaultModelOf(policy) as ModelKey;
  const decided = setTarget(reader, request, env, {
    ...{ id, target, existing, policy: current },
    touched: broughtModels(reader, request, env),
    nextPolicy: (before) =>
      current !== undefined && samePolicy(current.record.policy, policy)
        ? undefined
        : nextPolicy(
            before,
            current,
            { id, namespace, owner, policy, published: reader.weights(namespace, id)?.record },
            env.nowMs,
          ),
  });
  if (decided.kind !== 'write') return decided;
  if (decided.writes.length > EDIT_OPERATIONS_MAX) return { kind: 'error', error: tooMuchAtOnce(request, decided.writes.length) };
  return { ...decided, warm: warmedModels(reader, namespace, policy, existing?.record.active ?? target) };
}

function requestError({ id, policy, models = [] }: ApplyEndpointRequest, env: EndpointEnv): MeshError | undefined {
  const problem = idProblem(id);
  if (problem !== undefined) return new MeshError('invalid-argument', `endpoint ${problem}`);
  if (env.readOnly === true) return new MeshError('unavailable', 'model-mesh is in read-only mode');
  for (const { info } of models) {
    const typeBad = modelTypeError(info.type);
    if (typeBad !== undefined) return typeBad;
  }
  return policyError(id, policy, env.abilities);
}

const foreignError = ({ id }: ApplyEndpointRequest, { record }: Versioned<EndpointRecord>): MeshError =>
  new MeshError('already-exists', `vmodel ${id} already exists with different owner "${record.owner}"`);

function expectationError(
  { id, expectedRevision, policy }: ApplyEndpointRequest,
  existing: EndpointRecord | undefined,
  current: PolicyRecord | undefined,
): MeshError | undefined {
  if (expectedRevision === undefined) return undefined;
  const actual = Math.max(existing?.policyRevision ?? 0, current?.revision ?? 0);
  if (actual === expectedRevision) return undefined;
  // Whoever asks again for what has been reached is told that it has been.
  if (current !== undefined && current.revision === expectedRevision + 1 && samePolicy(current.policy, policy)) return undefined;
  const is = existing === undefined ? 'does not exist' : actual === 0 ? 'has no policy yet' : `is at revision ${actual}`;
  return new MeshError(
    'failed-precondition',
    `endpoint ${id} ${is}, this edit was made from revision ${expectedRevision}: read it again, and apply the edit to what it says now`,
  );
}

/** Every model must be there or be brought along, and none may be an endpoint: calls would go round in circles, or twice through a policy. */
function modelsError(
  reader: EndpointReader,
  { namespace, id, policy, models = [] }: ApplyEndpointRequest,
): MeshError | undefined {
  const brought = new Set(models.map(({ key }) => key));
  for (const { key, info } of models) {
    const stored = reader.model(namespace, key)?.record;
    if (stored !== undefined && !sameInfo(stored, info))
      return new MeshError('already-exists', `Target model ${key} already exists with different attribute values`);
  }
  const missing = policy.variants.filter(({ model }) => !brought.has(model) && reader.model(namespace, model) === undefined);
  const isEndpoint = (name: string): boolean => name === id || reader.endpoint(namespace, name as EndpointId) !== undefined;
  const chained = missing.find(({ model }) => isEndpoint(model));
  if (chained !== undefined) {
    const text = `variant ${chained.name}: ${chained.model} is an endpoint, and a variant needs a model: name the model that it leads to`;
    return new MeshError('invalid-argument', text);
  }
  const names = [...new Set(missing.map(({ model }) => model))];
  if (names.length === 0) return undefined;
  return new MeshError('model-not-found', `Target model${names.length === 1 ? '' : 's'} ${names.join(', ')} not found`);
}

const broughtModels = (
  reader: EndpointReader,
  { namespace, models = [], loadNow }: ApplyEndpointRequest,
  env: EndpointEnv,
): readonly TouchedModel[] =>
  models.flatMap(({ key, info, description, autoDelete }) => {
    if (reader.model(namespace, key) !== undefined) return [];
    const lastUsedMs = initialLastUsed(env.nowMs, loadNow, epochMs(0));
    const fields = { ...description, ...pickInfo(info), key, namespace, autoDelete, lastUsedMs, createdAtMs: env.nowMs };
    return [{ key, record: newModelRecord(fields) }];
  });

/** Where the endpoint is in use, what gets a share of its calls is loaded ahead of them. */
function warmedModels(
  reader: EndpointReader,
  namespace: Namespace,
  policy: EndpointPolicy,
  active: ModelKey,
): readonly WarmedModel[] {
  const inUse = reader.model(namespace, active)?.record;
  if (inUse === undefined || inUse.copies.size === 0) return [];
  const target = defaultModelOf(policy);
  const keys = new Set(policy.variants.flatMap(({ weight, model }) => (weight > 0 && model !== target ? [model] : [])));
  return [...keys].flatMap((model) =>
    (reader.model(namespace, model)?.record.copies.size ?? 0) > 0 ? [] : [{ model, lastUsedMs: inUse.lastUsedMs }],
  );
}

const tooMuchAtOnce = ({ id }: ApplyEndpointRequest, operations: number): MeshError =>
  new MeshError(
    'invalid-argument',
    `this edit of endpoint ${id} takes ${operations} operations, at most ${EDIT_OPERATIONS_MAX} can be made at once: exchange fewer variants at a time`,
  );

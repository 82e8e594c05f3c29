import { MeshError } from '../errors.ts';
import { idProblem } from '../identity/index.ts';
import {
  type EndpointRecord,
  type ModelRecord,
  newModelRecord,
  type PolicyRecord,
  sameInfo,
  type Versioned,
} from '../records/index.ts';
import { initialLastUsed, modelTypeError, pickInfo } from '../registration/index.ts';
import { type EndpointId, endpointId, epochMs, type ModelKey, modelKey } from '../units.ts';
import type { EndpointDecision, EndpointEnv, EndpointReader, SetEndpointRequest } from './decision.ts';
import { nextPolicy, withDefaultModel } from './policies.ts';
import type { TouchedModel } from './references.ts';
import { setTarget } from './set-target.ts';

/**
 * Decides a `setVModel`: names the model that an endpoint should answer with, creating both where asked for (spec `modelmesh.md` §5.2).
 *
 * The switch is made at once where nothing is lost by it; else the endpoint goes into transition and {@link nextTransitionStep} does the rest.
 *
 * @remarks Errors, with ModelMesh's texts: `invalid-argument`, `model-not-found`, `endpoint-not-found`, `already-exists`,
 * `failed-precondition`, `unavailable` while read-only.
 */
export function decideSetEndpoint(reader: EndpointReader, request: SetEndpointRequest, env: EndpointEnv): EndpointDecision {
  const id = request.vModelId as EndpointId;
  const target = request.targetModelId as ModelKey;
  const existing = request.vModelId === '' ? undefined : reader.endpoint(request.namespace, id);
  const policy = existing === undefined ? undefined : reader.policy(request.namespace, id);
  const model = request.targetModelId === '' ? undefined : reader.model(request.namespace, target);
  const error =
    requestError(request, env) ??
    expectationError(request, existing?.record, policy?.record) ??
    targetError(request, model?.record) ??
    (existing === undefined ? absenceError(request) : ownerError(request, existing.record, policy?.record));
  if (error !== undefined) return { kind: 'error', error };
  return setTarget(reader, request, env, {
    ...{ id: endpointId(id), target: modelKey(target), existing, policy },
    touched: model === undefined ? newTarget(request, env) : undefined,
    nextPolicy: (before) => movedPolicy(before, policy, request, env),
  });
}

const isInfo = ({ modelInfo }: SetEndpointRequest): boolean =>
  modelInfo !== undefined && (modelInfo.type !== '' || modelInfo.path !== '' || modelInfo.encKey !== '');

function requestError(request: SetEndpointRequest, env: EndpointEnv): MeshError | undefined {
  const { vModelId, targetModelId, modelInfo } = request;
  const invalid = (message: string): MeshError => new MeshError('invalid-argument', message);
  if (vModelId === '') return invalid('Must provide vModelId');
  if (targetModelId === '') return invalid(`Must provide target modelId for vmodel ${vModelId}`);
  const [idBad, targetBad] = [idProblem(vModelId), idProblem(targetModelId)];
  if (idBad !== undefined) return invalid(`vModelId ${idBad}`);
  if (targetBad !== undefined) return invalid(`targetModelId ${targetBad}`);
  if (modelInfo !== undefined && isInfo(request)) {
    const typeBad = modelTypeError(modelInfo.type);
    if (typeBad !== undefined) return typeBad;
  }
  return env.readOnly === true ? new MeshError('unavailable', 'model-mesh is in read-only mode') : undefined;
}

/** The compare-and-set guard: what the caller believes to be the target must be, or what it asks for must have been reached. */
function expectationError(
  request: SetEndpointRequest,
  existing: EndpointRecord | undefined,
  policy: PolicyRecord | undefined,
): MeshError | undefined {
  const { vModelId, expectedTargetModelId: expected, targetModelId: target } = request;
  if (expected === '') return undefined;
  if (existing === undefined) {
    return expected === target ? undefined : new MeshError('failed-precondition', `vmodel ${vModelId} not found`);
  }
  const foreign = ownerError(request, existing, policy);
  if (foreign !== undefined || existing.target === expected || existing.target === target) return foreign;
  return new MeshError(
    'failed-precondition',
    `vmodel ${vModelId} has target model ${existing.target}, not the expected ${expected}`,
  );
}

function targetError(request: SetEndpointRequest, model: ModelRecord | undefined): MeshError | undefined {
  const { targetModelId, modelInfo } = request;
  if (modelInfo === undefined || !isInfo(request)) {
    return model === undefined ? new MeshError('model-not-found', `Target model ${targetModelId} not found`) : undefined;
  }
  if (model === undefined || sameInfo(model, modelInfo)) return undefined;
  return new MeshError('already-exists', `Target model ${targetModelId} already exists with different attribute values`);
}

const absenceError = ({ updateOnly, vModelId }: SetEndpointRequest): MeshError | undefined =>
  updateOnly ? new MeshError('endpoint-not-found', `vmodel ${vModelId} not found`) : undefined;

/**
 * Whether somebody else owns the endpoint. A plain vmodel may be changed by a caller that names no owner (spec §5.2); an endpoint with a
 * policy may not: its manifest would silently stop being true.
 */
export function mayChange(owner: string, record: EndpointRecord, policy: PolicyRecord | undefined): boolean {
  return policy === undefined ? owner === '' || owner === record.owner : owner === policy.owner;
}

function ownerError(
  { owner, vModelId }: Pick<SetEndpointRequest, 'owner' | 'vModelId'>,
  record: EndpointRecord,
  policy: PolicyRecord | undefined,
): MeshError | undefined {
  if (mayChange(owner, record, policy)) return undefined;
  const existing = policy?.owner ?? record.owner;
  return new MeshError('already-exists', `vmodel ${vModelId} already exists with different owner "${existing}"`);
}

/** The target as it is created, apart from its references. */
function newTarget(request: SetEndpointRequest, env: EndpointEnv): TouchedModel | undefined {
  if (request.modelInfo === undefined) return undefined;
  const key = request.targetModelId as ModelKey;
  const record = newModelRecord({
    ...request.modelDescription,
    ...pickInfo(request.modelInfo),
    key,
    namespace: request.namespace,
    autoDelete: request.autoDeleteTargetModel,
    lastUsedMs: initialLastUsed(env.nowMs, request.loadNow, epochMs(0)),
    createdAtMs: env.nowMs,
  });
  return { key, record };
}

/** An endpoint with a policy gets the next one, with the new target behind its default variant, so that both go on saying the same. */
function movedPolicy(
  existing: EndpointRecord,
  policy: Versioned<PolicyRecord> | undefined,
  request: SetEndpointRequest,
  env: EndpointEnv,
): PolicyRecord | undefined {
  const target = request.targetModelId as ModelKey;
  if (policy === undefined || existing.target === target) return undefined;
  const { id, namespace, owner } = policy.record;
  const fields = { id, namespace, owner: request.owner || owner, policy: withDefaultModel(policy.record.policy, target) };
  return nextPolicy(existing, policy, fields, env.nowMs);
}

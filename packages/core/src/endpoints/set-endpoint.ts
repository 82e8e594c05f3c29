import { MeshError } from '../errors.ts';
import { idProblem } from '../identity/index.ts';
import {
  ABSENT,
  type EndpointRecord,
  inTransition,
  type ModelRecord,
  newEndpointRecord,
  newModelRecord,
  type PolicyRecord,
  putOf,
  type RegistryWrite,
  sameInfo,
  type Versioned,
  withLastUsed,
  withTarget,
  withTransitionDone,
} from '../records/index.ts';
import { initialLastUsed, modelTypeError, pickInfo } from '../registration/index.ts';
import { type EndpointId, type EpochMs, endpointId, epochMs, type ModelKey, modelKey } from '../units.ts';
import type {
  EndpointDecision,
  EndpointEnv,
  EndpointFollowUp,
  EndpointReader,
  ModelSlot,
  SetEndpointRequest,
} from './decision.ts';
import { nextPolicy, policyWrites, withDefaultModel } from './policies.ts';
import { referenceWrites, type TouchedModel } from './references.ts';

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
  return existing === undefined
    ? create(reader, request, env, { id: endpointId(id), target: modelKey(target), model })
    : change(reader, request, env, { existing, policy, target: modelKey(target), model });
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

/** The target as it will be apart from its references: created, or as warm as the model that it replaces. */
function touchTarget(
  request: SetEndpointRequest,
  env: EndpointEnv,
  model: ModelSlot,
  replacedLastUsedMs: EpochMs | undefined,
): TouchedModel | undefined {
  const key = request.targetModelId as ModelKey;
  if (model !== undefined) {
    return replacedLastUsedMs === undefined ? undefined : { key, record: withLastUsed(model.record, replacedLastUsedMs) };
  }
  if (request.modelInfo === undefined) return undefined;
  const record = newModelRecord({
    ...request.modelDescription,
    ...pickInfo(request.modelInfo),
    key,
    namespace: request.namespace,
    autoDelete: request.autoDeleteTargetModel,
    lastUsedMs: replacedLastUsedMs ?? initialLastUsed(env.nowMs, request.loadNow, epochMs(0)),
    createdAtMs: env.nowMs,
  });
  return { key, record };
}

interface Creation {
  readonly id: EndpointId;
  readonly target: ModelKey;
  readonly model: ModelSlot;
}

function create(reader: EndpointReader, request: SetEndpointRequest, env: EndpointEnv, to: Creation): EndpointDecision {
  const { namespace, owner } = request;
  const endpoint = newEndpointRecord({ id: to.id, namespace, active: to.target, owner: owner || (env.defaultOwner ?? '') });
  const touched = touchTarget(request, env, to.model, undefined);
  const writes = [putOf(endpoint, ABSENT), ...referenceWrites(reader, namespace, undefined, endpoint, touched)];
  return { kind: 'write', writes, endpoint, next: ensureIf(request.loadNow, reader, request, endpoint, touched) };
}

interface Change {
  readonly existing: Versioned<EndpointRecord>;
  readonly policy: Versioned<PolicyRecord> | undefined;
  readonly target: ModelKey;
  readonly model: ModelSlot;
}

function change(reader: EndpointReader, request: SetEndpointRequest, env: EndpointEnv, to: Change): EndpointDecision {
  const { namespace } = request;
  const before = to.existing.record;
  const active = reader.model(namespace, before.active)?.record;
  const moved = before.target === to.target ? before : withTarget(before, to.target);
  const atOnce = request.force || (moved !== before && costsNothing(env, active, request));
  const settled = atOnce && inTransition(moved) ? withTransitionDone(moved) : moved;
  const policy = settled === before ? undefined : policyFor(to, request, env);
  const after = policy === undefined ? settled : { ...settled, policyRevision: policy.revision };
  const touched = touchTarget(request, env, to.model, after === before ? undefined : active?.lastUsedMs);
  const recreated = to.model === undefined;
  const next: EndpointFollowUp = inTransition(after)
    ? { kind: 'await-transition', id: after.id, target: after.target, sync: request.sync }
    : ensureIf(request.loadNow || (after !== before && (active?.copies.size ?? 0) > 0), reader, request, after, touched);
  if (after === before && !recreated) return { kind: 'no-change', endpoint: before, next };
  const writes: RegistryWrite[] = [
    putOf(after, to.existing.revision),
    ...(policy === undefined ? [] : policyWrites(policy, to.policy)),
    ...referenceWrites(reader, namespace, before, after, touched),
  ];
  return { kind: 'write', writes, endpoint: after, next };
}

/** Whether to switch without waiting: nobody is served by the active model, or both are loaded once and it is a wash. */
function costsNothing(
  env: EndpointEnv,
  active: ModelRecord | undefined,
  { namespace, targetModelId }: SetEndpointRequest,
): boolean {
  const copies = active?.copies.size ?? 0;
  return copies === 0 || (copies === 1 && env.isLoaded(namespace, targetModelId as ModelKey));
}

/** An endpoint with a policy gets the next one, with the new target behind its default variant, so that both go on saying the same. */
function policyFor(
  { existing, policy, target }: Change,
  request: SetEndpointRequest,
  env: EndpointEnv,
): PolicyRecord | undefined {
  if (policy === undefined || existing.record.target === target) return undefined;
  const { id, namespace, owner } = policy.record;
  const fields = { id, namespace, owner: request.owner || owner, policy: withDefaultModel(policy.record.policy, target) };
  return nextPolicy(existing.record, policy, fields, env.nowMs);
}

function ensureIf(
  wanted: boolean,
  reader: EndpointReader,
  { namespace, sync }: SetEndpointRequest,
  endpoint: EndpointRecord,
  touched: TouchedModel | undefined,
): EndpointFollowUp {
  if (!wanted) return { kind: 'none' };
  const record = touched?.record ?? reader.model(namespace, endpoint.target)?.record;
  return { kind: 'ensure-loaded', model: endpoint.target, lastUsedMs: record?.lastUsedMs ?? epochMs(0), sync };
}

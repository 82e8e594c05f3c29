import { MeshError } from '../errors.ts';
import { idProblem } from '../identity/index.ts';
import {
  ABSENT,
  deleteOf,
  type ModelDescription,
  type ModelInfo,
  type ModelRecord,
  modelRecordKey,
  newModelRecord,
  putOf,
  sameInfo,
  type Versioned,
  withLastUsed,
} from '../records/index.ts';
import { type EpochMs, modelKey, type Namespace } from '../units.ts';
import type { FollowUp, ModelDecision, ModelReader, RegistrationEnv } from './decision.ts';
import { initialLastUsed, LAST_USED_BUMP_MIN_MS, lastUsedForEnsure } from './last-used.ts';

/** `registerModel` (spec `modelmesh.md` §1.1). */
export interface RegisterRequest {
  readonly namespace: Namespace;
  readonly modelId: string;
  readonly info: ModelInfo;
  readonly loadNow: boolean;
  /** With `loadNow`: wait for the load. */
  readonly sync: boolean;
  /** 0 = the default of {@link initialLastUsed}. */
  readonly lastUsedMs: EpochMs;
  /** What is known beyond ModelMesh's request; used when the model is created. */
  readonly description?: Partial<ModelDescription>;
}

const failed = (error: MeshError): ModelDecision => ({ kind: 'error', error });
const refusal = (kind: MeshError['kind'], message: string): ModelDecision => failed(new MeshError(kind, message));

const NOTHING_MORE: FollowUp = { kind: 'none' };

/** What is wrong with a model id of a management call, or `undefined`. */
export function modelIdError(id: string): MeshError | undefined {
  if (id === '') return new MeshError('invalid-argument', 'must provide non-empty modelId');
  const problem = idProblem(id);
  return problem === undefined ? undefined : new MeshError('invalid-argument', `modelId ${problem}`);
}

/** What is wrong with the type of a model, or `undefined`. */
export const modelTypeError = (type: string): MeshError | undefined =>
  type === '' ? new MeshError('invalid-argument', 'Must provide non-empty model type string') : undefined;

/**
 * Decides a `registerModel`: creates the model, finds it there already, or refuses.
 *
 * @remarks Errors: `invalid-argument` for an empty id or type, `already-exists` if the id names another model, `internal` while read-only.
 */
export function decideRegister(reader: ModelReader, request: RegisterRequest, env: RegistrationEnv): ModelDecision {
  const invalid = modelIdError(request.modelId) ?? modelTypeError(request.info.type);
  if (invalid !== undefined) return failed(invalid);
  if (env.readOnly === true) return refusal('internal', 'model-mesh read-only mode');
  const key = modelKey(request.modelId);
  const lastUsedMs = initialLastUsed(env.nowMs, request.loadNow, request.lastUsedMs);
  const next: FollowUp = request.loadNow ? { kind: 'ensure-loaded', model: key, lastUsedMs, sync: request.sync } : NOTHING_MORE;
  const existing = reader.model(request.namespace, key);
  if (existing !== undefined) return decideAgain(existing, request, lastUsedMs, next);
  const record = newModelRecord({
    ...request.description,
    ...pickInfo(request.info),
    key,
    namespace: request.namespace,
    lastUsedMs,
    createdAtMs: env.nowMs,
  });
  return { kind: 'write', writes: [putOf(record, ABSENT)], record, created: true, next };
}

/** A registration of a model that is there: the same again succeeds, anything else is refused. */
function decideAgain(
  { record, revision }: Versioned<ModelRecord>,
  request: RegisterRequest,
  lastUsedMs: EpochMs,
  next: FollowUp,
): ModelDecision {
  if (!sameInfo(record, request.info)) return refusal('already-exists', 'Model already exists with different attribute values');
  if (request.loadNow || lastUsedMs <= record.lastUsedMs + LAST_USED_BUMP_MIN_MS) return { kind: 'no-change', record, next };
  const bumped = withLastUsed(record, lastUsedMs);
  return { kind: 'write', writes: [putOf(bumped, revision)], record: bumped, created: false, next };
}

/** Only the three fields, whatever else the object has. */
export const pickInfo = ({ type, path, encKey }: ModelInfo): ModelInfo => ({ type, path, encKey });

/**
 * Decides an `unregisterModel`: an unknown model is gone already.
 *
 * @remarks Errors: `invalid-argument` for an empty id, `failed-precondition` while an endpoint refers to it, `internal` while read-only.
 */
export function decideUnregister(
  reader: ModelReader,
  namespace: Namespace,
  modelId: string,
  env: RegistrationEnv,
): ModelDecision {
  const invalid = modelIdError(modelId);
  if (invalid !== undefined) return failed(invalid);
  if (env.readOnly === true) return refusal('internal', 'model-mesh read-only mode');
  const key = modelKey(modelId);
  const existing = reader.model(namespace, key);
  if (existing === undefined) return { kind: 'no-change', record: undefined, next: NOTHING_MORE };
  if (existing.record.refs > 0) return refusal('failed-precondition', `Model ${key} has referents`);
  const writes = [deleteOf(modelRecordKey(key, namespace), existing.revision)];
  return { kind: 'write', writes, record: undefined, created: false, next: NOTHING_MORE };
}

/** `ensureLoaded` (spec `modelmesh.md` §1.1). */
export interface EnsureRequest {
  readonly namespace: Namespace;
  readonly modelId: string;
  /** 0 = now. */
  readonly lastUsedMs: EpochMs;
  readonly sync: boolean;
}

/** Decides an `ensureLoaded`: it never writes. @remarks Errors: `invalid-argument` for an empty id, `model-not-found`. */
export function decideEnsure(reader: ModelReader, request: EnsureRequest, env: RegistrationEnv): ModelDecision {
  const invalid = modelIdError(request.modelId);
  if (invalid !== undefined) return failed(invalid);
  const key = modelKey(request.modelId);
  const existing = reader.model(request.namespace, key);
  if (existing === undefined) return refusal('model-not-found', 'model not found');
  const lastUsedMs = lastUsedForEnsure(env.nowMs, request.lastUsedMs);
  return {
    kind: 'no-change',
    record: existing.record,
    next: { kind: 'ensure-loaded', model: key, lastUsedMs, sync: request.sync },
  };
}

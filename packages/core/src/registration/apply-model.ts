import { MeshError } from '../errors.ts';
import {
  ABSENT,
  type ModelDescription,
  type ModelInfo,
  type ModelRecord,
  newModelRecord,
  putOf,
  type Versioned,
  withoutFailures,
} from '../records/index.ts';
import { epochMs, type ModelKey, type Namespace } from '../units.ts';
import type { ModelDecision, ModelReader, RegistrationEnv } from './decision.ts';
import { initialLastUsed } from './last-used.ts';
import { modelIdError, modelTypeError, pickInfo } from './register.ts';

/** A model as a manifest describes it. */
export interface ApplyModelRequest {
  readonly namespace: Namespace;
  readonly key: ModelKey;
  readonly info: ModelInfo;
  readonly description: ModelDescription;
}

/**
 * Decides the application of a `Model` manifest: creates the model, or brings what may change to what the manifest says.
 *
 * What a model *is* never changes. One exception: while no copy exists, the key may change, which corrects the digest or the storage of an
 * artifact that could not be loaded. An application also forgets the failures: whoever applies again has mended something and wants a new try.
 *
 * @remarks Errors: `invalid-argument`, `already-exists` with the fields that differ, `internal` while read-only.
 */
export function decideApplyModel(reader: ModelReader, request: ApplyModelRequest, env: RegistrationEnv): ModelDecision {
  const invalid = modelIdError(request.key) ?? modelTypeError(request.info.type);
  if (invalid !== undefined) return { kind: 'error', error: invalid };
  if (env.readOnly === true) return { kind: 'error', error: new MeshError('internal', 'model-mesh read-only mode') };
  const existing = reader.model(request.namespace, request.key);
  if (existing !== undefined) return decideChange(existing, request);
  const record = newModelRecord({
    ...request.description,
    ...pickInfo(request.info),
    key: request.key,
    namespace: request.namespace,
    lastUsedMs: initialLastUsed(env.nowMs, false, epochMs(0)),
    createdAtMs: env.nowMs,
    generation: 1,
  });
  return { kind: 'write', writes: [putOf(record, ABSENT)], record, created: true, next: { kind: 'none' } };
}

/**
 * Decides to forget the failures of a model, so that the next call tries again: what an operator asks for who has mended the artifact, or a
 * new artifact behind the same path means. An unknown model, or one without failures, needs nothing.
 *
 * @remarks Errors: `internal` while read-only.
 */
export function decideForgetFailures(
  reader: ModelReader,
  namespace: Namespace,
  key: ModelKey,
  env: RegistrationEnv,
): ModelDecision {
  if (env.readOnly === true) return { kind: 'error', error: new MeshError('internal', 'model-mesh read-only mode') };
  const existing = reader.model(namespace, key);
  if (existing === undefined || existing.record.failures.size === 0) {
    return { kind: 'no-change', record: existing?.record, next: { kind: 'none' } };
  }
  const record = withoutFailures(existing.record);
  return { kind: 'write', writes: [putOf(record, existing.revision)], record, created: false, next: { kind: 'none' } };
}

function decideChange({ record, revision }: Versioned<ModelRecord>, request: ApplyModelRequest): ModelDecision {
  const fixed = fixedDifferences(record, request);
  if (fixed.length > 0) {
    const text = `model ${record.key} already exists with a different ${fixed.join(', ')}; a change of a model is a new version of it`;
    return { kind: 'error', error: new MeshError('already-exists', text) };
  }
  const described = { ...withoutFailures(record), ...request.description, encKey: request.info.encKey };
  const changed = record.encKey !== request.info.encKey || !sameDescription(record, request.description);
  if (!changed && record.failures.size === 0) return { kind: 'no-change', record, next: { kind: 'none' } };
  const after = changed ? { ...described, generation: record.generation + 1 } : described;
  return { kind: 'write', writes: [putOf(after, revision)], record: after, created: false, next: { kind: 'none' } };
}

/** The fields that differ and must not, as a person calls them. The key is not shown: it may hold secrets. */
function fixedDifferences(record: ModelRecord, { info, description }: ApplyModelRequest): readonly string[] {
  const differing: string[] = [];
  if (record.type !== info.type) differing.push(`type (${record.type}, not ${info.type})`);
  if (record.path !== info.path) differing.push(`path (${record.path}, not ${info.path})`);
  if (record.encKey !== info.encKey && record.copies.size > 0) differing.push('storage key while copies are loaded');
  if ((record.family ?? description.family) !== description.family) differing.push('family');
  if ((record.version ?? description.version) !== description.version) differing.push('version');
  return differing;
}

function sameDescription(record: ModelRecord, wanted: ModelDescription): boolean {
  const { copiesPolicy: a } = record;
  const { copiesPolicy: b } = wanted;
  return (
    record.family === wanted.family &&
    record.version === wanted.version &&
    record.format?.name === wanted.format?.name &&
    record.format?.version === wanted.format?.version &&
    record.declaredMemoryBytes === wanted.declaredMemoryBytes &&
    record.retry === wanted.retry &&
    record.sha256 === wanted.sha256 &&
    a.min === b.min &&
    a.max === b.max &&
    a.pin === b.pin &&
    a.idleAfterMs === b.idleAfterMs &&
    sameList(
      record.warmup.map(({ request }) => request),
      wanted.warmup.map(({ request }) => request),
    ) &&
    sameLabels(record.labels, wanted.labels)
  );
}

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((item, at) => item === b[at]);
const sameLabels = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);

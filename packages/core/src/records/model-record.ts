import { Bug } from '../assert.ts';
import {
  type Bytes,
  DEFAULT_NAMESPACE,
  type DurationMs,
  type EpochMs,
  epochMs,
  type InstanceId,
  type ModelKey,
  type Namespace,
} from '../units.ts';

/**
 * Fields of a stored record that this version does not know: kept and written back unchanged, so that a newer node's (or the Java mesh's)
 * meaning survives every rewrite. Only the codec that read them looks inside.
 */
export type OpaqueFields = ReadonlyMap<string, unknown>;

/** Why the last load in an instance failed. */
export interface LoadFailure {
  readonly atMs: EpochMs;
  /** What the runtime said, without any prefix of ours; at most {@link LOAD_FAILURE_MESSAGE_CHARS_MAX} characters. */
  readonly message: string;
}

/** Longer failure messages are cut: they are stored per instance and read by every node. */
export const LOAD_FAILURE_MESSAGE_CHARS_MAX = 2048;

/** What the bytes of a model are, for instance `onnx` `1`. */
export interface ModelFormat {
  readonly name: string;
  readonly version: string | undefined;
}

/** How many copies of a model its owner wants. */
export interface CopiesPolicy {
  /** Copies that are kept loaded without any request. */
  readonly min: number;
  /** Copies that are never exceeded; `undefined` is no bound but the number of instances. */
  readonly max: number | undefined;
  /** A pinned copy is never evicted for another model. */
  readonly pin: boolean;
  /** Unused for so long, copies above `min` are unloaded though nobody needs the room; `undefined` leaves that to the cache. */
  readonly idleAfterMs: DurationMs | undefined;
}

/** Nothing asked for: the cache alone decides. */
export const DEFAULT_COPIES_POLICY: CopiesPolicy = { min: 0, max: undefined, pin: false, idleAfterMs: undefined };

/** Whether a call that perhaps was executed may be sent again: `safe` inference is repeatable, `never` is not. */
export type RetryPolicy = 'safe' | 'never';

/** A request that is sent to each new copy before it serves; the path is relative to the model's files. */
export interface WarmupRequest {
  readonly request: string;
}

/**
 * What the registry knows of a model. A value: every change makes a new record, which replaces the old one whole by compare-and-set.
 *
 * The first group is ModelMesh's record (spec `modelmesh.md` §3.2); the second is ours and absent from records that the Java mesh wrote.
 * Type, path and key never change. No instance is ever in both `copies` and `failures`.
 */
export interface ModelRecord {
  readonly kind: 'model';
  readonly key: ModelKey;
  readonly namespace: Namespace;
  /** Drives type constraints; never empty. */
  readonly type: string;
  /** Opaque, passed to the runtime; may be empty. */
  readonly path: string;
  /** ModelInfo's `key`: opaque, passed to the runtime, may hold secrets, never logged; may be empty. */
  readonly encKey: string;
  /** Copies loaded or loading, with the instant at which the load was claimed. */
  readonly copies: ReadonlyMap<InstanceId, EpochMs>;
  readonly failures: ReadonlyMap<InstanceId, LoadFailure>;
  /** References by endpoints; the model cannot be unregistered while there are any. */
  readonly refs: number;
  /** Deleted with the last reference. */
  readonly autoDelete: boolean;
  /** Last use as far as it was published; 0 = unknown. */
  readonly lastUsedMs: EpochMs;
  /** When a copy was last unloaded; 0 = never, or at most {@link UNLOAD_STAMP_COPIES_MIN} − 1 copies remained. */
  readonly lastUnloadMs: EpochMs;

  /** Name that the versions of a model share. */
  readonly family: string | undefined;
  /** `[A-Za-z0-9._-]{1,63}`. */
  readonly version: string | undefined;
  readonly format: ModelFormat | undefined;
  readonly labels: ReadonlyMap<string, string>;
  /** A hint of the owner; what is measured wins. */
  readonly declaredMemoryBytes: Bytes | undefined;
  readonly copiesPolicy: CopiesPolicy;
  readonly retry: RetryPolicy;
  /** Expected digest of the artifact, 64 lower-case hex digits. */
  readonly sha256: string | undefined;
  /** When it was registered; 0 = unknown. Orders versions that are not numbers. */
  readonly createdAtMs: EpochMs;
  readonly warmup: readonly WarmupRequest[];
  /** Grows by one each time a manifest changed the fields that may change; 0 = never described by a manifest. */
  readonly generation: number;
  readonly unknownFields: OpaqueFields;
}

/** What makes a model the model it is: it never changes, and a registration that says otherwise is refused. */
export type ModelInfo = Pick<ModelRecord, 'type' | 'path' | 'encKey'>;

/** What an owner may say of a model besides its {@link ModelInfo}, and may say differently later (except for family and version). */
export type ModelDescription = Pick<
  ModelRecord,
  'family' | 'version' | 'format' | 'labels' | 'declaredMemoryBytes' | 'copiesPolicy' | 'retry' | 'sha256' | 'warmup'
>;

/** Whether a record is of the model that `info` describes. */
export const sameInfo = (record: ModelInfo, info: ModelInfo): boolean =>
  record.type === info.type && record.path === info.path && record.encKey === info.encKey;

/**
 * What stands behind the key, as one text: it changes when the key is registered anew, were it with the same words, and with everything that a
 * runtime loads by. Holds `encKey`, so it is never shown.
 */
export const artifactOf = ({ createdAtMs, type, path, encKey }: ModelRecord): string =>
  JSON.stringify([createdAtMs, type, path, encKey]);

/** What {@link newModelRecord} must be told; everything else has a default. */
export type NewModelRecord = Pick<ModelRecord, 'key' | 'type'> & Partial<Omit<ModelRecord, 'kind' | 'key' | 'type'>>;

const NEVER: EpochMs = epochMs(0);

/** No entries. Shared by all records: with an empty map for each field a record would take three times the memory. */
export const NO_ENTRIES: ReadonlyMap<never, never> = new Map<never, never>();
const NO_WARMUP: readonly WarmupRequest[] = [];

/** A record with no copy, no failure and no reference, except for what `fields` say. @throws {Bug} if an instance is in both maps. */
export function newModelRecord(fields: NewModelRecord): ModelRecord {
  const record: ModelRecord = {
    kind: 'model',
    namespace: DEFAULT_NAMESPACE,
    path: '',
    encKey: '',
    copies: NO_ENTRIES,
    failures: NO_ENTRIES,
    refs: 0,
    autoDelete: false,
    lastUsedMs: NEVER,
    lastUnloadMs: NEVER,
    family: undefined,
    version: undefined,
    format: undefined,
    labels: NO_ENTRIES,
    declaredMemoryBytes: undefined,
    copiesPolicy: DEFAULT_COPIES_POLICY,
    retry: 'safe',
    sha256: undefined,
    createdAtMs: NEVER,
    warmup: NO_WARMUP,
    generation: 0,
    unknownFields: NO_ENTRIES,
    ...fields,
  };
  for (const instance of record.copies.keys()) {
    if (record.failures.has(instance)) throw new Bug(`model ${record.key} has a copy and a failure in ${instance}`);
  }
  return record;
}

const withEntry = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> => new Map(map).set(key, value);
const withoutEntry = <K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> => {
  if (!map.has(key)) return map;
  const rest = new Map(map);
  rest.delete(key);
  return rest;
};

/** `instance` loads or holds a copy since `atMs`; an earlier failure there is forgotten. */
export const withCopyClaimed = (record: ModelRecord, instance: InstanceId, atMs: EpochMs): ModelRecord => ({
  ...record,
  copies: withEntry(record.copies, instance, atMs),
  failures: withoutEntry(record.failures, instance),
});

/** `instance` holds no copy any more, for a reason that says nothing of the model: it left, or its runtime was lost. */
export const withCopyWithdrawn = (record: ModelRecord, instance: InstanceId): ModelRecord =>
  record.copies.has(instance) ? { ...record, copies: withoutEntry(record.copies, instance) } : record;

/** Copies that must remain after an unload for its instant to be kept (spec `modelmesh.md` §3.2, `lul`). */
export const UNLOAD_STAMP_COPIES_MIN = 3;

/** `instance` unloaded its copy at `atMs`. The stamp keeps scaling from adding a copy again at once, and matters only where many remain. */
export function withCopyUnloaded(record: ModelRecord, instance: InstanceId, atMs: EpochMs): ModelRecord {
  const rest = withCopyWithdrawn(record, instance);
  return { ...rest, lastUnloadMs: rest.copies.size >= UNLOAD_STAMP_COPIES_MIN ? atMs : NEVER };
}

/** A load in `instance` failed; whatever copy it claimed is gone. */
export const withFailure = (record: ModelRecord, instance: InstanceId, failure: LoadFailure): ModelRecord => ({
  ...record,
  copies: withoutEntry(record.copies, instance),
  failures: withEntry(record.failures, instance, {
    atMs: failure.atMs,
    message: failure.message.slice(0, LOAD_FAILURE_MESSAGE_CHARS_MAX),
  }),
});

/** Forgets every failure, as a new artifact or an operator's wish does. */
export const withoutFailures = (record: ModelRecord): ModelRecord =>
  record.failures.size === 0 ? record : { ...record, failures: NO_ENTRIES };

/** Forgets the failures at or before `untilMs`; the same record if there are none. */
export function withoutFailuresUntil(record: ModelRecord, untilMs: EpochMs): ModelRecord {
  const kept = [...record.failures].filter(([, failure]) => failure.atMs > untilMs);
  return kept.length === record.failures.size ? record : { ...record, failures: new Map(kept) };
}

/** Forgets the failure of one instance, for instance of one that left. */
export const withoutFailureOf = (record: ModelRecord, instance: InstanceId): ModelRecord =>
  record.failures.has(instance) ? { ...record, failures: withoutEntry(record.failures, instance) } : record;

/** Moves the published last use forward; the same record if `atMs` is not later. */
export const withLastUsed = (record: ModelRecord, atMs: EpochMs): ModelRecord =>
  atMs > record.lastUsedMs ? { ...record, lastUsedMs: atMs } : record;

/** Adds to (or with a negative `delta` takes from) the references. @throws {Bug} if fewer than none would remain. */
export function withRefs(record: ModelRecord, delta: number): ModelRecord {
  if (record.refs + delta < 0) throw new Bug(`model ${record.key} would have ${record.refs + delta} references`);
  return delta === 0 ? record : { ...record, refs: record.refs + delta };
}

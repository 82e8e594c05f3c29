import {
  bytes,
  durationMs,
  type EpochMs,
  epochMs,
  type InstanceId,
  instanceId,
  type ModelKey,
  type Namespace,
} from '@modelmesh/core';
import {
  type CopiesPolicy,
  DEFAULT_COPIES_POLICY,
  type LoadFailure,
  type ModelFormat,
  type ModelRecord,
  NO_ENTRIES,
  newModelRecord,
  type OpaqueFields,
  type RetryPolicy,
} from '@modelmesh/core/records';
import { longOf } from './json.ts';
import type { ObjectReader } from './object-reader.ts';
import { mapOf, ObjectWriter, objectOf, restOf, unless } from './object-writer.ts';

/** The type that a record without one has; source: spec `modelmesh.md` §3.2. */
const HISTORIC_TYPE = 'NLCLASSIFIER';

function readInstances(reader: ObjectReader, name: string): ReadonlyMap<InstanceId, EpochMs> {
  const times = reader.object(name);
  const names = times.names();
  if (names.length === 0) return NO_ENTRIES;
  return new Map(
    names.map((id) => {
      if (id === '' || id.includes(',')) throw times.refusal(id, 'named by an instance id');
      return [instanceId(id), epochMs(times.integer(id) ?? 0)];
    }),
  );
}

function readFailures(reader: ObjectReader, copies: ReadonlyMap<InstanceId, EpochMs>): ReadonlyMap<InstanceId, LoadFailure> {
  const times = readInstances(reader, 'failedIn');
  const messages = reader.object('fails');
  if (times.size === 0) return NO_ENTRIES;
  const failures = new Map<InstanceId, LoadFailure>();
  const texts = new Map(messages.names().map((id) => [id, messages.object(id).string('msg')]));
  for (const [id, atMs] of times) {
    // No writer leaves an instance in both maps; if one did, the copy is what can be used.
    if (!copies.has(id)) failures.set(id, { atMs, message: texts.get(id) ?? '' });
  }
  return failures;
}

function readFormat(reader: ObjectReader): ModelFormat | undefined {
  const format = reader.optionalObject('format');
  return format === undefined ? undefined : { name: format.string('name') ?? '', version: format.string('version') };
}

function readCopiesPolicy(reader: ObjectReader): CopiesPolicy {
  const policy = reader.optionalObject('copies');
  if (policy === undefined) return DEFAULT_COPIES_POLICY;
  const max = policy.natural('max');
  const idleAfterMs = policy.natural('idleAfterMs');
  return {
    min: policy.natural('min') ?? DEFAULT_COPIES_POLICY.min,
    max,
    pin: policy.boolean('pin'),
    idleAfterMs: idleAfterMs === undefined ? undefined : durationMs(idleAfterMs),
  };
}

function readRetry(reader: ObjectReader): RetryPolicy {
  const retry = reader.string('retry') ?? 'safe';
  if (retry !== 'safe' && retry !== 'never') throw reader.refusal('retry', 'safe or never');
  return retry;
}

function readLabels(reader: ObjectReader): ReadonlyMap<string, string> {
  const labels = reader.object('labels');
  const names = labels.names();
  return names.length === 0 ? NO_ENTRIES : new Map(names.map((name) => [name, labels.string(name) ?? '']));
}

/** Our own fields, which stand together in the property `mesh`. */
function readOurs(reader: ObjectReader) {
  const memoryBytes = reader.natural('memoryBytes');
  return {
    family: reader.string('family'),
    version: reader.string('version'),
    format: readFormat(reader),
    labels: readLabels(reader),
    declaredMemoryBytes: memoryBytes === undefined ? undefined : bytes(memoryBytes),
    copiesPolicy: readCopiesPolicy(reader),
    retry: readRetry(reader),
    sha256: reader.string('sha256'),
    createdAtMs: epochMs(reader.integer('createdAtMs') ?? 0),
    warmup: reader.objects('warmup').map((request) => ({ request: request.string('request') ?? '' })),
    generation: reader.natural('generation') ?? 0,
  };
}

/** Reads a ModelRecord (spec `modelmesh.md` §3.2) with our additions. */
export function readModelRecord(reader: ObjectReader, key: ModelKey, namespace: Namespace): ModelRecord {
  const copies = readInstances(reader, 'instanceIds');
  return newModelRecord({
    key,
    namespace,
    type: reader.string('type') ?? HISTORIC_TYPE,
    path: reader.string('mPath') ?? '',
    encKey: reader.string('encKey') ?? '',
    copies,
    failures: readFailures(reader, copies),
    refs: reader.natural('refs') ?? 0,
    autoDelete: reader.boolean('autoDel'),
    lastUsedMs: epochMs(reader.integer('lu') ?? 0),
    lastUnloadMs: epochMs(reader.integer('lul') ?? 0),
    ...readOurs(reader.object('mesh')),
    unknownFields: reader.rest(),
  });
}

const orUndefined = (value: number): unknown => (value === 0 ? undefined : longOf(value));

function copiesPolicyObject(policy: CopiesPolicy, rest: OpaqueFields): object | undefined {
  if (policy === DEFAULT_COPIES_POLICY && rest.size === 0) return undefined;
  const writer = new ObjectWriter(rest);
  writer.put('min', unless(policy.min, DEFAULT_COPIES_POLICY.min));
  writer.put('max', policy.max);
  writer.put('pin', unless(policy.pin, false));
  writer.put('idleAfterMs', policy.idleAfterMs);
  return writer.object();
}

function formatObject(format: ModelFormat | undefined, rest: OpaqueFields): object | undefined {
  const writer = new ObjectWriter(rest);
  writer.put('name', format?.name);
  writer.put('version', format?.version);
  return writer.object();
}

function oursObject(record: ModelRecord, rest: OpaqueFields): object | undefined {
  const { warmup } = record;
  const warmupRest = restOf(rest, 'warmup');
  const writer = new ObjectWriter(rest);
  writer.put('family', record.family);
  writer.put('version', record.version);
  writer.put('format', formatObject(record.format, restOf(rest, 'format')));
  writer.put(
    'labels',
    mapOf(record.labels, (value) => value),
  );
  writer.put('memoryBytes', record.declaredMemoryBytes);
  writer.put('copies', copiesPolicyObject(record.copiesPolicy, restOf(rest, 'copies')));
  writer.put('retry', unless(record.retry, 'safe'));
  writer.put('sha256', record.sha256);
  writer.put('createdAtMs', orUndefined(record.createdAtMs));
  if (warmup.length > 0) {
    writer.put(
      'warmup',
      warmup.map(({ request }, at) => objectOf([['request', request]], restOf(warmupRest, String(at)))),
    );
  }
  writer.put('generation', unless(record.generation, 0));
  return writer.object();
}

/** The properties of a ModelRecord in ModelMesh's order, defaults left out. */
export function modelRecordObject(record: ModelRecord): object {
  const rest = record.unknownFields;
  const failsRest = restOf(rest, 'fails');
  const writer = new ObjectWriter(rest);
  writer.put('type', unless(record.type, HISTORIC_TYPE));
  writer.put('encKey', unless(record.encKey, ''));
  writer.put('mPath', unless(record.path, ''));
  writer.put('autoDel', unless(record.autoDelete, false));
  writer.put('instanceIds', mapOf(record.copies, longOf));
  writer.put(
    'failedIn',
    mapOf(record.failures, ({ atMs }) => longOf(atMs)),
  );
  writer.put(
    'fails',
    mapOf(record.failures, ({ message }, id) => objectOf([['msg', unless(message, '')]], restOf(failsRest, id))),
  );
  writer.put('refs', unless(record.refs, 0));
  writer.put('lu', orUndefined(record.lastUsedMs));
  writer.put('lul', orUndefined(record.lastUnloadMs));
  writer.put('mesh', oursObject(record, restOf(rest, 'mesh')));
  return writer.object() ?? {};
}

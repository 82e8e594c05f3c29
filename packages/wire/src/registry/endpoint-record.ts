import { type EndpointId, epochMs, type ModelKey, modelKey, type Namespace } from '@modelmesh/core';
import {
  type EndpointRecord,
  newEndpointPolicy,
  newEndpointRecord,
  newPolicyRecord,
  newVariant,
  type PolicyRecord,
  type PolicyRevision,
  type Variant,
} from '@modelmesh/core/records';
import { longOf } from './json.ts';
import type { ObjectReader } from './object-reader.ts';
import { objectOf, type Property, restOf, unless } from './object-writer.ts';

function readModel(reader: ObjectReader, name: string): ModelKey | undefined {
  const text = reader.string(name);
  return text === undefined || text === '' ? undefined : modelKey(text);
}

/** Reads a VModelRecord (spec `modelmesh.md` §3.2) with the revision of our policy. */
export function readEndpointRecord(reader: ObjectReader, id: EndpointId, namespace: Namespace): EndpointRecord {
  const active = readModel(reader, 'amid');
  const target = readModel(reader, 'tmid');
  const either = active ?? target;
  if (either === undefined) throw reader.refusal('amid', 'the id of a model');
  return newEndpointRecord({
    id,
    namespace,
    owner: reader.string('o') ?? '',
    active: either,
    target: target ?? either,
    failed: reader.boolean('failed'),
    policyRevision: reader.object('mesh').natural('revision') ?? 0,
    unknownFields: reader.rest(),
  });
}

/** The properties of a VModelRecord in ModelMesh's order, defaults left out. */
export function endpointRecordObject(record: EndpointRecord): object {
  const ours: Property[] = [['revision', unless(record.policyRevision, 0)]];
  const known: Property[] = [
    ['o', unless(record.owner, '')],
    ['amid', record.active],
    ['tmid', record.target],
    ['failed', unless(record.failed, false)],
    ['mesh', objectOf(ours, restOf(record.unknownFields, 'mesh'))],
  ];
  return objectOf(known, record.unknownFields) ?? {};
}

function readVariant(reader: ObjectReader): Variant {
  const model = readModel(reader, 'model');
  if (model === undefined) throw reader.refusal('model', 'the key of a model');
  const label = reader.string('label');
  const labels = label === undefined ? [] : [label];
  return newVariant({ name: reader.string('name') ?? '', model, weight: reader.weight('weight') ?? 0, labels });
}

/**
 * Reads a policy. `revision` is that of the key for a policy of the history; the one in force says its own.
 */
export function readPolicyRecord(
  reader: ObjectReader,
  id: EndpointId,
  namespace: Namespace,
  revision?: PolicyRevision,
): PolicyRecord {
  const stored = reader.natural('revision') ?? 0;
  return newPolicyRecord({
    id,
    namespace,
    revision: revision ?? stored,
    owner: reader.string('owner') ?? '',
    createdAtMs: epochMs(reader.integer('createdAtMs') ?? 0),
    policy: newEndpointPolicy({
      variants: reader.objects('variants').map(readVariant),
      defaultVariant: reader.string('default') ?? '',
    }),
    unknownFields: reader.rest(),
  });
}

/** The properties of a policy. */
export function policyRecordObject(record: PolicyRecord): object {
  const { variants, defaultVariant } = record.policy;
  const variantsRest = restOf(record.unknownFields, 'variants');
  const known: Property[] = [
    ['revision', record.revision],
    ['owner', unless(record.owner, '')],
    ['createdAtMs', record.createdAtMs === 0 ? undefined : longOf(record.createdAtMs)],
    ['variants', variants.map((variant, at) => variantObject(variant, restOf(variantsRest, String(at))))],
    ['default', defaultVariant],
  ];
  return objectOf(known, record.unknownFields) ?? {};
}

const variantObject = (
  { name, model, weight, labels: [label] }: Variant,
  rest: ReadonlyMap<string, unknown>,
): object | undefined =>
  objectOf(
    [
      ['name', name],
      ['model', model],
      ['weight', weight],
      ['label', label],
    ],
    rest,
  );

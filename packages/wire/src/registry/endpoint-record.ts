import { type EndpointId, type ModelKey, modelKey, type Namespace } from '@modelmesh/core';
import { type EndpointRecord, newEndpointRecord } from '@modelmesh/core/records';
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

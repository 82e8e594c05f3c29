import { assertNever, MeshError } from '@modelmesh/core';
import { POLICY_BYTES_MAX, type RecordKey, type RegistryRecord } from '@modelmesh/core/records';
import { endpointRecordObject, readEndpointRecord } from './endpoint-record.ts';
import { instanceRecordObject, readInstanceRecord } from './instance-record.ts';
import { losslessStringify } from './json.ts';
import { modelRecordObject, readModelRecord } from './model-record.ts';
import { ObjectReader } from './object-reader.ts';
import { policyAckRecordObject, readPolicyAckRecord } from './policy-ack-record.ts';
import { policyRecordObject, readPolicyRecord } from './policy-record.ts';
import { figuresRecordObject, readFiguresRecord, readWeightsRecord, weightsRecordObject } from './strategy-record.ts';

const nameOf = (key: RecordKey): string => (key.kind === 'model' ? key.key : key.id);

/**
 * Reads the record stored at `key` (spec `modelmesh.md` §3.2). Properties that this version does not know are kept in `unknownFields`, at
 * every depth, and written back unchanged by {@link encodeRecord}; a property that is null counts as absent.
 *
 * @throws {MeshError} `internal` with the record and the property if it cannot be understood.
 */
export function decodeRecord(key: RecordKey, text: string): RegistryRecord {
  const reader = ObjectReader.parse(`${key.kind} ${nameOf(key)}`, text);
  switch (key.kind) {
    case 'model':
      return readModelRecord(reader, key.key, key.namespace);
    case 'endpoint':
      return readEndpointRecord(reader, key.id, key.namespace);
    case 'policy':
      return readPolicyRecord(reader, key.id, key.namespace);
    case 'policy-revision':
      return readPolicyRecord(reader, key.id, key.namespace, key.revision);
    case 'instance':
      return readInstanceRecord(reader, key.id);
    case 'weights':
      return readWeightsRecord(reader, key.id, key.namespace);
    case 'figures':
      return readFiguresRecord(reader, key.id);
    case 'policy-ack':
      return readPolicyAckRecord(reader, key.id);
    default:
      return assertNever(key);
  }
}

function objectOfRecord(record: RegistryRecord): object {
  switch (record.kind) {
    case 'model':
      return modelRecordObject(record);
    case 'endpoint':
      return endpointRecordObject(record);
    case 'policy':
      return policyRecordObject(record);
    case 'instance':
      return instanceRecordObject(record);
    case 'weights':
      return weightsRecordObject(record);
    case 'figures':
      return figuresRecordObject(record);
    case 'policy-ack':
      return policyAckRecordObject(record);
    default:
      return assertNever(record);
  }
}

/**
 * The stored form of a record: JSON in ModelMesh's order, default values left out, ours together in the property `mesh`.
 *
 * @throws {MeshError} `too-large` if a policy is longer than {@link POLICY_BYTES_MAX}.
 */
export function encodeRecord(record: RegistryRecord): string {
  const text = losslessStringify(objectOfRecord(record));
  if (record.kind === 'policy' && Buffer.byteLength(text) > POLICY_BYTES_MAX) {
    const size = `${Buffer.byteLength(text)} bytes`;
    throw new MeshError('too-large', `the policy of endpoint ${record.id} takes ${size}, at most ${POLICY_BYTES_MAX} are kept`);
  }
  return text;
}

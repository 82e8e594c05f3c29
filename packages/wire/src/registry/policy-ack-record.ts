import { type InstanceId, revision } from '@modelmesh/core';
import { newPolicyAckRecord, type PolicyAckRecord } from '@modelmesh/core/records';
import type { ObjectReader } from './object-reader.ts';
import { objectOf } from './object-writer.ts';

/** Reads how far an instance has come with policies. */
export const readPolicyAckRecord = (reader: ObjectReader, instance: InstanceId): PolicyAckRecord =>
  newPolicyAckRecord({ instance, revision: revision(reader.natural('revision') ?? 0), unknownFields: reader.rest() });

/** The properties of such a record. */
export const policyAckRecordObject = (record: PolicyAckRecord): object =>
  objectOf([['revision', record.revision]], record.unknownFields) ?? {};

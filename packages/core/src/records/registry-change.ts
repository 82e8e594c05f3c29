import { type Revision, revision } from '../units.ts';
import type { EndpointRecord, PolicyRecord } from './endpoint-record.ts';
import type { InstanceRecord } from './instance-record.ts';
import type { ModelRecord } from './model-record.ts';
import type { PolicyAckRecord } from './policy-ack-record.ts';
import {
  endpointRecordKey,
  figuresRecordKey,
  instanceRecordKey,
  modelRecordKey,
  type PolicyRevisionKey,
  policyAckKey,
  policyRecordKey,
  policyRevisionKey,
  type RecordKey,
  weightsRecordKey,
} from './record-key.ts';
import type { FiguresRecord, WeightsRecord } from './strategy-record.ts';

/** Any record that the registry holds under a key of its own. */
export type RegistryRecord =
  | ModelRecord
  | EndpointRecord
  | PolicyRecord
  | InstanceRecord
  | WeightsRecord
  | FiguresRecord
  | PolicyAckRecord;

/** A record together with the revision that a compare-and-set must name. */
export interface Versioned<R extends RegistryRecord> {
  readonly record: R;
  /** Revision of the transaction that wrote it last. */
  readonly revision: Revision;
}

/** The revision of a key that does not exist. */
export const ABSENT: Revision = revision(0);

/** What a transaction demands of a key: this revision ({@link ABSENT} = no such key), or nothing. */
export type ExpectedRevision = Revision | 'any';

/** One operation of a transaction. All operations of a transaction happen together or not at all. */
export type RegistryWrite =
  | { readonly kind: 'put'; readonly key: RecordKey; readonly record: RegistryRecord; readonly expected: ExpectedRevision }
  | { readonly kind: 'delete'; readonly key: RecordKey; readonly expected: ExpectedRevision }
  | { readonly kind: 'check'; readonly key: RecordKey; readonly expected: Revision };

/** What a watch of the registry tells, in the order of revisions; all events of one transaction carry the same revision. */
export type RegistryEvent =
  | { readonly kind: 'put'; readonly key: RecordKey; readonly record: RegistryRecord; readonly revision: Revision }
  | { readonly kind: 'delete'; readonly key: RecordKey; readonly revision: Revision };

/** The key under which a record lives; a policy of the history has {@link historyKeyOf} beside it. */
export function keyOf(record: RegistryRecord): RecordKey {
  switch (record.kind) {
    case 'model':
      return modelRecordKey(record.key, record.namespace);
    case 'endpoint':
      return endpointRecordKey(record.id, record.namespace);
    case 'policy':
      return policyRecordKey(record.id, record.namespace);
    case 'instance':
      return instanceRecordKey(record.id);
    case 'weights':
      return weightsRecordKey(record.id, record.namespace);
    case 'figures':
      return figuresRecordKey(record.instance);
    case 'policy-ack':
      return policyAckKey(record.instance);
  }
}

/** The key under which a policy stays when a later one has replaced it. */
export const historyKeyOf = (policy: PolicyRecord): PolicyRevisionKey =>
  policyRevisionKey(policy.id, policy.revision, policy.namespace);

/** Writes `record` where it belongs. */
export const putOf = (record: RegistryRecord, expected: ExpectedRevision): RegistryWrite => ({
  kind: 'put',
  key: keyOf(record),
  record,
  expected,
});

/** Deletes what is at `key`. */
export const deleteOf = (key: RecordKey, expected: ExpectedRevision): RegistryWrite => ({ kind: 'delete', key, expected });

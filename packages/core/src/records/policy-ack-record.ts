import { type InstanceId, type Revision, revision } from '../units.ts';
import type { OpaqueFields } from './model-record.ts';

/**
 * How far an instance has come with the policies of endpoints: its whole data plane runs everything that was written of endpoints up to
 * `revision`. It lives as long as the instance's own record.
 */
export interface PolicyAckRecord {
  readonly kind: 'policy-ack';
  readonly instance: InstanceId;
  /** Revision of the registry, not of one policy. */
  readonly revision: Revision;
  readonly unknownFields: OpaqueFields;
}

/** What {@link newPolicyAckRecord} must be told; everything else has a default. */
export type NewPolicyAckRecord = Pick<PolicyAckRecord, 'instance'> & Partial<Omit<PolicyAckRecord, 'kind' | 'instance'>>;

/** Of an instance that runs nothing yet, except for what `fields` say. */
export const newPolicyAckRecord = (fields: NewPolicyAckRecord): PolicyAckRecord => ({
  kind: 'policy-ack',
  revision: revision(0),
  unknownFields: new Map(),
  ...fields,
});

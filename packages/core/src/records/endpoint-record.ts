import { DEFAULT_NAMESPACE, type EndpointId, type EpochMs, epochMs, type ModelKey, type Namespace } from '../units.ts';
import type { EndpointPolicy, SlotAssignment } from './endpoint-policy.ts';
import type { OpaqueFields } from './model-record.ts';
import type { PolicyRevision } from './record-key.ts';

/**
 * A stable name and the model that answers for it: ModelMesh's vmodel (spec `modelmesh.md` §3.2, §5.1).
 *
 * In transition while `active` and `target` differ; each of them is a reference to its model, counted once even when they are the same.
 */
export interface EndpointRecord {
  readonly kind: 'endpoint';
  readonly id: EndpointId;
  readonly namespace: Namespace;
  /** Who may change it; empty = anyone. */
  readonly owner: string;
  /** The model that answers calls. */
  readonly active: ModelKey;
  /** The model that will answer them once a copy is loaded. */
  readonly target: ModelKey;
  /** The target's load failed; cleared by a new target or a copy that loads. */
  readonly failed: boolean;

  /** The policy in force, kept under its own key; 0 = the endpoint has none and is a plain vmodel. */
  readonly policyRevision: PolicyRevision;
  readonly unknownFields: OpaqueFields;
}

/** What {@link newEndpointRecord} must be told; everything else has a default. */
export type NewEndpointRecord = Pick<EndpointRecord, 'id' | 'active'> & Partial<Omit<EndpointRecord, 'kind' | 'id' | 'active'>>;

/** An endpoint without owner, policy or transition, except for what `fields` say. */
export const newEndpointRecord = (fields: NewEndpointRecord): EndpointRecord => ({
  kind: 'endpoint',
  namespace: DEFAULT_NAMESPACE,
  owner: '',
  target: fields.active,
  failed: false,
  policyRevision: 0,
  unknownFields: new Map(),
  ...fields,
});

/** Whether calls still go to another model than the one wanted. */
export const inTransition = (record: EndpointRecord): boolean => record.active !== record.target;

/**
 * The distinct models that an endpoint refers to, each once: the active one, the target while in transition, and those of all variants of the
 * policy in force.
 */
export const referencedModels = (record: EndpointRecord, policy?: EndpointPolicy): readonly ModelKey[] => [
  ...new Set([record.active, record.target, ...(policy?.variants.map(({ model }) => model) ?? [])]),
];

/** Asks for another model; calls go on to the active one until {@link withTransitionDone}. */
export const withTarget = (record: EndpointRecord, target: ModelKey): EndpointRecord => ({ ...record, target, failed: false });

/** The target answers from now on. */
export const withTransitionDone = (record: EndpointRecord): EndpointRecord => ({
  ...record,
  active: record.target,
  failed: false,
});

/** The target's load failed; the active model goes on. */
export const withTransitionFailed = (record: EndpointRecord): EndpointRecord =>
  record.failed ? record : { ...record, failed: true };

/** The policy in force of an endpoint, and under another key each one that was. Below {@link POLICY_BYTES_MAX} as stored. */
export interface PolicyRecord {
  readonly kind: 'policy';
  readonly id: EndpointId;
  readonly namespace: Namespace;
  readonly revision: PolicyRevision;
  readonly owner: string;
  readonly createdAtMs: EpochMs;
  readonly policy: EndpointPolicy;
  readonly slots: SlotAssignment;
  readonly unknownFields: OpaqueFields;
}

/** The longest stored form of a policy, in bytes; the codec refuses more. */
export const POLICY_BYTES_MAX = 256 * 1024;

/** Policies of one endpoint that are kept, the one in force included; older ones are deleted with the write that adds one. */
export const POLICY_HISTORY_MAX = 10;

/** What {@link newPolicyRecord} must be told; everything else has a default. */
export type NewPolicyRecord = Pick<PolicyRecord, 'id' | 'revision' | 'policy'> &
  Partial<Omit<PolicyRecord, 'kind' | 'id' | 'revision' | 'policy'>>;

/** A policy without owner, except for what `fields` say. */
export const newPolicyRecord = (fields: NewPolicyRecord): PolicyRecord => ({
  kind: 'policy',
  namespace: DEFAULT_NAMESPACE,
  owner: '',
  createdAtMs: epochMs(0),
  slots: new Map(),
  unknownFields: new Map(),
  ...fields,
});

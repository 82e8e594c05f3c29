import { DEFAULT_NAMESPACE, type EndpointId, type InstanceId, type ModelKey, type Namespace } from '../units.ts';

/** Number of a policy within its endpoint: 1 for the first, one more with every change; 0 where an endpoint never had a policy. */
export type PolicyRevision = number;

/** Where a model's record lives: `/registry/<key>` (spec `modelmesh.md` §3.1). */
export interface ModelRecordKey {
  readonly kind: 'model';
  readonly namespace: Namespace;
  readonly key: ModelKey;
}

/** Where an endpoint's record lives: `/vmodels/<id>`. */
export interface EndpointRecordKey {
  readonly kind: 'endpoint';
  readonly namespace: Namespace;
  readonly id: EndpointId;
}

/** Where the policy in force of an endpoint lives: `/endpoints/<id>`. */
export interface PolicyRecordKey {
  readonly kind: 'policy';
  readonly namespace: Namespace;
  readonly id: EndpointId;
}

/** Where one policy of an endpoint's history lives: `/endpoint-revisions/<id>/<revision>`. */
export interface PolicyRevisionKey {
  readonly kind: 'policy-revision';
  readonly namespace: Namespace;
  readonly id: EndpointId;
  readonly revision: PolicyRevision;
}

/** Where an instance's record lives: `/instances/<id>`. Instances belong to no namespace. */
export interface InstanceRecordKey {
  readonly kind: 'instance';
  readonly id: InstanceId;
}

/** Where the weights lie that the strategy of an endpoint set: `/endpoint-weights/<id>`. */
export interface WeightsRecordKey {
  readonly kind: 'weights';
  readonly namespace: Namespace;
  readonly id: EndpointId;
}

/** Where what an instance counted for strategies lies: `/strategy-figures/<instance>`. Instances belong to no namespace. */
export interface FiguresRecordKey {
  readonly kind: 'figures';
  readonly id: InstanceId;
}

/** Where an instance says how far it has come with policies: `/policy-acks/<id>`. Instances belong to no namespace. */
export interface PolicyAckKey {
  readonly kind: 'policy-ack';
  readonly id: InstanceId;
}

/** The name of any record; `wire` turns it into the registry's key and back. */
export type RecordKey =
  | ModelRecordKey
  | EndpointRecordKey
  | PolicyRecordKey
  | PolicyRevisionKey
  | InstanceRecordKey
  | WeightsRecordKey
  | FiguresRecordKey
  | PolicyAckKey;

/** The key of a model's record. */
export const modelRecordKey = (key: ModelKey, namespace: Namespace = DEFAULT_NAMESPACE): ModelRecordKey => ({
  kind: 'model',
  namespace,
  key,
});
/** The key of an endpoint's record. */
export const endpointRecordKey = (id: EndpointId, namespace: Namespace = DEFAULT_NAMESPACE): EndpointRecordKey => ({
  kind: 'endpoint',
  namespace,
  id,
});
/** The key of the policy in force of an endpoint. */
export const policyRecordKey = (id: EndpointId, namespace: Namespace = DEFAULT_NAMESPACE): PolicyRecordKey => ({
  kind: 'policy',
  namespace,
  id,
});
/** The key of one policy of an endpoint's history. */
export const policyRevisionKey = (
  id: EndpointId,
  revision: PolicyRevision,
  namespace: Namespace = DEFAULT_NAMESPACE,
): PolicyRevisionKey => ({ kind: 'policy-revision', namespace, id, revision });
/** The key of an instance's record. */
export const instanceRecordKey = (id: InstanceId): InstanceRecordKey => ({ kind: 'instance', id });
/** The key of the weights that the strategy of an endpoint set. */
export const weightsRecordKey = (id: EndpointId, namespace: Namespace = DEFAULT_NAMESPACE): WeightsRecordKey => ({
  kind: 'weights',
  namespace,
  id,
});
/** The key of what an instance counted for strategies. */
export const figuresRecordKey = (id: InstanceId): FiguresRecordKey => ({ kind: 'figures', id });
/** The key under which an instance acknowledges policies. */
export const policyAckKey = (id: InstanceId): PolicyAckKey => ({ kind: 'policy-ack', id });

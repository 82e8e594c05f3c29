/** What strategies that run in control write: the figures of each node, and the weights that follow from those of all. */
import { DEFAULT_NAMESPACE, type EndpointId, type EpochMs, type InstanceId, type Namespace } from '../units.ts';
import type { SlotRun } from './endpoint-policy.ts';
import type { OpaqueFields } from './model-record.ts';
import type { PolicyRevision } from './record-key.ts';

/** What came of the calls of one variant, since its endpoint has this policy. */
export interface ArmFigures {
  /** Name of the variant. */
  readonly variant: string;
  /** Calls that say something of the variant: answered, or failed by its fault. */
  readonly calls: number;
  /** Those of them that went as they should: answered, and in time where the policy says what that is. */
  readonly rewards: number;
}

/** The figures of one endpoint, as one node counted them. */
export interface EndpointFigures {
  readonly namespace: Namespace;
  readonly id: EndpointId;
  readonly revision: PolicyRevision;
  /** When that policy was written: the revisions of an endpoint that is deleted and made anew begin anew too. */
  readonly policyAtMs: EpochMs;
  readonly arms: readonly ArmFigures[];
}

/** What one life of one instance counted, for endpoints whose strategy learns. Removed with the instance. */
export interface FiguresRecord {
  readonly kind: 'figures';
  readonly instance: InstanceId;
  /** Another life of the instance counts from 0. */
  readonly incarnation: string;
  readonly endpoints: readonly EndpointFigures[];
  readonly unknownFields: OpaqueFields;
}

/** Endpoints of one {@link FiguresRecord}; those of further ones are not published. */
export const FIGURES_ENDPOINTS_MAX = 500;

/** The weights of an endpoint as its strategy set them last. They hold for one revision of its policy. */
export interface WeightsRecord {
  readonly kind: 'weights';
  readonly id: EndpointId;
  readonly namespace: Namespace;
  readonly revision: PolicyRevision;
  /** Grows by one with every change under a revision. */
  readonly sequence: number;
  readonly changedAtMs: EpochMs;
  /** Slots of the main split, made from those before, so that sticky units move as little as can be. */
  readonly slots: readonly SlotRun[];
  /** Figures of lives that are over, which no {@link FiguresRecord} holds any more. */
  readonly carried: readonly ArmFigures[];
  readonly unknownFields: OpaqueFields;
}

/** What {@link newFiguresRecord} must be told. */
export type NewFiguresRecord = Pick<FiguresRecord, 'instance' | 'incarnation' | 'endpoints'> & Partial<FiguresRecord>;

/** The figures of a life, without unknown fields unless given. */
export const newFiguresRecord = (fields: NewFiguresRecord): FiguresRecord => ({
  kind: 'figures',
  unknownFields: new Map(),
  ...fields,
});

/** What {@link newWeightsRecord} must be told; everything else has a default. */
export type NewWeightsRecord = Pick<WeightsRecord, 'id' | 'revision' | 'sequence' | 'changedAtMs' | 'slots'> &
  Partial<WeightsRecord>;

/** The weights of an endpoint of the default namespace before any life was over, except for what `fields` say. */
export const newWeightsRecord = (fields: NewWeightsRecord): WeightsRecord => ({
  kind: 'weights',
  namespace: DEFAULT_NAMESPACE,
  carried: [],
  unknownFields: new Map(),
  ...fields,
});

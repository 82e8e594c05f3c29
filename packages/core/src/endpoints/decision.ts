import type { MeshError } from '../errors.ts';
import type {
  EndpointRecord,
  ModelDescription,
  ModelInfo,
  ModelRecord,
  PolicyRecord,
  RegistryWrite,
  Versioned,
  WeightsRecord,
} from '../records/index.ts';
import type { FollowUp, ModelReader } from '../registration/index.ts';
import type { EndpointId, EpochMs, ModelKey, Namespace } from '../units.ts';
import type { PolicyAbilities } from './policy-check.ts';

/** Where decisions read records; the registry view is one. */
export interface EndpointReader extends ModelReader {
  endpoint(namespace: Namespace, id: EndpointId): Versioned<EndpointRecord> | undefined;
  policy(namespace: Namespace, id: EndpointId): Versioned<PolicyRecord> | undefined;
  weights(namespace: Namespace, id: EndpointId): Versioned<WeightsRecord> | undefined;
}

/** What a decision knows beside the records. */
export interface EndpointEnv {
  readonly nowMs: EpochMs;
  /** Owner of a vmodel that names none (`MM_DEFAULT_VMODEL_OWNER`); empty = no owner. */
  readonly defaultOwner?: string;
  /** The node must not write. */
  readonly readOnly?: boolean;
  /** What policies may ask for; left out: nothing of that is checked. */
  readonly abilities?: PolicyAbilities;
  /** Whether a copy of the model is known to be loaded. */
  isLoaded(namespace: Namespace, key: ModelKey): boolean;
}

/** `setVModel` (spec `modelmesh.md` §1.1, §5.2). Empty strings mean "not given", as on the wire. */
export interface SetEndpointRequest {
  readonly namespace: Namespace;
  readonly vModelId: string;
  readonly targetModelId: string;
  readonly owner: string;
  /** Refuse to create the endpoint. */
  readonly updateOnly: boolean;
  /** Create the target with this if it is absent; `undefined` = it must exist. */
  readonly modelInfo: ModelInfo | undefined;
  /** What is known of a target beyond `modelInfo`; used when it is created. */
  readonly modelDescription?: Partial<ModelDescription>;
  /** Only with `modelInfo`: a target that this call creates is deleted with its last reference. */
  readonly autoDeleteTargetModel: boolean;
  readonly loadNow: boolean;
  /** Switch at once, loaded or not. */
  readonly force: boolean;
  /** The answer waits until the transition is done, has failed, or another target was set. */
  readonly sync: boolean;
  /** Compare-and-set guard; may be the target itself: "absent or already this". */
  readonly expectedTargetModelId: string;
}

/** What follows a decision about an endpoint. */
export type EndpointFollowUp =
  | FollowUp
  /** The transition engine brings the target up; with `sync` the answer waits for it, at most {@link TRANSITION_WAIT_MAX_MS}. */
  | { readonly kind: 'await-transition'; readonly id: EndpointId; readonly target: ModelKey; readonly sync: boolean };

/** A model that is loaded ahead of its first call, as warm as those beside it; nobody waits for it. */
export interface WarmedModel {
  readonly model: ModelKey;
  readonly lastUsedMs: EpochMs;
}

/** What a decision about an endpoint came to. A `write` that loses its compare-and-set is decided again on the fresh records. */
export type EndpointDecision =
  | {
      readonly kind: 'write';
      readonly writes: readonly RegistryWrite[];
      /** The record as it will be; `undefined` = it will be gone. */
      readonly endpoint: EndpointRecord | undefined;
      readonly next: EndpointFollowUp;
      readonly warm?: readonly WarmedModel[];
    }
  | { readonly kind: 'no-change'; readonly endpoint: EndpointRecord | undefined; readonly next: EndpointFollowUp }
  | { readonly kind: 'error'; readonly error: MeshError };

/** A model with the revision to write it at, or the absence of one. */
export type ModelSlot = Versioned<ModelRecord> | undefined;

import type { Variant } from '../records/index.ts';
import type { ModelStatus } from '../registration/index.ts';
import type { ModelKey } from '../units.ts';
import { LATEST_NAME, PREVIOUS_NAME } from './inference-service-manifest.ts';
import { pastOf, type ServiceEndpoint } from './plan-inference-service.ts';

/** States of a model by KServe's names; `Standby`: registered, and loaded by the first call. */
export type ServiceModelState = 'Pending' | 'Standby' | 'Loading' | 'Loaded' | 'FailedToLoad';

/** How a service stands, in the words of KServe's status (spec `kserve.md` §1.8). Revisions are keys of models. */
export interface InferenceServiceStatus {
  readonly components: { readonly predictor: PredictorStatus };
  readonly modelStatus: {
    readonly transitionStatus: 'UpToDate' | 'InProgress' | 'BlockedByFailedLoad';
    readonly states: { readonly activeModelState: ServiceModelState; readonly targetModelState: ServiceModelState };
    readonly copies: { readonly totalCopies: number; readonly failedCopies: number };
    /** `null`: the last load of the newest predictor did not fail. */
    readonly lastFailureInfo: {
      readonly reason: 'ModelLoadFailed';
      readonly message: string;
      readonly modelRevisionName: string;
    } | null;
  };
  /** The entries of `spec.canary`. */
  readonly canaryStatuses: readonly { readonly name: string; readonly ready: boolean; readonly trafficPercent: number }[];
}

/** The predictor of a service and how its calls are shared out. */
export interface PredictorStatus {
  readonly latestCreatedRevision: string;
  /** The newest one that is loaded or can be. */
  readonly latestReadyRevision: string;
  readonly latestRolledoutRevision: string;
  /** `null`: none is remembered. */
  readonly previousRolledoutRevision: string | null;
  readonly traffic: readonly {
    readonly revisionName: string;
    readonly percent: number;
    readonly latestRevision: boolean;
    readonly tag: string | null;
  }[];
}

const STATES: Readonly<Record<ModelStatus['status'], ServiceModelState>> = {
  NOT_FOUND: 'Pending',
  NOT_LOADED: 'Standby',
  LOADING: 'Loading',
  LOADED: 'Loaded',
  LOADING_FAILED: 'FailedToLoad',
  UNKNOWN: 'Pending',
};

/** The status of a service from its endpoint as it stands. @param statusOf what is known of a model */
export function inferenceServiceStatus(
  endpoint: ServiceEndpoint,
  statusOf: (model: ModelKey) => ModelStatus,
): InferenceServiceStatus {
  const { latest, rolledOut, before } = pastOf(endpoint);
  const { active, target } = endpoint.record;
  const newest = statusOf(latest);
  const isReady = (model: ModelKey): boolean => statusOf(model).status !== 'LOADING_FAILED';
  const [activeStatus, targetStatus] = [statusOf(active), statusOf(target)];
  const moves = active !== target;
  const failed = newest.status === 'LOADING_FAILED';
  return {
    components: {
      predictor: {
        latestCreatedRevision: latest,
        latestReadyRevision: isReady(latest) ? latest : rolledOut,
        latestRolledoutRevision: rolledOut,
        previousRolledoutRevision: before,
        traffic: trafficOf(endpoint, latest),
      },
    },
    modelStatus: {
      transitionStatus: failed ? 'BlockedByFailedLoad' : moves ? 'InProgress' : 'UpToDate',
      states: { activeModelState: STATES[activeStatus.status], targetModelState: STATES[targetStatus.status] },
      copies: copiesOf(newest),
      lastFailureInfo: failed ? { reason: 'ModelLoadFailed', message: newest.errors[0] ?? '', modelRevisionName: latest } : null,
    },
    canaryStatuses: namedCanaries(endpoint).map(({ name, model, weight }) => ({
      name,
      ready: isReady(model),
      trafficPercent: weight,
    })),
  };
}

/** A variant without a share is remembered and no entry, as with KServe, but for the newest one, which always is. */
function trafficOf({ record, policy }: ServiceEndpoint, latest: ModelKey): PredictorStatus['traffic'] {
  if (policy === null) {
    const { active } = record;
    return [{ revisionName: active, percent: 100, latestRevision: active === latest, tag: null }];
  }
  return policy.variants
    .filter(({ name, weight }) => weight > 0 || name === LATEST_NAME)
    .map(({ name, model, weight }) => ({
      revisionName: model,
      percent: weight,
      latestRevision: model === latest,
      tag: name === PREVIOUS_NAME ? PREVIOUS_NAME : null,
    }));
}

/** Variants beside the default one that `spec.canary` named. */
const namedCanaries = ({ policy }: ServiceEndpoint): readonly Variant[] =>
  (policy?.variants ?? []).filter(
    ({ name }) => name !== LATEST_NAME && name !== PREVIOUS_NAME && name !== policy?.defaultVariant,
  );

const copiesOf = ({ copies }: ModelStatus) => {
  const failedCopies = copies.filter(({ status }) => status === 'LOADING_FAILED').length;
  return { totalCopies: copies.length - failedCopies, failedCopies };
};

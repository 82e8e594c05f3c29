/** States of a model by KServe's names; `Standby`: registered, and loaded by the first call. */
export type ServiceModelStateView = 'Pending' | 'Standby' | 'Loading' | 'Loaded' | 'FailedToLoad';

/** How an InferenceService stands, in the words of KServe's status. Revisions are keys of models. */
export interface InferenceServiceView {
  readonly name: string;
  readonly components: {
    readonly predictor: {
      readonly latestCreatedRevision: string;
      readonly latestReadyRevision: string;
      readonly latestRolledoutRevision: string;
      readonly previousRolledoutRevision: string | null;
      readonly traffic: readonly {
        readonly revisionName: string;
        readonly percent: number;
        readonly latestRevision: boolean;
        readonly tag: string | null;
      }[];
    };
  };
  readonly modelStatus: {
    readonly transitionStatus: 'UpToDate' | 'InProgress' | 'BlockedByFailedLoad';
    readonly states: { readonly activeModelState: ServiceModelStateView; readonly targetModelState: ServiceModelStateView };
    readonly copies: { readonly totalCopies: number; readonly failedCopies: number };
    readonly lastFailureInfo: {
      readonly reason: 'ModelLoadFailed';
      readonly message: string;
      readonly modelRevisionName: string;
    } | null;
  };
  readonly canaryStatuses: readonly { readonly name: string; readonly ready: boolean; readonly trafficPercent: number }[];
}

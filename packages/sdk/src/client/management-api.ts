/**
 * What `/api/v1` answers with, as plain JSON values. Instants are RFC 3339 in UTC, `null` where unknown; sizes are bytes; lengths of time are
 * milliseconds. Secrets (a model's storage key) are never among them.
 */

/** The state of a model, by ModelMesh's names. */
export type ModelState = 'NOT_FOUND' | 'NOT_LOADED' | 'LOADING' | 'LOADED' | 'LOADING_FAILED' | 'UNKNOWN';

/** One copy of a model, or one instance where its load failed. */
export interface CopyView {
  readonly model: string;
  readonly instance: string;
  readonly status: 'LOADING' | 'LOADED' | 'LOADING_FAILED' | 'UNKNOWN';
  /** When it was claimed, or when it failed. */
  readonly since: string | null;
  /** What the failed load said. */
  readonly error: string | null;
}

/** A registered model. */
export interface ModelView {
  readonly key: string;
  readonly family: string | null;
  readonly version: string | null;
  readonly type: string;
  readonly path: string;
  readonly format: { readonly name: string; readonly version: string | null } | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly sha256: string | null;
  readonly status: ModelState;
  /** What failed loads said, most recent first. */
  readonly errors: readonly string[];
  readonly copies: readonly CopyView[];
  /** What is known of its size on the node that answers, in the order in which it is learned. */
  readonly memory: {
    readonly declaredBytes: number | null;
    /** What the runtime said before the load of the present copy. */
    readonly predictedBytes: number | null;
    /** What the last load took. */
    readonly measuredBytes: number | null;
    /** The highest that was seen while it served. */
    readonly highWaterBytes: number | null;
    /** What is booked for the copy. */
    readonly bookedBytes: number | null;
  };
  readonly copiesPolicy: {
    readonly min: number;
    readonly max: number | null;
    readonly pin: boolean;
    readonly idleAfterMs: number | null;
  };
  readonly retry: 'safe' | 'never';
  /** References by endpoints; while there are any the model cannot be deleted. */
  readonly references: number;
  readonly autoDelete: boolean;
  /** The last call, or load that somebody asked for; `null`: none since the model was registered. */
  readonly lastUsedAt: string | null;
  readonly createdAt: string | null;
  /** Grows with each manifest that changed something; 0 without one. */
  readonly generation: number;
}

/** A stable name and the models behind it. */
export interface EndpointView {
  readonly name: string;
  readonly owner: string;
  readonly status: 'DEFINED' | 'TRANSITIONING' | 'TRANSITION_FAILED';
  readonly activeModel: string;
  readonly targetModel: string;
  /** `null` for a plain vmodel. */
  readonly policy: PolicyView | null;
}

/** How an endpoint maps calls to models. */
export interface PolicyView {
  /** Grows with every change. */
  readonly revision: number;
  /** Name of the variant that answers where nothing else decides. */
  readonly default: string;
  readonly variants: readonly VariantView[];
  /** The whole policy, as the `spec` of an `Endpoint` manifest that can be applied again. */
  readonly spec: Readonly<Record<string, unknown>>;
}

/** One candidate of a policy. */
export interface VariantView {
  readonly name: string;
  readonly model: string;
  readonly weight: number;
  /** Its weight in per cent of all weights. */
  readonly sharePercent: number;
  readonly labels: readonly string[];
  /** Calls that one node runs at a time; `null`: as many as come. */
  readonly concurrency: number | null;
  /** Why its model cannot be loaded; the others have its share meanwhile. `null`: nothing speaks against it. */
  readonly failure: string | null;
}

/** A call that nobody makes, as far as policies may know of it. Everything may be left out. */
export interface PreviewedCallView {
  /** Header or metadata fields by their names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly method?: string;
  readonly tenant?: string;
  readonly client?: string;
  /** Values of declared payload fields, as texts. */
  readonly payload?: Readonly<Record<string, string>>;
  /** The unit that a sticky token would bring. */
  readonly unit?: string | null;
}

/** Where such a call would go, and why. */
export interface PreviewView {
  readonly endpoint: string;
  /** 0: the endpoint has no policy. */
  readonly revision: number;
  readonly variant: string;
  readonly model: string;
  /** Why the variant is it, in words that follow "because of". */
  readonly reason: string;
  readonly rule: string | null;
  /** Another call of the same kind may get another variant. */
  readonly byChance: boolean;
  /** What each rule says of the call, in their order, those behind the first match included. */
  readonly rules: readonly { readonly name: string; readonly when: string; readonly outcome: string }[];
  readonly unit: string | null;
  /** The slot of the unit, of 10 000. */
  readonly slot: number | null;
  readonly variants: readonly {
    readonly name: string;
    readonly model: string;
    readonly percent: number;
    /** Whether its model can be called; the others have its share where it cannot. */
    readonly available: boolean;
  }[];
  /** Shadows that get such calls too. */
  readonly mirrors: readonly { readonly to: string; readonly percent: number }[];
  readonly fallback: string | null;
  readonly status: ModelState;
  /** Copies of the model. */
  readonly copies: readonly { readonly instance: string; readonly status: CopyView['status'] }[];
}

/** One node with its runtime, as it last published itself. */
export interface InstanceView {
  readonly id: string;
  readonly startedAt: string | null;
  readonly location: string;
  readonly zone: string;
  readonly labels: readonly string[];
  readonly models: number;
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly loadingThreads: number;
  readonly loadsInProgress: number;
  readonly requestsPerMinute: number;
  readonly leastRecentUseAt: string | null;
  readonly shuttingDown: boolean;
  readonly incarnation: string | null;
}

/** One thing that happened. */
export interface EventView {
  readonly id: number;
  readonly at: string;
  readonly kind: string;
  readonly model: string | null;
  readonly endpoint: string | null;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

/** What became of a manifest. */
export interface AppliedView {
  readonly kind: 'Model' | 'Endpoint' | 'InferenceService';
  readonly name: string;
  readonly change: 'created' | 'configured' | 'unchanged';
  readonly warnings: readonly string[];
  /** What became of the edit of an endpoint's policy; `null`: it was none. */
  readonly edit: EditView | null;
}

/** What became of an edit of an endpoint's policy. */
export interface EditView {
  /** In force after it; where the edit was only tried, the revision that it would have. */
  readonly revision: number;
  readonly changes: ChangesView;
  /** Instances whose whole data plane runs the revision; `null`: nobody waited for that. */
  readonly acknowledged: readonly string[] | null;
  /** Instances that may still answer by the revision before. */
  readonly missing: readonly { readonly instance: string; readonly why: string }[];
}

/** What an edit of a policy changes. Shares are per cent of the calls that neither a rule nor a strategy decides. */
export interface ChangesView {
  /** All of it as a sentence; empty: nothing changes. */
  readonly text: string;
  /** Variants of either revision; `null`: it is not in that one. */
  readonly variants: readonly {
    readonly name: string;
    readonly before: VariantShareView | null;
    readonly after: VariantShareView | null;
  }[];
  /** Units that go from one variant to another. */
  readonly moved: readonly { readonly from: string; readonly to: string; readonly percent: number }[];
  readonly movedPercent: number;
  readonly rules: { readonly added: readonly string[]; readonly removed: readonly string[]; readonly changed: readonly string[] };
  /** Other fields of the manifest's spec that say something else. */
  readonly fields: readonly string[];
  /** Models that the endpoint names newly, and not any more. */
  readonly referenced: readonly string[];
  readonly unreferenced: readonly string[];
}

/** A variant as it stands in one revision. */
export interface VariantShareView {
  readonly model: string;
  readonly weight: number;
  readonly percent: number;
}

/** A policy that an endpoint has or had. */
export interface RevisionView {
  readonly revision: number;
  readonly inForce: boolean;
  readonly createdAt: string | null;
  readonly owner: string;
  readonly policy: PolicyView;
  /** Against the revision before; `null`: that one is not kept any more. */
  readonly changes: ChangesView | null;
}

/** The node that answers. */
export interface StatusView {
  readonly name: string;
  readonly version: string;
  readonly ready: boolean;
  readonly instances: number;
}

/** A decision of a node, kept for a while. */
export interface DecisionView {
  /** Grows with every decision of its kind of the node. */
  readonly id: number;
  /** Id of the instance that decided. */
  readonly madeBy: string;
  readonly at: string;
  readonly kind: 'placement' | 'eviction' | 'refusal' | 'route' | 'choice' | 'scale' | 'runtime';
  readonly model: string | null;
  /** Others that it touched: the victims of an eviction. */
  readonly models: readonly string[];
  readonly instance: string | null;
  readonly requestId: string | null;
  /** The reason as a sentence. */
  readonly because: string;
  /** What the kind has to say beside it. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** Decisions of the nodes of a mesh, newest first. */
export interface DecisionsView {
  readonly records: readonly DecisionView[];
  /** Ids of the instances that did not answer: what they decided is missing. */
  readonly unanswered: readonly string[];
}

/** What was decided about a model, or touched it, and what became of calls for it, newest first. */
export interface ExplanationView extends DecisionsView {
  readonly model: string;
}

/** One page of a listing; `next` is the `after` of the following one, `null` at the end. */
export interface PageView<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** The body of every answer that is no success. `kind` is one of the closed list of the reference. */
export interface ErrorView {
  readonly error: string;
  readonly kind: string;
}

/**
 * A scenario: everything about a run that is not chance, as data that can be written to a file, shortened and run again. All times are virtual
 * milliseconds since the beginning.
 */

/** How a runtime behaves all the time. */
export interface RuntimeSpec {
  readonly capacityMiB: number;
  readonly loadingConcurrency: number;
  readonly loadTimeoutMs: number;
  readonly defaultModelMiB: number;
  /** From its start until it is ready. */
  readonly startMs: number;
  /** It tells what its memory measures. */
  readonly measures: boolean;
  /** It predicts sizes: truth times this; 0: it does not. */
  readonly predicts: number;
  /** What it says of the size of a loaded model: truth times this; 0: it does not say. */
  readonly says: number;
  /** What each unload leaves behind. */
  readonly leakKiB: number;
}

/** A node with its runtime. */
export interface NodeSpec {
  readonly id: string;
  readonly zone: string;
  readonly startMs: number;
  readonly skewMs: number;
  readonly driftPpm: number;
  readonly runtime: RuntimeSpec;
}

/** A model, as it is in truth. */
export interface ModelSpec {
  readonly key: string;
  readonly sizeMiB: number;
  readonly loadMs: number;
  readonly inferMs: number;
  /** Its load fails always. */
  readonly broken: boolean;
  /** Copies that its owner wants whether anybody calls or not. */
  readonly minCopies: number;
}

/** Calls that come on their own accord while it lasts. */
export interface TrafficSpec {
  readonly name: string;
  readonly kind: 'zipf' | 'uniform' | 'scan' | 'hot' | 'burst';
  readonly fromMs: number;
  readonly untilMs: number;
  /** Calls a second; of a burst, all calls together. */
  readonly rate: number;
  /** Keys that may be called, in the order of their popularity. */
  readonly models: readonly string[];
  /** Node that all calls enter; `null`: each enters another. */
  readonly entry: string | null;
  readonly deadlineMs: number;
}

/** Something that is wrong for a while. */
export type FaultSpec = { readonly name: string; readonly fromMs: number; readonly untilMs: number } & (
  | { readonly kind: 'registry-away'; readonly nodes: readonly string[] }
  | { readonly kind: 'registry-slow'; readonly nodes: readonly string[]; readonly delayMs: number }
  | {
      readonly kind: 'registry-loses';
      readonly nodes: readonly string[];
      readonly lostBefore: number;
      readonly lostAfter: number;
    }
  | { readonly kind: 'partition'; readonly from: readonly string[]; readonly to: readonly string[]; readonly oneWay: boolean }
  | {
      readonly kind: 'bad-link';
      readonly from: readonly string[];
      readonly to: readonly string[];
      readonly delayMs: number;
      readonly loss: number;
    }
  | { readonly kind: 'freeze'; readonly node: string }
  | { readonly kind: 'slow-loads'; readonly node: string; readonly factor: number }
  | { readonly kind: 'refused-loads'; readonly node: string; readonly share: number }
  | { readonly kind: 'hanging-unloads'; readonly node: string }
  | { readonly kind: 'failing-unloads'; readonly node: string; readonly share: number }
  | { readonly kind: 'unavailable-answers'; readonly node: string; readonly share: number }
);

/** A variant of an endpoint, which has the name of its model. */
export interface VariantSpec {
  readonly model: string;
  readonly weight: number;
}

/** One thing that an operator does, or that happens at an instant. */
export type StepSpec = { readonly name: string; readonly atMs: number } & (
  | { readonly kind: 'register'; readonly node: string; readonly model: string; readonly load: boolean }
  | { readonly kind: 'unregister'; readonly node: string; readonly model: string }
  | { readonly kind: 'load'; readonly node: string; readonly model: string }
  | { readonly kind: 'unload'; readonly node: string; readonly model: string }
  | { readonly kind: 'set-endpoint'; readonly node: string; readonly endpoint: string; readonly model: string }
  /** An endpoint of several variants, each named as its model. */
  | {
      readonly kind: 'edit-endpoint';
      readonly node: string;
      readonly endpoint: string;
      readonly variants: readonly VariantSpec[];
    }
  /** `silent`: its machine vanishes, so that no connection is reset. It comes back after `backMs`, under another id if `anew`. */
  | { readonly kind: 'kill'; readonly node: string; readonly silent: boolean; readonly backMs: number; readonly anew: boolean }
  | { readonly kind: 'restart'; readonly node: string; readonly backMs: number }
  | { readonly kind: 'kill-runtime'; readonly node: string; readonly backMs: number }
  | { readonly kind: 'lose-model'; readonly node: string; readonly model: string }
  | { readonly kind: 'lose-watches'; readonly nodes: readonly string[] }
  | { readonly kind: 'jump-clock'; readonly node: string; readonly byMs: number }
);

/** The whole. */
export interface Scenario {
  readonly seed: number;
  /** Why it is kept; empty for one that was made from its seed. */
  readonly about: string;
  readonly durationMs: number;
  /** Revisions that the registry keeps. */
  readonly historyMax: number;
  readonly nodes: readonly NodeSpec[];
  readonly models: readonly ModelSpec[];
  readonly traffic: readonly TrafficSpec[];
  readonly faults: readonly FaultSpec[];
  readonly steps: readonly StepSpec[];
}

/** What scaling decided, as data that says why. */

import type { CopiesPolicy } from '../records/index.ts';
import type { DurationMs, EpochMs, InstanceId, ModelKey, SizeUnits } from '../units.ts';
import type { CopyLoad } from './load.ts';

/** Why copies are added. */
export type ScaleUpReason =
  /** The load of a step was at its bound or over it. */
  | 'load'
  /** Calls in flight were over their bound twice in a row. */
  | 'hot'
  /** Fewer copies than the owner wants. */
  | 'below-min';

/** Load copies elsewhere: each instance that takes one passes the rest on, with itself excluded (spec §4.7.6). */
export interface AddCopies {
  readonly kind: 'add-copies';
  readonly model: ModelKey;
  readonly reason: ScaleUpReason;
  /** At least 1. */
  readonly copies: number;
  /** Holders, where it failed, and the busy, each once. */
  readonly exclude: readonly InstanceId[];
  /** The last use to place it with: ahead of now where a quiet instance is wanted. */
  readonly lastUsedMs: EpochMs;
  readonly because: string;
}

/** The model is used regularly and has one copy: another one is worth a place in free space, if the filler finds it worth it. */
export interface ProposeSecondCopy {
  readonly kind: 'propose-second-copy';
  readonly model: ModelKey;
  readonly exclude: readonly InstanceId[];
  readonly earlierUseAgeMs: DurationMs;
  readonly callsPerMinute: number;
  readonly because: string;
}

/** Why a loaded copy gets no help. */
export type HeldRule =
  | 'no-other-instance'
  | 'copies-max'
  | 'already-loading'
  | 'others-too-busy'
  | 'budget'
  | 'cooling-down'
  | 'draining'
  | 'first-look';

/** A copy that wants help and gets none now. */
export interface HeldBack {
  readonly kind: 'hold';
  readonly model: ModelKey;
  readonly rule: HeldRule;
  readonly because: string;
}

/** What one copy's load led to. */
export type ScaleUpDecision = AddCopies | ProposeSecondCopy | HeldBack;

/** What a step came to. */
export interface ScaleUpStep {
  /** In the order in which they are to be carried out: most loaded first. */
  readonly decisions: readonly ScaleUpDecision[];
  /** The loads of the copies that were used, for metrics and for scaling down. */
  readonly loads: ReadonlyMap<ModelKey, CopyLoad>;
}

/** Why a copy goes. */
export type RemovalRule =
  /** More copies than the owner allows. */
  | 'above-max'
  /** Unused for longer than the owner wants. */
  | 'idle'
  /** Second copy, unused for a share of the cache's age. */
  | 'second-copy'
  /** One of three or more, no longer needed for the load. */
  | 'surplus'
  /** This instance is full, and a fresh one took a copy over. */
  | 'moved';

/** Why a copy that has others beside it stays. */
export type KeepRule =
  | 'copies-min'
  | 'pinned'
  | 'others-not-serving'
  | 'more-wanted-here'
  | 'space-left'
  | 'used'
  | 'unloaded-just-now'
  | 'loaded-just-now'
  | 'used-heavily'
  | 'load-would-rise'
  | 'calls-wait'
  | 'enough-removed';

/**
 * Remove this instance's copy. Before it does, the node makes sure that one of `others` answers that it serves, and writes the record by
 * compare-and-set only while {@link mayRemove} holds for it: the record may have changed since.
 */
export interface RemoveCopy {
  readonly kind: 'remove-copy';
  readonly model: ModelKey;
  readonly rule: RemovalRule;
  readonly units: SizeUnits;
  /** Copies that remain, live ones in order of claim. */
  readonly others: readonly InstanceId[];
  readonly because: string;
}

/** Keep this instance's copy. */
export interface KeepCopy {
  readonly kind: 'keep-copy';
  readonly model: ModelKey;
  readonly rule: KeepRule;
  readonly because: string;
}

/** What becomes of a local copy that has others beside it. */
export type ScaleDownDecision = RemoveCopy | KeepCopy;

/** Copies that a policy keeps wherever they are: one, or more if the owner says so. */
export const copiesKept = ({ min }: Pick<CopiesPolicy, 'min'>): number => Math.max(1, min);

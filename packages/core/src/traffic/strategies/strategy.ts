import type { Random } from '../../random.ts';
import type { ArmFigures, SplitShare } from '../../records/index.ts';
import type { DurationMs } from '../../units.ts';

/** A part of a strategy's `config` that is wrong. */
export interface StrategyProblem {
  /** From the strategy down, for instance `config.explore`. */
  readonly path: string;
  /** What should stand there. */
  readonly expected: string;
}

/** How a strategy that learns from the calls is set. */
export interface LearningConfig {
  /** Share of the calls, 0 to 1, that all variants get alike whatever was learned: nothing is forgotten for good. */
  readonly explore: number;
  /** An answer counts as one only within this time; `null`: however long it takes. */
  readonly latencyTargetMs: DurationMs | null;
  /** As long as a variant has fewer calls than this, all get the same share. */
  readonly callsMin: number;
}

/** How weights follow from what came of the calls. */
export interface LearningStrategy {
  readonly kind: 'learning';
  readonly defaults: LearningConfig;
  /** Shares of the arms, in their order. There is at least one arm, and each has its `callsMin`. */
  weights(arms: readonly ArmFigures[], config: LearningConfig, random: Random): readonly SplitShare[];
}

/** Who chooses among the variants with a weight, where no rule and no unit did. */
export type Strategy =
  /** The policy's own weights. */
  | { readonly kind: 'fixed' }
  /** Each worker, at each call. */
  | { readonly kind: 'per-call' }
  /** Control, now and then, from the figures of all nodes. */
  | LearningStrategy;

/**
 * A start that goes wrong ends a rolling upgrade (spec `modelmesh.md` §4.15): in the first minutes failed loads are counted, and too many
 * of them withdraw the instance's readiness for good, so that nothing after it is replaced.
 */

import { type DurationMs, durationMs, type MonotonicMs } from '../units.ts';

/** `BOOTSTRAP_CLEARANCE_PERIOD_MS`: after it nothing is counted any more. */
export const CLEARANCE_PERIOD_MS: DurationMs = durationMs(180_000);
/** So many failures of models that work elsewhere end the start. */
export const FATAL_FAILURES_MAX = 3;
/** Beyond this share of failed loads … */
export const FAILED_SHARE_MAX = 0.5;
/** … among more loads than this, the start ends. */
export const LOADS_TO_JUDGE = 20;
/** A model that failed elsewhere so long ago is broken itself: its failure here says nothing. */
export const OLD_FAILURE_MS: DurationMs = durationMs(1_800_000);

/** What is known of a start. */
export type FailFast =
  | {
      readonly kind: 'watching';
      readonly untilMs: MonotonicMs;
      readonly fatal: number;
      readonly general: number;
      readonly succeeded: number;
    }
  /** For good: the instance is not ready any more. */
  | { readonly kind: 'aborted'; readonly because: string }
  | { readonly kind: 'over' };

/** How a load ended in this instance. */
export type LoadEnd =
  | { readonly kind: 'succeeded' }
  | {
      readonly kind: 'failed';
      /** Age of the oldest claim of another copy; null: there is none. */
      readonly otherCopyAgeMs: DurationMs | null;
      /** Age of the oldest failure elsewhere; null: there is none. */
      readonly otherFailureAgeMs: DurationMs | null;
      /** Loads in progress here, this one no longer counted. */
      readonly inProgress: number;
    };

/** A start; `enabled` is `MM_FAILFAST_UPGRADE_ENABLED`. */
export const failFastAt = (startedMs: MonotonicMs, enabled: boolean, periodMs: DurationMs = CLEARANCE_PERIOD_MS): FailFast =>
  enabled
    ? { kind: 'watching', untilMs: (startedMs + periodMs) as MonotonicMs, fatal: 0, general: 0, succeeded: 0 }
    : { kind: 'over' };

/** The state after a load ended. Nothing leads out of `aborted` or `over`. */
export function afterLoad(state: FailFast, end: LoadEnd, now: MonotonicMs, loadTimeoutMs: DurationMs): FailFast {
  if (state.kind !== 'watching') return state;
  if (now >= state.untilMs) return { kind: 'over' };
  if (end.kind === 'succeeded') return { ...state, succeeded: state.succeeded + 1 };
  if (end.otherCopyAgeMs !== null && end.otherCopyAgeMs > loadTimeoutMs) {
    const fatal = state.fatal + 1;
    if (fatal < FATAL_FAILURES_MAX) return { ...state, fatal };
    return { kind: 'aborted', because: `${fatal} models that are loaded elsewhere failed to load here` };
  }
  if (end.otherFailureAgeMs !== null && end.otherFailureAgeMs >= OLD_FAILURE_MS) return state;
  const general = state.general + 1;
  const total = state.succeeded + end.inProgress + general;
  if (total <= LOADS_TO_JUDGE || general <= FAILED_SHARE_MAX * total) return { ...state, general };
  return { kind: 'aborted', because: `${general} of ${total} loads failed in the first minutes` };
}

/** Whether the instance may be ready as far as this goes. */
export const maybeReady = (state: FailFast): boolean => state.kind !== 'aborted';

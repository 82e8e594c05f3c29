import type { FallbackCause, Variant } from '../records/index.ts';
import type { RequestFacts } from './request-facts.ts';

/** Why a call gets its variant. */
export type PickReason =
  /** The endpoint has nothing to choose from. */
  | { readonly kind: 'only' }
  | { readonly kind: 'label'; readonly label: string }
  /** The caller named the variant in `mm-variant`, which the policy allows. */
  | { readonly kind: 'named' }
  | { readonly kind: 'rule'; readonly rule: string }
  | { readonly kind: 'rule-split'; readonly rule: string; readonly sticky: boolean }
  | { readonly kind: 'sticky' }
  | { readonly kind: 'weights' }
  | { readonly kind: 'strategy'; readonly strategy: string }
  /** `from` would have been it, and its model cannot be loaded. */
  | { readonly kind: 'unavailable'; readonly from: string }
  /** `from` was it, and did not answer. */
  | { readonly kind: 'fallback'; readonly from: string; readonly cause: FallbackCause };

/** A variant for a call. Made when the policy is compiled, so that picking allocates nothing. */
export interface Pick {
  readonly variant: Variant;
  /** Its place among the variants of the policy. */
  readonly index: number;
  readonly reason: PickReason;
}

/** What picking knows beside the request. */
export interface Live {
  /** In `[0, 1)`. */
  chance(): number;
  /** False where the model of the variant is not registered, or where every load of it has failed lately. */
  available(index: number): boolean;
  /** Calls of the variant that run now, as this worker sees them. */
  inFlight(index: number): number;
  /** Told with each pick: the slot of the call's unit, to be given to {@link CompiledPolicy.instead}; -1: it has none. */
  sorted?(unitSlot: number): void;
  /** The answer of a plug-in strategy in the path of the request; `undefined`: it has none, weights decide. */
  plugin?(strategy: string, facts: RequestFacts): number | undefined;
}

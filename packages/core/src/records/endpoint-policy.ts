import type { DurationMs, ModelKey } from '../units.ts';

/** One candidate of a policy. */
export interface Variant {
  readonly name: string;
  readonly model: ModelKey;
  /** Share of the calls in proportion to the sum of all weights; 0: only for those that name it. Finite, not negative. */
  readonly weight: number;
  /** Further names under which callers reach it: `stable`, `canary`, own ones. No two variants share one. */
  readonly labels: readonly string[];
  /** Calls of this variant that one node runs at a time; `null`: as many as come. */
  readonly concurrencyMax: number | null;
}

/** A variant and its share in a split that is not the policy's own. */
export interface SplitShare {
  readonly variant: string;
  /** As {@link Variant.weight}. */
  readonly weight: number;
}

/** Where a rule sends the calls that it matches. */
export type RuleTarget =
  | { readonly kind: 'variant'; readonly variant: string }
  | { readonly kind: 'split'; readonly shares: readonly SplitShare[] };

/** Calls of one kind that are treated apart. The first rule that matches decides. */
export interface PolicyRule {
  readonly name: string;
  /** An expression in CEL that says whether the rule matches. */
  readonly when: string;
  readonly to: RuleTarget;
}

/** Types that a declared payload field may have, by their names in CEL. */
export type PayloadType = 'string' | 'int' | 'double' | 'bool';

/** A part of the payload that rules may read as `payload.<name>`. It is found in the bytes; the message is never decoded. */
export interface PayloadField {
  readonly name: string;
  readonly type: PayloadType;
  /** Path in a JSON body, for instance `parameters.country` or `instances[0].country`; `null`: not there in JSON. */
  readonly json: string | null;
  /** Name of a request parameter of the Open Inference Protocol, in either form; `null`: none. */
  readonly parameter: string | null;
  /** Field numbers from the message down, for other gRPC methods; `null`: not there in such messages. */
  readonly proto: readonly number[] | null;
}

/** What makes calls belong together, so that all of them get one variant. */
export type StickyUnit =
  /** A text by an expression in CEL; a call for which it has none is treated as one without a unit. */
  | { readonly kind: 'expression'; readonly by: string }
  /** A token that the mesh gives with the first answer and the client brings back in the header or the cookie. */
  | { readonly kind: 'token'; readonly header: string; readonly cookie: string | null; readonly lifetimeMs: DurationMs };

/** Whether calls of one unit keep their variant. */
export interface StickyPolicy {
  readonly unit: StickyUnit;
  /** Hashed with each unit: endpoints with the same salt sort their units alike. */
  readonly salt: string;
}

/** Who chooses among the variants with a weight, where no rule and no unit did. */
export interface StrategyPolicy {
  /** `weighted`, `least-loaded`, `epsilon-greedy`, `thompson`, or the name of a plug-in. */
  readonly name: string;
  /** Plain JSON that the strategy reads. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** How the answers of a shadow are compared with those of the live call. */
export interface ComparePolicy {
  /** Largest difference of two elements that counts as none, relative to the larger of 1 and the live value. */
  readonly tolerance: number;
  /** So many highest elements are compared as a set; 0: not. */
  readonly topK: number;
  /** Output that holds the scores of classes, whose highest is the class; `null`: the first output of floats. */
  readonly output: string | null;
  /** An expression in CEL that sorts the pairs into segments; `null`: all in one. */
  readonly segment: string | null;
  /** `tensors`, or the name of a plug-in. */
  readonly comparer: string;
}

/** Calls that a shadow gets too. What comes of it never reaches the caller. */
export interface MirrorPolicy {
  /** Name of the variant that is the shadow. */
  readonly to: string;
  /** Share of the calls, 0 to 100. */
  readonly percent: number;
  readonly compare: ComparePolicy;
}

/** What a variant may end with so that another answers instead. */
export type FallbackCause = 'error' | 'timeout' | 'overloaded';

/** The variant that answers where another cannot. */
export interface FallbackPolicy {
  /** Empty: only where the model of the variant cannot be loaded. */
  readonly on: readonly FallbackCause[];
  readonly to: string;
  /** Time that a variant has before the other is asked; `null`: what an attempt gets of the call's deadline. */
  readonly timeoutMs: DurationMs | null;
}

/** Which versions of a family stay loadable through the endpoint, and cannot be unregistered meanwhile. */
export type VersionKeeping =
  | { readonly kind: 'all' }
  /** The newest so many. */
  | { readonly kind: 'latest'; readonly count: number }
  | { readonly kind: 'specific'; readonly versions: readonly string[] };

/** How an endpoint maps calls to models. */
export interface EndpointPolicy {
  /** In the order of the manifest; names are unique. */
  readonly variants: readonly Variant[];
  /** Name of the variant that answers where nothing else decides. */
  readonly defaultVariant: string;
  /** In the order in which they are tried; names are unique. */
  readonly rules: readonly PolicyRule[];
  readonly payload: readonly PayloadField[];
  readonly sticky: StickyPolicy | null;
  readonly strategy: StrategyPolicy;
  readonly mirrors: readonly MirrorPolicy[];
  readonly fallback: FallbackPolicy | null;
  readonly versions: VersionKeeping;
  /** Whether callers may name the variant in `mm-variant`. */
  readonly callerChooses: boolean;
}

/** The strategy of a policy that names none. */
export const WEIGHTED: StrategyPolicy = { name: 'weighted', config: {} };

/** What {@link newEndpointPolicy} must be told; everything else has a default. */
export type NewEndpointPolicy = Pick<EndpointPolicy, 'variants' | 'defaultVariant'> & Partial<EndpointPolicy>;

/** A policy by weights alone, except for what `fields` say. */
export const newEndpointPolicy = (fields: NewEndpointPolicy): EndpointPolicy => ({
  rules: [],
  payload: [],
  sticky: null,
  strategy: WEIGHTED,
  mirrors: [],
  fallback: null,
  versions: { kind: 'all' },
  callerChooses: false,
  ...fields,
});

/** A variant of full weight that has no further name, except for what `fields` say. */
export const newVariant = (fields: Pick<Variant, 'name' | 'model'> & Partial<Variant>): Variant => ({
  weight: 100,
  labels: [],
  concurrencyMax: null,
  ...fields,
});

/** Hash slots that belong to one variant and stand side by side. */
export interface SlotRun {
  readonly variant: string;
  readonly count: number;
}

/**
 * Which hash slots belong to which variant, for each split of a policy: `''` is the split by the variants' weights, others are named as their
 * rule. Made when the policy is applied, from that of the revision before, so that an edit moves no more units than the shares that changed.
 */
export type SlotAssignment = ReadonlyMap<string, readonly SlotRun[]>;

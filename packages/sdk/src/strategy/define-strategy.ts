/** A variant of an endpoint, as a strategy sees it. */
export interface StrategyVariant {
  readonly name: string;
  /** As the policy has it; of others than 0 a strategy may choose. */
  readonly weight: number;
}

/** A variant with what came of its calls. */
export interface LearnedVariant extends StrategyVariant {
  /** Calls at all nodes since the policy is in force that were answered, or failed by fault of the variant. */
  readonly calls: number;
  /** Those that were answered, and within `config.latencyTargetMs` if there is one. */
  readonly rewards: number;
}

/** What a strategy may know when it sets weights. */
export interface WeightsContext {
  readonly endpoint: string;
  /** The `config` of the policy's strategy. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Those with a weight. */
  readonly variants: readonly LearnedVariant[];
}

/** A variant as a strategy in the path of a request sees it. */
export interface PickVariant extends StrategyVariant {
  /** Share of the calls by weight, 0 to 1. */
  readonly share: number;
  /** Calls that run now in the same worker. */
  readonly inFlight: number;
}

/** What a strategy may know of the request that it chooses for. */
export interface PickContext {
  readonly endpoint: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Those with a weight. */
  readonly variants: readonly PickVariant[];
  /** Headers or gRPC metadata by lower-case name; several of one name are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly method: string;
  /** Organisation and subject of the caller; empty where nothing proves them. */
  readonly tenant: string;
  readonly client: string;
}

/** A strategy that sets weights now and then, from what came of the calls. It runs on one node for all, in a thread of its own. */
export interface WeightsStrategyDefinition {
  /** Names it in policies. */
  readonly name: string;
  /** Weights by variant; those that are not named get 0. A promise is awaited. */
  weights(context: WeightsContext): Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>;
}

/** A strategy that chooses in the path of each request. It must answer within microseconds and keeps no promise. */
export interface PickStrategyDefinition {
  /** Names it in policies. */
  readonly name: string;
  /** The name of a variant with a weight; `undefined`: the weights decide. */
  pick(context: PickContext): string | undefined;
}

/** A plug-in that is a strategy, as a module of plug-ins exports it. */
export type StrategyPlugin =
  | (WeightsStrategyDefinition & { readonly plugin: 'strategy'; readonly form: 'weights' })
  | (PickStrategyDefinition & { readonly plugin: 'strategy'; readonly form: 'pick' });

/**
 * Makes a strategy of a plug-in's own: `export default defineStrategy({ name: 'by-length', pick: ({ headers }) => … })`. A node loads the module
 * that its setting `plugins` names.
 *
 * @throws {TypeError} where the name is none or not exactly one of `weights` and `pick` is there
 */
export function defineStrategy(definition: WeightsStrategyDefinition | PickStrategyDefinition): StrategyPlugin {
  const { name } = definition;
  if (typeof name !== 'string' || name === '') throw new TypeError('a strategy has a name');
  const [weights, pick] = ['weights' in definition, 'pick' in definition];
  if (weights === pick) throw new TypeError(`strategy ${name} has either weights or pick`);
  if ('pick' in definition) return { plugin: 'strategy', form: 'pick', name, pick: (context) => definition.pick(context) };
  return { plugin: 'strategy', form: 'weights', name, weights: (context) => definition.weights(context) };
}

import type { Clock, EndpointId, ModelKey, Random } from '@modelmesh/core';
import type { EndpointPolicy } from '@modelmesh/core/records';
import { type CompiledPolicy, countsCalls, type Live, type Pick, type RequestFacts } from '@modelmesh/core/traffic';
import { PayloadPlan } from '@modelmesh/wire/payload-fields';
import type { ChosenEndpoint, EndpointRoute } from '../../link/index.ts';
import type { PickedEndpoint } from '../../plugins/index.ts';
import type { RouteTable } from '../routes/index.ts';
import type { VariantBook, VariantCalls } from './variant-calls.ts';

/** What was chosen for a call through an endpoint with a policy. One object for all calls with the same pick of the same revision. */
export interface VariantChoice extends ChosenEndpoint {
  readonly model: ModelKey;
  readonly pick: Pick;
  readonly policy: PolicyInForce;
  readonly calls: VariantCalls;
  /** Where calls with this choice go and nothing else is to be said of them. */
  readonly target: { readonly model: ModelKey; readonly endpoint: ChosenEndpoint; readonly choice: VariantChoice };
}

/** Strategies of plug-ins in the path of requests. */
export interface PickPlugins {
  /** The place of a variant in the policy; `undefined`: weights decide. Never throws. */
  pick(strategy: string, facts: RequestFacts, of: PickedEndpoint): number | undefined;
}

/** A node without any. */
export const NO_PICK_PLUGINS: PickPlugins = { pick: () => undefined };

/** Where a policy in force finds what is live. */
export interface LiveParts {
  readonly routes: RouteTable;
  readonly random: Random;
  readonly book: VariantBook;
  readonly clock: Clock;
  /** The answer of a plug-in strategy in the path of a request. */
  readonly strategies: PickPlugins;
}

/** The policy of an endpoint as a worker runs it, with what picking asks beside the request. Of one revision. */
export class PolicyInForce implements Live, PickedEndpoint {
  readonly endpoint: EndpointId;
  readonly revision: number;
  readonly compiled: CompiledPolicy;
  /** Whether its strategy wants to know what came of calls. */
  readonly learns: boolean;
  /** Of the unit of the call that was picked for last; -1: it has none. To be read at once. */
  unitSlot = -1;
  readonly #parts: LiveParts;
  readonly #calls: readonly VariantCalls[];
  readonly #choices = new Map<Pick, VariantChoice>();
  #payloadPlan: PayloadPlan | undefined;

  constructor(route: EndpointRoute, compiled: CompiledPolicy, parts: LiveParts) {
    const { id, revision } = route;
    this.endpoint = id;
    this.revision = revision;
    this.compiled = compiled;
    this.learns = countsCalls(compiled.policy.strategy) !== null;
    this.#parts = parts;
    const { variants } = compiled.policy;
    // A call that waited before its variant was picked may still ask for the policy before, which must not clear away what this one counts.
    if (parts.routes.endpoint(id) === route) parts.book.forget(id, new Set(variants.map(({ name }) => name)));
    this.#calls = variants.map(({ name }) => parts.book.of(id, name));
  }

  /** Where the payload fields stand that the policy's expressions read; `null`: they read none. */
  get payloadPlan(): PayloadPlan | null {
    const { expressions, policy } = this.compiled;
    if (expressions.payloadNames.length === 0) return null;
    this.#payloadPlan ??= new PayloadPlan(policy.payload.filter(({ name }) => expressions.payloadNames.includes(name)));
    return this.#payloadPlan;
  }

  get policy(): EndpointPolicy {
    return this.compiled.policy;
  }

  get shares(): readonly number[] {
    return this.compiled.main.shares;
  }

  chance(): number {
    return this.#parts.random.unit();
  }

  /** A model that is not registered, or fails to load wherever it is tried, answers nobody. */
  available(index: number): boolean {
    const model = this.compiled.policy.variants[index]?.model;
    const route = model === undefined ? undefined : this.#parts.routes.model(model);
    if (route === undefined) return false;
    return route.failingUntilMs === undefined || route.failingUntilMs <= this.#parts.clock.wallMs();
  }

  sorted(slot: number): void {
    this.unitSlot = slot;
  }

  inFlight(index: number): number {
    return this.#calls[index]?.inFlight ?? 0;
  }

  plugin(strategy: string, facts: RequestFacts): number | undefined {
    return this.#parts.strategies.pick(strategy, facts, this);
  }

  /** A pick as calls carry it. */
  choiceOf(pick: Pick): VariantChoice {
    let choice = this.#choices.get(pick);
    if (choice === undefined) {
      const variant = pick.variant.name;
      const calls = this.#calls[pick.index] ?? this.#parts.book.of(this.endpoint, variant);
      choice = new Choice(this, pick, calls);
      this.#choices.set(pick, choice);
    }
    return choice;
  }
}

/** A choice, with the target that it makes. */
class Choice implements VariantChoice {
  readonly id: EndpointId;
  readonly revision: number;
  readonly variant: string;
  readonly model: ModelKey;
  readonly pick: Pick;
  readonly policy: PolicyInForce;
  readonly calls: VariantCalls;
  readonly target: VariantChoice['target'];

  constructor(policy: PolicyInForce, pick: Pick, calls: VariantCalls) {
    this.id = policy.endpoint;
    this.revision = policy.revision;
    this.variant = pick.variant.name;
    this.model = pick.variant.model;
    this.pick = pick;
    this.policy = policy;
    this.calls = calls;
    this.target = { model: this.model, endpoint: this, choice: this };
  }
}

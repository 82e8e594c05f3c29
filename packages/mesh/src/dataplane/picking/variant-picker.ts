import { type Clock, DEFAULT_NAMESPACE, type EndpointId, MeshError, type ModelKey, type Random } from '@modelmesh/core';
import type { CompiledPolicy, Pick, RequestFacts } from '@modelmesh/core/traffic';
import { HEADER, type HeaderReader } from '@modelmesh/wire/headers';
import type { PayloadFinder, PayloadForm } from '@modelmesh/wire/payload-fields';
import type { ChosenEndpoint, EndpointRoute } from '../../link/index.ts';
import { type TokenUse, type TokenVault, tokenAnswerFields, tokenOfCall } from '../../tokens/index.ts';
import type { CallMirror } from '../call/index.ts';
import { mirrorsOf } from '../mirror/index.ts';
import type { RouteTable } from '../routes/index.ts';
import { type AskedCall, CallFacts, type TokenReader } from './call-facts.ts';
import { NO_PICK_PLUGINS, type PickPlugins, PolicyInForce, type VariantChoice } from './policy-in-force.ts';
import { VariantBook, type VariantBookParts } from './variant-calls.ts';

/** What a name stands for, before a variant is picked. */
export interface NamedTarget {
  /** The model itself, or that of the endpoint's default variant. */
  readonly model: ModelKey;
  readonly endpoint: EndpointRoute | null;
  /** The name as it was asked for; not there where an id in the headers named it. */
  readonly family?: string | undefined;
}

/** Where a call goes, decided once. */
export interface ChosenTarget {
  readonly model: ModelKey;
  readonly endpoint: ChosenEndpoint | null;
  /** Not there where no policy chose. */
  readonly choice?: VariantChoice;
  /** Fields that the answer brings, as a flat list name, value. */
  readonly answerFields?: readonly string[];
  /** Shadows that get the call too; not there without any. */
  readonly mirrors?: readonly CallMirror[];
}

/** The variant that a caller names. */
export interface WantedVariant {
  readonly label: string | undefined;
  readonly variant: string | undefined;
}

/** What the fields of a call name. */
export const wantedBy = (headers: HeaderReader): WantedVariant => ({
  label: headers.get(HEADER.label),
  variant: headers.get(HEADER.variant),
});

/** The label that is the newest servable version where no variant has it. */
export const LATEST_LABEL = 'latest';

/** Payload fields that were looked for, for each endpoint whose policy reads some. */
export type FoundPayloads = ReadonlyMap<EndpointRoute, PayloadFinder>;

/** What picking stands on. */
export interface VariantPickerParts extends VariantBookParts {
  readonly routes: RouteTable;
  readonly random: Random;
  readonly clock: Clock;
  readonly tokens: TokenVault;
  /** The answer of a plug-in strategy in the path of a request. */
  readonly strategies?: PickPlugins;
}

const NO_FIELDS: readonly string[] = [];
const NO_NAMES: ReadonlySet<string> = new Set();

/** Chooses the variant of each call that enters through an endpoint with a policy. One per worker. */
export class VariantPicker {
  readonly book: VariantBook;
  readonly #parts: VariantPickerParts;
  readonly #facts: CallFacts;
  /** Policies that a call has asked for, by the route that each was compiled from: replaced with it, whole. */
  readonly #inForce = new WeakMap<EndpointRoute, PolicyInForce>();
  /** Of the call that is picked for just now: fields that its answer has to bring. */
  #answerFields = NO_FIELDS;

  constructor(parts: VariantPickerParts) {
    this.#parts = parts;
    this.#facts = new CallFacts(parts.clock);
    this.book = new VariantBook(parts);
  }

  /** The policy of an endpoint; `undefined`: it has none. */
  policyOf(route: EndpointRoute): PolicyInForce | undefined {
    let policy = this.#inForce.get(route);
    if (policy !== undefined) return policy;
    const compiled = this.#parts.routes.compiled(route);
    if (compiled === undefined) return undefined;
    policy = new PolicyInForce(route, compiled, {
      ...this.#parts,
      strategies: this.#parts.strategies ?? NO_PICK_PLUGINS,
      book: this.book,
    });
    this.#inForce.set(route, policy);
    return policy;
  }

  /** Endpoints may be gone: what is known of their variants is forgotten. */
  routesChanged(): void {
    for (const id of [...this.book.endpoints()])
      if (this.#parts.routes.endpoint(id) === undefined) this.book.forget(id, NO_NAMES);
  }

  /**
   * What finds, in the payload of a call, the fields that the policies of its targets read; `undefined`: they read none. What was found then goes to
   * {@link choose}.
   */
  findersFor(targets: readonly NamedTarget[], { label, variant }: WantedVariant, form: PayloadForm): FoundPayloads | undefined {
    if (label !== undefined || variant !== undefined) return undefined;
    let found: Map<EndpointRoute, PayloadFinder> | undefined;
    for (const { endpoint } of targets) {
      if (endpoint === null || endpoint.policy === null) continue;
      const finder = this.policyOf(endpoint)?.payloadPlan?.finder(form);
      if (finder == null) continue;
      found ??= new Map();
      found.set(endpoint, finder);
    }
    return found;
  }

  /** Whether there is anything to decide: other calls go where their name leads. */
  decides({ endpoint }: NamedTarget, { label, variant }: WantedVariant): boolean {
    return (endpoint !== null && endpoint.policy !== null) || label !== undefined || variant !== undefined;
  }

  /** The variant that a question about an endpoint is asked of: the default one unless the caller names another. @throws as {@link choose} */
  about(target: NamedTarget, wanted: WantedVariant): ChosenTarget {
    const { label, variant } = wanted;
    if (label !== undefined) return this.#labelled(target, label, variant);
    return variant === undefined ? target : this.#named(target, variant);
  }

  /**
   * The variant for a call, and with it the model. To be asked once per call: chance may answer otherwise the next time.
   *
   * @throws {MeshError} `not-found` for a label or variant that is not there, `permission-denied` for a variant that callers may not choose
   */
  choose(target: NamedTarget, { label, variant }: WantedVariant, call: AskedCall, found?: FoundPayloads): ChosenTarget {
    const { endpoint } = target;
    const policy = endpoint === null ? undefined : this.policyOf(endpoint);
    const payload = endpoint === null ? undefined : found?.get(endpoint);
    if (payload?.truncated === true) this.#parts.onLimit('rules.payloadBytes');
    if (label !== undefined || variant !== undefined) {
      const named = this.about(target, { label, variant });
      return policy === undefined ? named : this.#mirrored(policy, named, this.#facts.of(call, payload?.values ?? null, null));
    }
    if (policy === undefined) return target;
    const { compiled } = policy;
    const unit = compiled.policy.sticky?.unit;
    this.#answerFields = NO_FIELDS;
    const token = unit?.kind === 'token' ? this.#tokenReader(unit, policy.endpoint) : null;
    const facts = this.#facts.of(call, payload?.values ?? null, token);
    const choice = policy.choiceOf(compiled.pick(facts, policy));
    const answerFields = this.#answerFields;
    const picked = answerFields.length === 0 ? choice.target : { ...choice.target, answerFields };
    return this.#mirrored(policy, picked, facts);
  }

  #mirrored(policy: PolicyInForce, target: ChosenTarget, facts: RequestFacts): ChosenTarget {
    const { compiled } = policy;
    if (compiled.policy.mirrors.length === 0 || target.choice === undefined) return target;
    const mirrors = mirrorsOf(compiled, target.choice.pick, facts, policy);
    return mirrors === undefined ? target : { ...target, mirrors };
  }

  /** Apart, since whatever a closure holds is put on the heap by each call of the function that could make it. */
  #tokenReader(use: TokenUse, endpoint: EndpointId): TokenReader {
    return (call) => this.#unitOfToken(call, use, endpoint);
  }

  #unitOfToken(call: AskedCall, use: TokenUse, endpoint: EndpointId): string | undefined {
    const { tokens, clock } = this.#parts;
    const token = tokenOfCall(tokens, call.headers, use, endpoint, clock.wallMs());
    if (token === null) return undefined;
    if (token.issued !== null) this.#answerFields = tokenAnswerFields(token.issued, use, call.encrypted).flat();
    return token.unit;
  }

  #labelled(target: NamedTarget, label: string, variant: string | undefined): ChosenTarget {
    const { endpoint } = target;
    if (variant !== undefined)
      throw new MeshError('invalid-argument', `the call names both the label ${quoted(label)} and a variant; name one`);
    const policy = endpoint === null ? undefined : this.policyOf(endpoint);
    const pick = policy?.compiled.pickLabel(label);
    if (policy !== undefined && pick !== undefined) return chosen(policy, pick);
    if (label === LATEST_LABEL) {
      const newest = this.#newest(target);
      if (newest !== undefined) return newest;
    }
    if (endpoint !== null && policy === undefined && (label === 'stable' || label === endpoint.variant)) return target;
    if (endpoint === null) throw new MeshError('not-found', `only endpoints have labels; ${quoted(target.model)} is a model`);
    const labels = policy === undefined ? ['stable'] : labelsOf(policy.compiled);
    throw new MeshError(
      'not-found',
      `endpoint ${quoted(endpoint.id)} has no label ${quoted(label)}; there are ${labels.join(', ')}`,
    );
  }

  /** The newest servable version of the family that has the endpoint's name. */
  #newest({ endpoint, family = endpoint?.id }: NamedTarget): ChosenTarget | undefined {
    const model = family === undefined ? undefined : this.#parts.routes.newestOf(DEFAULT_NAMESPACE, family);
    if (model === undefined) return undefined;
    const policy = endpoint === null ? undefined : this.policyOf(endpoint);
    const variant = policy?.compiled.policy.variants.find((one) => one.model === model);
    const pick = variant === undefined ? undefined : policy?.compiled.pickLabel(variant.name);
    if (policy !== undefined && pick !== undefined) return chosen(policy, pick);
    if (endpoint === null) return { model, endpoint };
    const { id, revision } = endpoint;
    return { model, endpoint: { id, revision, variant: LATEST_LABEL } };
  }

  #named({ model, endpoint }: NamedTarget, variant: string): ChosenTarget {
    if (endpoint === null) throw new MeshError('not-found', `only endpoints have variants; ${quoted(model)} is a model`);
    const policy = this.policyOf(endpoint);
    if (policy?.compiled.policy.callerChooses !== true) {
      const sentence = `the policy of endpoint ${quoted(endpoint.id)} does not let callers name the variant (spec.allowVariantHeader)`;
      throw new MeshError('permission-denied', sentence);
    }
    const pick = policy.compiled.pickNamed(variant);
    if (pick !== undefined) return chosen(policy, pick);
    const names = policy.compiled.policy.variants.map(({ name }) => name);
    throw new MeshError(
      'not-found',
      `endpoint ${quoted(endpoint.id)} has no variant ${quoted(variant)}; there are ${names.join(', ')}`,
    );
  }
}

const quoted = (text: string): string => JSON.stringify(text);

const chosen = (policy: PolicyInForce, pick: Pick): ChosenTarget => policy.choiceOf(pick).target;

/** The labels of a policy, each variant's own first, then the names of the variants. */
function labelsOf({ policy }: CompiledPolicy): readonly string[] {
  const labels = new Set(policy.variants.flatMap((variant) => variant.labels));
  for (const { name } of policy.variants) labels.add(name);
  return [...labels, 'stable'].filter((label, at, all) => all.indexOf(label) === at);
}

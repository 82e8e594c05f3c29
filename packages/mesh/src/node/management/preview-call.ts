import {
  type Clock,
  DEFAULT_NAMESPACE,
  type DurationMs,
  endpointId,
  epochMs,
  MeshError,
  type ModelKey,
  type Random,
} from '@modelmesh/core';
import { withDefaultModel } from '@modelmesh/core/endpoints';
import type { EndpointPolicy, PayloadField } from '@modelmesh/core/records';
import type { ModelStatus } from '@modelmesh/core/registration';
import {
  CompiledPolicy,
  explainPick,
  type Live,
  type PayloadValue,
  type PolicyExpressions,
  type RequestFacts,
  reasonText,
  type Pick as VariantPick,
} from '@modelmesh/core/traffic';
import { failingUntilMs, type RegistryView } from '@modelmesh/core/view';
import { HEADER, isInternalHeader } from '@modelmesh/wire/headers';
import type { CallPreview, PreviewedCall } from '../control.ts';

/** What a preview is made with. */
export interface PreviewParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly view: RegistryView;
  readonly failureExpiryMs: DurationMs;
  /** Compiles the expressions of a policy as workers do. */
  readonly expressionsOf: (policy: EndpointPolicy) => PolicyExpressions;
  readonly statusOf: (model: ModelKey) => ModelStatus;
}

/**
 * Says where a call would go, and why, by the same compiled policy that workers run. Nothing is sent, loaded or counted. Where chance decides the
 * answer is one of those that may come.
 */
export function previewCall(parts: PreviewParts, name: string, call: PreviewedCall): CallPreview {
  const { view } = parts;
  const id = endpointId(name);
  const stored = view.endpoint(DEFAULT_NAMESPACE, id);
  if (stored === undefined) throw new MeshError('endpoint-not-found', `endpoint ${JSON.stringify(name)} not found`);
  const { active } = stored.record;
  const applied = view.policy(DEFAULT_NAMESPACE, id)?.record;
  if (applied === undefined) {
    const only = { name: 'active', model: active, percent: 100, available: isAvailable(parts, active) };
    const reason = 'the endpoint is a vmodel, which has one model';
    return {
      ...NOTHING_ELSE,
      ...copiesOf(parts, active),
      endpoint: id,
      revision: 0,
      variant: only.name,
      reason,
      variants: [only],
    };
  }
  const policy = withDefaultModel(applied.policy, active);
  const weights = view.weights(DEFAULT_NAMESPACE, id)?.record;
  const published = weights?.revision === applied.revision ? weights.slots : null;
  const compiled = new CompiledPolicy({ policy, slots: applied.slots, published, expressions: parts.expressionsOf(policy) });
  const facts = factsOf(call, policy.payload, parts.clock);
  const live: Live = {
    chance: () => parts.random.unit(),
    available: (index) => isAvailable(parts, policy.variants[index]?.model),
    inFlight: () => 0,
  };
  const explained = explainPick(compiled, facts, live);
  const asked = askedByName(compiled, call, view.newestOf(DEFAULT_NAMESPACE, name));
  if (asked?.kind === 'newest') {
    const [variant, reason] = [LATEST_LABEL, 'the call asks for the newest version that can be served, whatever the policy says'];
    const { variants } = explained;
    return {
      ...NOTHING_ELSE,
      ...copiesOf(parts, asked.model),
      endpoint: id,
      revision: applied.revision,
      variant,
      reason,
      variants,
    };
  }
  const pick = asked?.pick ?? explained.pick;
  const { reason } = pick;
  return {
    ...copiesOf(parts, pick.variant.model),
    endpoint: id,
    revision: applied.revision,
    variant: pick.variant.name,
    reason: reasonText(reason),
    rule: reason.kind === 'rule' || reason.kind === 'rule-split' ? reason.rule : null,
    // Whoever has no unit may get another variant the next time, unless something names it.
    byChance: reason.kind === 'weights' || reason.kind === 'strategy' || (reason.kind === 'rule-split' && !reason.sticky),
    rules: explained.rules,
    unit: explained.unit,
    slot: explained.slot,
    variants: explained.variants,
    mirrors: policy.mirrors.flatMap(({ to, percent }) => (to === pick.variant.name ? [] : [{ to, percent }])),
    fallback: policy.fallback?.to ?? null,
  };
}

const NOTHING_ELSE = { rule: null, byChance: false, rules: [], unit: null, slot: null, mirrors: [], fallback: null } as const;

function copiesOf({ statusOf }: PreviewParts, model: ModelKey): Pick<CallPreview, 'model' | 'status' | 'copies'> {
  const { status, copies } = statusOf(model);
  return { model, status, copies: copies.map(({ location, status: state }) => ({ instance: location, status: state })) };
}

function isAvailable({ view, clock, failureExpiryMs }: PreviewParts, model: ModelKey | undefined): boolean {
  const record = model === undefined ? undefined : view.model(DEFAULT_NAMESPACE, model)?.record;
  return record !== undefined && failingUntilMs(record, clock.wallMs(), failureExpiryMs) === null;
}

/** What a call names. */
type Asked = { readonly kind: 'pick'; readonly pick: VariantPick } | { readonly kind: 'newest'; readonly model: ModelKey };

/** The label that is the newest servable version where no variant has it. */
const LATEST_LABEL = 'latest';

/**
 * What the call names by a label or by itself, as workers read it.
 *
 * @param newest newest servable version of the family that has the endpoint's name
 */
function askedByName(compiled: CompiledPolicy, { headers }: PreviewedCall, newest: ModelKey | undefined): Asked | undefined {
  const [label, variant] = [headers.get(HEADER.label), headers.get(HEADER.variant)];
  if (label !== undefined) {
    if (variant !== undefined) throw new MeshError('invalid-argument', 'the call names both a label and a variant; name one');
    const isNewest = label === LATEST_LABEL && compiled.pickLabel(label) === undefined && newest !== undefined;
    const named = isNewest ? compiled.policy.variants.find(({ model }) => model === newest)?.name : label;
    if (isNewest && named === undefined) return { kind: 'newest', model: newest };
    const pick = compiled.pickLabel(named ?? label);
    if (pick === undefined) throw new MeshError('not-found', `the endpoint has no label ${JSON.stringify(label)}`);
    return { kind: 'pick', pick };
  }
  if (variant === undefined) return undefined;
  if (!compiled.policy.callerChooses)
    throw new MeshError(
      'permission-denied',
      'the policy of the endpoint does not let callers name the variant (allowVariantHeader)',
    );
  const pick = compiled.pickNamed(variant);
  if (pick === undefined) throw new MeshError('not-found', `the endpoint has no variant ${JSON.stringify(variant)}`);
  return { kind: 'pick', pick };
}

function factsOf(call: PreviewedCall, declared: readonly PayloadField[], clock: Clock): RequestFacts {
  const payload = payloadOf(call, declared);
  const headers = new Map([...call.headers].filter(([name]) => !isInternalHeader(name)));
  return {
    header: (name) => headers.get(name),
    headerNames: () => [...headers.keys()],
    query: (name) => call.query.get(name),
    queryNames: () => [...call.query.keys()],
    path: call.path,
    method: call.method,
    tenant: call.tenant,
    client: call.client,
    nowMs: epochMs(clock.wallMs()),
    payload: (name) => payload.get(name),
    tokenUnit: call.unit ?? undefined,
  };
}

function payloadOf(call: PreviewedCall, declared: readonly PayloadField[]): ReadonlyMap<string, PayloadValue> {
  const fields = new Map(declared.map((field) => [field.name, field]));
  const values = [...call.payload].map(([name, text]): [string, PayloadValue] => {
    const field = fields.get(name);
    if (field === undefined) {
      const known = declared.length === 0 ? 'it declares none' : `it declares ${[...fields.keys()].join(', ')}`;
      throw new MeshError('invalid-argument', `payload.${name}: the policy does not declare it; ${known}`);
    }
    return [name, payloadValue(field, text)];
  });
  return new Map(values);
}

function payloadValue({ name, type }: PayloadField, text: string): PayloadValue {
  const wrong = (): MeshError =>
    new MeshError('invalid-argument', `payload.${name}: got ${JSON.stringify(text)}, expected ${type}`);
  switch (type) {
    case 'string':
      return text;
    case 'bool':
      if (text !== 'true' && text !== 'false') throw wrong();
      return text === 'true';
    case 'int':
      if (!/^[+-]?\d{1,19}$/.test(text)) throw wrong();
      return BigInt(text);
    case 'double': {
      const value = text.trim() === '' ? Number.NaN : Number(text);
      if (Number.isNaN(value)) throw wrong();
      return value;
    }
  }
}

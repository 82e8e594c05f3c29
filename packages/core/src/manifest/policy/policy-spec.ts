import type {
  ComparePolicy,
  EndpointPolicy,
  FallbackPolicy,
  MirrorPolicy,
  PayloadField,
  PolicyRule,
  StickyPolicy,
  StrategyPolicy,
  Variant,
  VersionKeeping,
} from '../../records/index.ts';
import { durationText } from '../quantity.ts';

/** A plain object as a manifest has it. */
type Spec = Readonly<Record<string, unknown>>;

/**
 * The spec of an `Endpoint` manifest that says this policy: reading it gives an equal policy. What is a default is left out, except for
 * weights and the salt, which readers of a manifest want to see.
 */
export const endpointSpecOf = (policy: EndpointPolicy): Spec =>
  present({
    variants: policy.variants.map(variantSpec),
    default: policy.defaultVariant,
    rules: listOf(policy.rules, ruleSpec),
    payload: listOf(policy.payload, payloadSpec),
    sticky: policy.sticky === null ? undefined : stickySpec(policy.sticky),
    strategy: strategySpec(policy.strategy),
    mirror: listOf(policy.mirrors, mirrorSpec),
    fallback: policy.fallback === null ? undefined : fallbackSpec(policy.fallback),
    versions: versionsSpec(policy.versions),
    allowVariantHeader: policy.callerChooses ? true : undefined,
  });

/** The fields that are there. */
const present = (fields: Spec): Spec => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const listOf = <Item>(items: readonly Item[], write: (item: Item) => Spec): readonly Spec[] | undefined =>
  items.length === 0 ? undefined : items.map(write);

const variantSpec = ({ name, model, weight, labels, concurrencyMax }: Variant): Spec =>
  present({
    name,
    model,
    weight,
    label: labels.length === 1 ? labels[0] : undefined,
    labels: labels.length > 1 ? [...labels] : undefined,
    concurrency: concurrencyMax ?? undefined,
  });

const ruleSpec = ({ name, when, to }: PolicyRule): Spec =>
  to.kind === 'variant'
    ? { name, when, to: to.variant }
    : { name, when, split: Object.fromEntries(to.shares.map(({ variant, weight }) => [variant, weight])) };

const payloadSpec = ({ name, type, json, parameter, proto }: PayloadField): Spec =>
  present({
    name,
    type,
    json: json ?? undefined,
    parameter: parameter ?? undefined,
    proto: proto === null ? undefined : [...proto],
  });

function stickySpec({ unit, salt }: StickyPolicy): Spec {
  if (unit.kind === 'expression') return { by: unit.by, salt };
  const { header, cookie, lifetimeMs } = unit;
  return { token: present({ header, cookie: cookie ?? undefined, lifetime: durationText(lifetimeMs) }), salt };
}

function strategySpec({ name, config }: StrategyPolicy): Spec | undefined {
  const hasConfig = Object.keys(config).length > 0;
  if (name === 'weighted' && !hasConfig) return undefined;
  return hasConfig ? { name, config } : { name };
}

const mirrorSpec = ({ to, percent, compare }: MirrorPolicy): Spec => ({ to, percent, compare: compareSpec(compare) });

const compareSpec = ({ tolerance, topK, output, segment, comparer }: ComparePolicy): Spec =>
  present({
    tolerance,
    topK: topK === 0 ? undefined : topK,
    output: output ?? undefined,
    segment: segment ?? undefined,
    comparer: comparer === 'tensors' ? undefined : comparer,
  });

const fallbackSpec = ({ on, to, timeoutMs }: FallbackPolicy): Spec =>
  present({ on: [...on], to, timeout: timeoutMs === null ? undefined : durationText(timeoutMs) });

function versionsSpec(versions: VersionKeeping): Spec | undefined {
  switch (versions.kind) {
    case 'all':
      return undefined;
    case 'latest':
      return { keep: 'latest', count: versions.count };
    case 'specific':
      return { keep: 'specific', names: [...versions.versions] };
  }
}

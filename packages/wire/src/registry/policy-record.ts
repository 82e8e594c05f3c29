import { durationMs, type EndpointId, epochMs, modelKey, type Namespace } from '@modelmesh/core';
import {
  type ComparePolicy,
  type EndpointPolicy,
  type FallbackPolicy,
  type MirrorPolicy,
  newPolicyRecord,
  newVariant,
  type OpaqueFields,
  type PayloadField,
  type PolicyRecord,
  type PolicyRevision,
  type PolicyRule,
  type RuleTarget,
  type StickyPolicy,
  type StickyUnit,
  type StrategyPolicy,
  type Variant,
  type VersionKeeping,
  WEIGHTED,
} from '@modelmesh/core/records';
import { longOf } from './json.ts';
import type { ObjectReader } from './object-reader.ts';
import { objectOf, type Property, restOf, unless } from './object-writer.ts';
import { readSlots, slotObjects } from './slot-runs.ts';

/**
 * Reads a policy. `revision` is that of the key for a policy of the history; the one in force says its own.
 */
export function readPolicyRecord(
  reader: ObjectReader,
  id: EndpointId,
  namespace: Namespace,
  revision?: PolicyRevision,
): PolicyRecord {
  const stored = reader.natural('revision') ?? 0;
  return newPolicyRecord({
    id,
    namespace,
    revision: revision ?? stored,
    owner: reader.string('owner') ?? '',
    createdAtMs: epochMs(reader.integer('createdAtMs') ?? 0),
    policy: readPolicy(reader),
    slots: readSlots(reader.objects('slots')),
    unknownFields: reader.rest(),
  });
}

/** The properties of a policy, defaults left out. */
export function policyRecordObject({ revision, owner, createdAtMs, policy, slots, unknownFields: rest }: PolicyRecord): object {
  const known: Property[] = [
    ['revision', revision],
    ['owner', unless(owner, '')],
    ['createdAtMs', createdAtMs === 0 ? undefined : longOf(createdAtMs)],
    ['variants', listOf(policy.variants, restOf(rest, 'variants'), variantObject) ?? []],
    ['default', policy.defaultVariant],
    ['rules', listOf(policy.rules, restOf(rest, 'rules'), ruleObject)],
    ['payload', listOf(policy.payload, restOf(rest, 'payload'), payloadObject)],
    ['sticky', policy.sticky === null ? undefined : stickyObject(policy.sticky, restOf(rest, 'sticky'))],
    ['strategy', strategyObject(policy.strategy, restOf(rest, 'strategy'))],
    ['mirrors', listOf(policy.mirrors, restOf(rest, 'mirrors'), mirrorObject)],
    ['fallback', policy.fallback === null ? undefined : fallbackObject(policy.fallback, restOf(rest, 'fallback'))],
    ['versions', versionsObject(policy.versions, restOf(rest, 'versions'))],
    ['callerChooses', unless(policy.callerChooses, false)],
    ['slots', slotObjects(slots, restOf(rest, 'slots'))],
  ];
  return objectOf(known, rest) ?? {};
}

function readPolicy(reader: ObjectReader): EndpointPolicy {
  return {
    variants: reader.objects('variants').map(readVariant),
    defaultVariant: reader.string('default') ?? '',
    rules: reader.objects('rules').map(readRule),
    payload: reader.objects('payload').map(readPayloadField),
    sticky: present(reader.optionalObject('sticky'), readSticky),
    strategy: present(reader.optionalObject('strategy'), readStrategy) ?? WEIGHTED,
    mirrors: reader.objects('mirrors').map(readMirror),
    fallback: present(reader.optionalObject('fallback'), readFallback),
    versions: present(reader.optionalObject('versions'), readVersions) ?? { kind: 'all' },
    callerChooses: reader.boolean('callerChooses'),
  };
}

const present = <Value>(reader: ObjectReader | undefined, read: (reader: ObjectReader) => Value): Value | null =>
  reader === undefined ? null : read(reader);

/** The objects of a list with what an `ObjectReader` left of each; `undefined` if it is empty. */
const listOf = <Item>(
  items: readonly Item[],
  rest: OpaqueFields,
  write: (item: Item, rest: OpaqueFields) => object | undefined,
): readonly (object | undefined)[] | undefined =>
  items.length === 0 ? undefined : items.map((item, at) => write(item, restOf(rest, String(at))));

/** The first label stands alone, where policies had only one. */
function readVariant(reader: ObjectReader): Variant {
  const model = reader.string('model');
  if (model === undefined || model === '') throw reader.refusal('model', 'the key of a model');
  const label = reader.string('label');
  return newVariant({
    name: reader.string('name') ?? '',
    model: modelKey(model),
    weight: reader.weight('weight') ?? 0,
    labels: [...(label === undefined ? [] : [label]), ...reader.strings('labels')],
    concurrencyMax: reader.natural('concurrency') ?? null,
  });
}

const variantObject = ({ name, model, weight, labels, concurrencyMax }: Variant, rest: OpaqueFields): object | undefined =>
  objectOf(
    [
      ['name', name],
      ['model', model],
      ['weight', weight],
      ['label', labels[0]],
      ['labels', labels.length > 1 ? labels.slice(1) : undefined],
      ['concurrency', concurrencyMax ?? undefined],
    ],
    rest,
  );

function readRule(reader: ObjectReader): PolicyRule {
  const variant = reader.string('to');
  const to: RuleTarget =
    variant === undefined
      ? {
          kind: 'split',
          shares: reader.objects('split').map((share) => ({
            variant: share.string('variant') ?? '',
            weight: share.weight('weight') ?? 0,
          })),
        }
      : { kind: 'variant', variant };
  return { name: reader.string('name') ?? '', when: reader.string('when') ?? '', to };
}

function ruleObject({ name, when, to }: PolicyRule, rest: OpaqueFields): object | undefined {
  const shares = to.kind === 'variant' ? [] : to.shares;
  const split = listOf(shares, restOf(rest, 'split'), ({ variant, weight }, restOfShare) =>
    objectOf(
      [
        ['variant', variant],
        ['weight', weight],
      ],
      restOfShare,
    ),
  );
  const known: Property[] = [
    ['name', name],
    ['when', when],
    ['to', to.kind === 'variant' ? to.variant : undefined],
    ['split', split],
  ];
  return objectOf(known, rest);
}

const PAYLOAD_TYPES = ['string', 'int', 'double', 'bool'] as const;

function readPayloadField(reader: ObjectReader): PayloadField {
  const proto = reader.naturals('proto');
  return {
    name: reader.string('name') ?? '',
    type: reader.oneOf('type', PAYLOAD_TYPES) ?? 'string',
    json: reader.string('json') ?? null,
    parameter: reader.string('parameter') ?? null,
    proto: proto.length === 0 ? null : proto,
  };
}

const payloadObject = ({ name, type, json, parameter, proto }: PayloadField, rest: OpaqueFields): object | undefined =>
  objectOf(
    [
      ['name', name],
      ['type', type],
      ['json', json ?? undefined],
      ['parameter', parameter ?? undefined],
      ['proto', proto ?? undefined],
    ],
    rest,
  );

function readSticky(reader: ObjectReader): StickyPolicy {
  const token = reader.optionalObject('token');
  const unit: StickyUnit =
    token === undefined
      ? { kind: 'expression', by: reader.string('by') ?? '' }
      : {
          kind: 'token',
          header: token.string('header') ?? '',
          cookie: token.string('cookie') ?? null,
          lifetimeMs: durationMs(token.natural('lifetimeMs') ?? 0),
        };
  return { unit, salt: reader.string('salt') ?? '' };
}

function stickyObject({ unit, salt }: StickyPolicy, rest: OpaqueFields): object | undefined {
  if (unit.kind === 'expression') {
    const known: Property[] = [
      ['by', unit.by],
      ['salt', salt],
    ];
    return objectOf(known, rest);
  }
  const token: Property[] = [
    ['header', unit.header],
    ['cookie', unit.cookie ?? undefined],
    ['lifetimeMs', unit.lifetimeMs],
  ];
  const known: Property[] = [
    ['token', objectOf(token, restOf(rest, 'token'))],
    ['salt', salt],
  ];
  return objectOf(known, rest);
}

const readStrategy = (reader: ObjectReader): StrategyPolicy => ({
  name: reader.string('name') ?? WEIGHTED.name,
  config: reader.data('config'),
});

const strategyObject = ({ name, config }: StrategyPolicy, rest: OpaqueFields): object | undefined =>
  objectOf(
    [
      ['name', unless(name, WEIGHTED.name)],
      ['config', Object.keys(config).length === 0 ? undefined : config],
    ],
    rest,
  );

function readMirror(reader: ObjectReader): MirrorPolicy {
  const compare = reader.object('compare');
  return {
    to: reader.string('to') ?? '',
    percent: reader.weight('percent') ?? 0,
    compare: {
      tolerance: compare.weight('tolerance') ?? 0,
      topK: compare.natural('topK') ?? 0,
      output: compare.string('output') ?? null,
      segment: compare.string('segment') ?? null,
      comparer: compare.string('comparer') ?? '',
    },
  };
}

const mirrorObject = ({ to, percent, compare }: MirrorPolicy, rest: OpaqueFields): object | undefined =>
  objectOf(
    [
      ['to', to],
      ['percent', percent],
      ['compare', compareObject(compare, restOf(rest, 'compare'))],
    ],
    rest,
  );

const compareObject = ({ tolerance, topK, output, segment, comparer }: ComparePolicy, rest: OpaqueFields): object | undefined =>
  objectOf(
    [
      ['tolerance', tolerance],
      ['topK', unless(topK, 0)],
      ['output', output ?? undefined],
      ['segment', segment ?? undefined],
      ['comparer', comparer],
    ],
    rest,
  );

const CAUSES = ['error', 'timeout', 'overloaded'] as const;

function readFallback(reader: ObjectReader): FallbackPolicy {
  const named = reader.strings('on');
  const on = CAUSES.filter((cause) => named.includes(cause));
  if (on.length !== named.length) throw reader.refusal('on', `a list of ${CAUSES.join(', ')}`);
  const timeoutMs = reader.natural('timeoutMs');
  return { on, to: reader.string('to') ?? '', timeoutMs: timeoutMs === undefined ? null : durationMs(timeoutMs) };
}

const fallbackObject = ({ on, to, timeoutMs }: FallbackPolicy, rest: OpaqueFields): object | undefined =>
  objectOf(
    [
      ['on', on],
      ['to', to],
      ['timeoutMs', timeoutMs ?? undefined],
    ],
    rest,
  );

function readVersions(reader: ObjectReader): VersionKeeping {
  switch (reader.oneOf('keep', ['all', 'latest', 'specific'] as const)) {
    case 'latest':
      return { kind: 'latest', count: reader.natural('count') ?? 1 };
    case 'specific':
      return { kind: 'specific', versions: reader.strings('names') };
    case 'all':
    case undefined:
      return { kind: 'all' };
  }
}

const versionsObject = (versions: VersionKeeping, rest: OpaqueFields): object | undefined =>
  objectOf(
    [
      ['keep', unless(versions.kind, 'all')],
      ['count', versions.kind === 'latest' ? versions.count : undefined],
      ['names', versions.kind === 'specific' ? versions.versions : undefined],
    ],
    rest,
  );

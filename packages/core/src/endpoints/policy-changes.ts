import type { EndpointPolicy, PolicyRecord, SlotRun, Variant } from '../records/index.ts';
import { MAIN_SPLIT, movedSlots, SLOTS, slotCounts } from '../traffic/index.ts';
import type { ModelKey } from '../units.ts';
import { sameData } from './policies.ts';

/** A variant as it stands in one revision. */
export interface VariantShare {
  readonly model: ModelKey;
  readonly weight: number;
  /** Per cent of the calls that neither a rule nor a strategy decides. */
  readonly percent: number;
}

/** Units that go from one variant to another. */
export interface MovedShare {
  readonly from: string;
  readonly to: string;
  readonly percent: number;
}

/** What an edit of a policy changes. */
export interface PolicyChanges {
  /** Every variant of either revision, in the order of the later one; `null`: it is not in that one. */
  readonly variants: readonly {
    readonly name: string;
    readonly before: VariantShare | null;
    readonly after: VariantShare | null;
  }[];
  readonly moved: readonly MovedShare[];
  /** The sum of {@link moved}: 100 where what makes up a unit, or its salt, changes, so that all of them are sorted anew. */
  readonly movedPercent: number;
  readonly rules: { readonly added: readonly string[]; readonly removed: readonly string[]; readonly changed: readonly string[] };
  /** Other fields of the manifest that say something else, by their names there. */
  readonly fields: readonly string[];
  /** Models that the endpoint names and did not name before, and the other way round. */
  readonly referenced: readonly ModelKey[];
  readonly unreferenced: readonly ModelKey[];
}

/** Fields of a policy by their names in a manifest; variants and rules are compared one by one. */
const FIELDS = {
  defaultVariant: 'default',
  payload: 'payload',
  sticky: 'sticky',
  strategy: 'strategy',
  mirrors: 'mirror',
  fallback: 'fallback',
  versions: 'versions',
  callerChooses: 'allowVariantHeader',
} as const satisfies Partial<Record<keyof EndpointPolicy, string>>;

/** Compares two revisions of an endpoint's policy. @param before `null`: there was none */
export function policyChanges(before: PolicyRecord | null, after: PolicyRecord): PolicyChanges {
  const [was, is] = [before?.policy ?? null, after.policy];
  const [from, to] = [slotsOf(before), slotsOf(after)];
  const [had, has] = [sharesOf(was, from), sharesOf(is, to)];
  const names = [...new Set([...has.keys(), ...had.keys()])];
  const moved = movedSlots(from, to).map(({ count, ...ends }) => ({ ...ends, percent: percentOf(count) }));
  const resorted = was !== null && was.sticky !== null && is.sticky !== null && !sameData(was.sticky, is.sticky);
  const [namedBefore, namedAfter] = [modelsOf(was), modelsOf(is)];
  return {
    variants: names.map((name) => ({ name, before: had.get(name) ?? null, after: has.get(name) ?? null })),
    moved,
    movedPercent: resorted ? 100 : moved.reduce((sum, { percent }) => sum + percent, 0),
    rules: ruleChanges(was, is),
    fields: was === null ? [] : fieldsThatDiffer(was, is),
    referenced: [...namedAfter.difference(namedBefore)],
    unreferenced: [...namedBefore.difference(namedAfter)],
  };
}

const percentOf = (slots: number): number => (slots / SLOTS) * 100;
const NO_SLOTS: readonly SlotRun[] = [];
const slotsOf = (record: PolicyRecord | null): readonly SlotRun[] => record?.slots.get(MAIN_SPLIT) ?? NO_SLOTS;
const modelsOf = (policy: EndpointPolicy | null): ReadonlySet<ModelKey> => new Set(policy?.variants.map(({ model }) => model));

function sharesOf(policy: EndpointPolicy | null, slots: readonly SlotRun[]): ReadonlyMap<string, VariantShare> {
  const counts = slotCounts(slots);
  const share = ({ name, model, weight }: Variant): VariantShare => ({
    model,
    weight,
    percent: percentOf(counts.get(name) ?? 0),
  });
  return new Map((policy?.variants ?? []).map((variant) => [variant.name, share(variant)]));
}

function ruleChanges(before: EndpointPolicy | null, after: EndpointPolicy): PolicyChanges['rules'] {
  const had = new Map((before?.rules ?? []).map((rule) => [rule.name, rule]));
  const has = new Map(after.rules.map((rule) => [rule.name, rule]));
  const kept = [...has.keys()].filter((name) => had.has(name));
  // A rule that comes before another now that came after it before is tried in another order, which may change what it gets.
  const order = new Map([...had.keys()].filter((name) => has.has(name)).map((name, at) => [name, at]));
  return {
    added: [...has.keys()].filter((name) => !had.has(name)),
    removed: [...had.keys()].filter((name) => !has.has(name)),
    changed: kept.filter((name, at) => !sameData(had.get(name), has.get(name)) || order.get(name) !== at),
  };
}

const fieldsThatDiffer = (before: EndpointPolicy, after: EndpointPolicy): readonly string[] => {
  const fields = Object.keys(FIELDS) as (keyof typeof FIELDS)[];
  return fields.filter((field) => !sameData(before[field], after[field])).map((field) => FIELDS[field]);
};

/** What changed as a sentence for people; empty: nothing. */
export function changesText(changes: PolicyChanges): string {
  const { variants, rules, fields } = changes;
  const parts = variants.flatMap(({ name, before, after }) => {
    if (before === null) return [`${name} new at ${percentText(after?.percent ?? 0)}`];
    if (after === null) return [`${name} gone`];
    const model = before.model === after.model ? [] : [`${name}: ${before.model} → ${after.model}`];
    const share = before.percent === after.percent;
    return share ? model : [...model, `${name} ${percentText(before.percent)} → ${percentText(after.percent)}`];
  });
  const listed = (what: string, names: readonly string[]): readonly string[] =>
    names.length === 0 ? [] : [`${what} ${names.join(', ')}`];
  parts.push(...listed('rules added:', rules.added), ...listed('rules removed:', rules.removed));
  parts.push(...listed('rules changed:', rules.changed), ...listed('changed:', fields));
  return parts.join('; ');
}

/** A share with as many digits as it has, up to that of one slot. */
export const percentText = (percent: number): string => `${Number(percent.toFixed(2))} %`;

import type { EndpointPolicy, FallbackCause, SlotAssignment, SlotRun, Variant } from '../records/index.ts';
import { SLOTS, UnitHasher } from './hash.ts';
import { leastLoaded } from './least-loaded.ts';
import type { Live, Pick, PickReason } from './pick.ts';
import type { RequestFacts } from './request-facts.ts';
import type { PolicyExpressions } from './rules/index.ts';
import { SlotTable } from './slot-table.ts';
import { apportion, MAIN_SPLIT, splitsOf } from './slots.ts';

/** What a policy is compiled from. */
export interface PolicyParts {
  readonly policy: EndpointPolicy;
  /** As applied; splits that are not in it are made anew. */
  readonly slots: SlotAssignment;
  /** Slots of the main split as a strategy in control set them last; `null`: those of the policy. */
  readonly published: readonly SlotRun[] | null;
  readonly expressions: PolicyExpressions;
}

/** Where a rule sends its calls, compiled. */
type CompiledTarget =
  | { readonly kind: 'variant'; readonly pick: Pick }
  | { readonly kind: 'split'; readonly table: SlotTable; readonly sticky: readonly Pick[]; readonly byChance: readonly Pick[] };

const NO_MIRRORS: readonly number[] = [];
const MAX_VARIANTS = 255;

/**
 * A policy, ready to pick: immutable, the same on every worker of every node, replaced whole. Order: rules, then the unit that sticks, then the
 * strategy or the weights; whoever cannot be called is replaced last. Picking allocates nothing.
 */
export class CompiledPolicy {
  readonly policy: EndpointPolicy;
  readonly expressions: PolicyExpressions;
  readonly main: SlotTable;
  readonly #hasher: UnitHasher | null;
  readonly #targets: readonly CompiledTarget[];
  readonly #sticky: readonly Pick[];
  readonly #weighted: readonly Pick[];
  readonly #strategic: readonly Pick[];
  readonly #named: ReadonlyMap<string, Pick>;
  readonly #labelled: ReadonlyMap<string, Pick>;
  readonly #default: Pick;
  /** Picks in place of others, made when they are first needed. */
  readonly #substitutes = new Map<string, Pick>();

  constructor({ policy, slots, published, expressions }: PolicyParts) {
    this.policy = policy;
    this.expressions = expressions;
    const { variants } = policy;
    if (variants.length === 0 || variants.length > MAX_VARIANTS) throw new RangeError(`1 to ${MAX_VARIANTS} variants`);
    const names = variants.map(({ name }) => name);
    const splits = splitsOf(policy);
    const tableOf = (split: string): SlotTable =>
      new SlotTable(slots.get(split) ?? apportion([], splits.get(split) ?? []), names);
    const all = (reason: PickReason): readonly Pick[] => variants.map((variant, index) => ({ variant, index, reason }));
    this.main = published === null ? tableOf(MAIN_SPLIT) : new SlotTable(published, names);
    this.#hasher = policy.sticky === null ? null : new UnitHasher(policy.sticky.salt);
    this.#sticky = all({ kind: 'sticky' });
    this.#weighted = all(variants.length === 1 ? { kind: 'only' } : { kind: 'weights' });
    this.#strategic = all({ kind: 'strategy', strategy: policy.strategy.name });
    this.#named = new Map(all({ kind: 'named' }).map((pick) => [pick.variant.name, pick]));
    this.#labelled = labelsOf(policy);
    const fallen = this.#weighted.find(({ variant }) => variant.name === policy.defaultVariant) ?? this.#weighted[0];
    if (fallen === undefined) throw new RangeError('a policy has a variant');
    this.#default = fallen;
    this.#targets = policy.rules.map(({ name, to }) => {
      if (to.kind === 'split') {
        const byChance = all({ kind: 'rule-split', rule: name, sticky: false });
        return { kind: 'split', table: tableOf(name), sticky: all({ kind: 'rule-split', rule: name, sticky: true }), byChance };
      }
      const pick = all({ kind: 'rule', rule: name }).find(({ variant }) => variant.name === to.variant);
      return { kind: 'variant', pick: pick ?? fallen };
    });
  }

  /** The variant for a call. */
  pick(facts: RequestFacts, live: Live): Pick {
    const rule = this.#targets.length === 0 ? -1 : this.expressions.rules.first(facts);
    const target = rule < 0 ? undefined : this.#targets[rule];
    const slot = target?.kind === 'variant' ? -1 : this.slotOf(facts);
    live.sorted?.(slot);
    if (target?.kind === 'variant') return this.#usable(target.pick, -1, this.main, live);
    if (target !== undefined) {
      const picks = slot < 0 ? target.byChance : target.sticky;
      return this.#fromTable(target.table, picks, slot, live);
    }
    if (slot >= 0) return this.#fromTable(this.main, this.#sticky, slot, live);
    return this.#byStrategy(facts, live);
  }

  /** The variant that a label names: its own, else a variant of that name. `stable` is the default variant unless one is labelled so. */
  pickLabel(label: string): Pick | undefined {
    return this.#labelled.get(label);
  }

  /** The variant of that name, for callers that may choose. */
  pickNamed(name: string): Pick | undefined {
    return this.#named.get(name);
  }

  /** The slot of the call's unit; -1: it has none. */
  slotOf(facts: RequestFacts): number {
    const unit = this.unitOf(facts);
    return unit === undefined || this.#hasher === null ? -1 : this.#hasher.slot(unit);
  }

  /** The call's unit. An empty one is none: it would bind all callers without a name together. */
  unitOf(facts: RequestFacts): string | undefined {
    if (this.#hasher === null) return undefined;
    const { stickyBy } = this.expressions;
    const unit = stickyBy === null ? facts.tokenUnit : stickyBy.read(facts);
    return unit === '' ? undefined : unit;
  }

  /**
   * The variant that answers where `failed` did not: by the policy's fallback, and for a model that does not load without it one of the others
   * by their shares. `undefined`: the failure is the answer.
   *
   * @param tried places of the variants that were asked already, `failed` included
   * @param unitSlot of the call, so that a unit meets the same variant that its later calls are given; -1: it has no unit
   */
  instead(
    failed: Pick,
    cause: FallbackCause | 'unavailable',
    tried: readonly number[],
    live: Live,
    unitSlot: number,
  ): Pick | undefined {
    const { reason } = failed;
    // Who names a variant wants that one or none.
    if (reason.kind === 'label' || reason.kind === 'named') return undefined;
    const can = (index: number): boolean => !tried.includes(index) && live.available(index);
    const { fallback } = this.policy;
    if (fallback !== null && (cause === 'unavailable' || fallback.on.includes(cause))) {
      const to = this.#named.get(fallback.to);
      if (to !== undefined && can(to.index)) {
        return this.#substitute(failed, to.index, cause === 'unavailable' ? undefined : cause);
      }
    }
    if (cause !== 'unavailable') return undefined;
    const slot = unitSlot < 0 ? Math.floor(live.chance() * SLOTS) : unitSlot;
    const index = this.#anotherOf(this.#splitOf(reason), slot, can);
    return index < 0 ? undefined : this.#substitute(failed, index, undefined);
  }

  /** Places of the mirrors that get this call too. */
  mirrorsOf(pick: Pick, live: Live): readonly number[] {
    const { mirrors } = this.policy;
    if (mirrors.length === 0) return NO_MIRRORS;
    const chosen: number[] = [];
    for (let at = 0; at < mirrors.length; at++) {
      const mirror = mirrors[at];
      if (mirror === undefined || mirror.to === pick.variant.name) continue;
      if (live.chance() * 100 < mirror.percent) chosen.push(at);
    }
    return chosen;
  }

  #byStrategy(facts: RequestFacts, live: Live): Pick {
    const { strategy } = this.policy;
    if (strategy.name === 'least-loaded') {
      const pick = this.#strategic[leastLoaded(this.main.shares, live)];
      if (pick !== undefined) return pick;
    }
    const index = live.plugin?.(strategy.name, facts);
    // A strategy cannot give calls to a variant without a weight.
    if (index !== undefined && (this.main.shares[index] ?? 0) > 0) {
      const pick = this.#strategic[index];
      if (pick !== undefined) return this.#usable(pick, -1, this.main, live);
    }
    return this.#fromTable(this.main, this.#weighted, -1, live);
  }

  #fromTable(table: SlotTable, picks: readonly Pick[], unitSlot: number, live: Live): Pick {
    const slot = unitSlot < 0 ? Math.floor(live.chance() * SLOTS) : unitSlot;
    const owner = table.ownerOf(slot);
    return this.#usable(owner < 0 ? this.#default : (picks[owner] ?? this.#default), slot, table, live);
  }

  #usable(pick: Pick, slot: number, table: SlotTable, live: Live): Pick {
    if (live.available(pick.index)) return pick;
    const { fallback } = this.policy;
    const to = fallback === null ? undefined : this.#named.get(fallback.to);
    if (to !== undefined && to.index !== pick.index && live.available(to.index))
      return this.#substitute(pick, to.index, undefined);
    const among = slot < 0 ? Math.floor(live.chance() * SLOTS) : slot;
    const index = this.#anotherOf(table, among, (at) => live.available(at));
    // Where nobody can, the call itself says why.
    return index < 0 ? pick : this.#substitute(pick, index, undefined);
  }

  /** Who takes over from a variant of a split: another one that has a share in it, and if none of them can one that has a share at all. */
  #anotherOf(split: SlotTable, slot: number, can: (index: number) => boolean): number {
    const index = split.substituteFor(slot, can);
    return index < 0 && split !== this.main ? this.main.substituteFor(slot, can) : index;
  }

  /** The split that a pick came from. */
  #splitOf(reason: PickReason): SlotTable {
    if (reason.kind !== 'rule-split') return this.main;
    const target = this.#targets[this.policy.rules.findIndex(({ name }) => name === reason.rule)];
    return target?.kind === 'split' ? target.table : this.main;
  }

  #substitute(of: Pick, index: number, cause: FallbackCause | undefined): Pick {
    const from = of.variant.name;
    const key = `${index} ${cause ?? ''} ${from}`;
    const made = this.#substitutes.get(key);
    if (made !== undefined) return made;
    const variant = this.policy.variants[index] ?? of.variant;
    const reason: PickReason = cause === undefined ? { kind: 'unavailable', from } : { kind: 'fallback', from, cause };
    const pick = { variant, index, reason };
    this.#substitutes.set(key, pick);
    return pick;
  }
}

function labelsOf(policy: EndpointPolicy): ReadonlyMap<string, Pick> {
  const labels = new Map<string, Pick>();
  const add = (label: string, variant: Variant, index: number): void => {
    if (!labels.has(label)) labels.set(label, { variant, index, reason: { kind: 'label', label } });
  };
  for (const [index, variant] of policy.variants.entries()) for (const label of variant.labels) add(label, variant, index);
  for (const [index, variant] of policy.variants.entries()) add(variant.name, variant, index);
  const at = policy.variants.findIndex(({ name }) => name === policy.defaultVariant);
  const fallen = policy.variants[at];
  if (fallen !== undefined) add('stable', fallen, at);
  return labels;
}

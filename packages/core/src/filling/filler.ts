/** Fills free room, run after run: the leader with models that have no copy, every instance with what it proposes itself. */

import type { CacheInstant } from '../cache/index.ts';
import {
  type DurationMs,
  durationMs,
  type InstanceId,
  type ModelKey,
  type MonotonicMs,
  type SizeUnits,
  sizeUnits,
} from '../units.ts';
import { FillMemory } from './fill-memory.ts';
import {
  clusterBudget,
  EVICTED_PERIOD_MS,
  type FillBudget,
  type FillNode,
  LEADER_SHARE,
  NO_BUDGET,
  partOfBudget,
  typicalUnits,
} from './fill-node.ts';
import { FillScan, type IsResting, type ScanView } from './fill-scan.ts';
import { FreshNodes } from './fresh-nodes.ts';
import type { FillPlan } from './plan.ts';

/** Time between two runs. */
export const FILL_PERIOD_MS: DurationMs = durationMs(10_000);
/**
 * A leader that is alone begins after this (spec §4.9): what is registered one by one is loaded when it is called, not because it is there.
 * With others it begins at once.
 */
export const FILL_FIRST_ALONE_MS: DurationMs = durationMs(120_000);
/** What was planned for an instance counts as used there for so long: its record does not show it at once. */
export const FILL_RESERVED_MS: DurationMs = durationMs(10_000);
/** A load of which nothing was heard for so long is no longer counted as being under way. */
export const FILL_FORGOTTEN_MS: DurationMs = durationMs(600_000);

/** What a run must be told. */
export interface FillSituation extends Omit<ScanView, 'nodes' | 'nowMs' | 'typical' | 'wanted'> {
  /** Instances that may take loads, as their records say. */
  readonly nodes: readonly FillNode[];
  /** Size of a model of which nothing is known. */
  readonly defaultUnits: SizeUnits;
}

/** Whose run it is. */
export type FillRole = { readonly kind: 'leader' } | { readonly kind: 'instance'; readonly self: InstanceId };

/** A run that was begun: look at models in pieces, then make the plan. */
export interface FillRun {
  readonly scan: FillScan;
  readonly budget: FillBudget;
  /** What fresh instances want that is this instance's to give; 0 for the leader. Where it is 0 there is nothing to spread. */
  readonly spreadUnits: SizeUnits;
  /** Makes the plan; what it has counts as begun. To be called once. */
  finish(): FillPlan;
}

interface UnderWay {
  readonly to: InstanceId;
  readonly units: SizeUnits;
  readonly atMs: MonotonicMs;
}

/** One filler: the leader has one as leader and one as an instance. Equal runs give equal plans. */
export class Filler {
  readonly #role: FillRole;
  readonly #memory = new FillMemory();
  readonly #fresh = new FreshNodes();
  readonly #underWay = new Map<ModelKey, UnderWay>();
  #beganMs: MonotonicMs | undefined;
  #evicted: { readonly atMs: MonotonicMs; readonly units: SizeUnits }[] = [];

  constructor(role: FillRole) {
    this.#role = role;
  }

  /** Begins a run. */
  begin(situation: FillSituation, { monotonicMs, wallMs }: CacheInstant): FillRun {
    this.#expire(monotonicMs);
    const nodes = this.#withReservations(situation.nodes, monotonicMs);
    this.#fresh.observe(nodes, monotonicMs);
    const typical = typicalUnits(nodes, situation.defaultUnits);
    const role = this.#role;
    const spreadUnits = role.kind === 'leader' ? sizeUnits(0) : this.#fresh.spreadUnits(role.self, nodes, typical);
    const share = role.kind === 'leader' ? LEADER_SHARE : (1 - LEADER_SHARE) / Math.max(1, nodes.length);
    const evictedUnits = sizeUnits(this.#evicted.reduce((sum, { units }) => sum + units, 0));
    const spent = { evictedUnits, loadsUnderWay: this.#underWay.size };
    this.#beganMs ??= monotonicMs;
    const isEarly = role.kind === 'leader' && nodes.length < 2 && monotonicMs - this.#beganMs < FILL_FIRST_ALONE_MS;
    const budget = partOfBudget(isEarly ? NO_BUDGET : clusterBudget(nodes, typical), share, spent, spreadUnits);
    const view: ScanView = { ...situation, nodes, typical, nowMs: wallMs, wanted: this.#fresh.wanted(nodes) };
    const isResting: IsResting = (model, reason, lastUsedMs) =>
      this.#underWay.has(model) || this.#memory.isResting(model, reason, lastUsedMs, wallMs);
    const scan = new FillScan(view, isResting, budget.loads);
    return { scan, budget, spreadUnits, finish: () => this.#begun(scan.plan(budget), { monotonicMs, wallMs }) };
  }

  /** A planned load ended, whatever came of it. */
  ended(model: ModelKey): void {
    this.#underWay.delete(model);
  }

  /** Loads under way. */
  get underWay(): number {
    return this.#underWay.size;
  }

  #begun(plan: FillPlan, { monotonicMs, wallMs }: CacheInstant): FillPlan {
    for (const { model, to, units } of plan.loads) {
      this.#memory.planned(model, wallMs);
      this.#underWay.set(model, { to, units, atMs: monotonicMs });
    }
    if (plan.evictUnits > 0) this.#evicted.push({ atMs: monotonicMs, units: plan.evictUnits });
    return plan;
  }

  #expire(now: MonotonicMs): void {
    this.#evicted = this.#evicted.filter(({ atMs }) => now - atMs < EVICTED_PERIOD_MS);
    for (const [model, { atMs }] of this.#underWay) if (now - atMs >= FILL_FORGOTTEN_MS) this.#underWay.delete(model);
  }

  #withReservations(nodes: readonly FillNode[], now: MonotonicMs): readonly FillNode[] {
    const reserved = new Map<InstanceId, number>();
    for (const { to, units, atMs } of this.#underWay.values())
      if (now - atMs < FILL_RESERVED_MS) reserved.set(to, (reserved.get(to) ?? 0) + units);
    if (reserved.size === 0) return nodes;
    return nodes.map((node) => ({ ...node, usedUnits: sizeUnits(node.usedUnits + (reserved.get(node.id) ?? 0)) }));
  }
}

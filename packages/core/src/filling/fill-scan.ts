/**
 * One look at very many models, in pieces as small as the caller likes: nothing but the best is kept, so that a registry of hundreds of
 * thousands costs a bounded memory and never holds up the thread that serves calls.
 */

import type { ModelRecord } from '../records/index.ts';
import { type DurationMs, durationMs, type EpochMs, epochMs, type InstanceId, type ModelKey, type SizeUnits } from '../units.ts';
import { BestCandidates, byWorth } from './best-candidates.ts';
import { FAILURES_MAX, type FillCandidate, type FillReason, staysAtMostMs } from './candidate.ts';
import { type FillBudget, PLANNED_LOADS_MAX } from './fill-node.ts';
import { type FillPlan, makePlan, type PlanView } from './plan.ts';
import { coldMsSaved, SECOND_COPY_SHARE } from './worth.ts';

/** What a scan must be told about the models besides their records. */
export interface ScanView extends PlanView {
  /** Size of a model, as far as it is known. */
  unitsOf(record: ModelRecord): SizeUnits;
  /** Expected load time of a type. */
  loadMsOf(type: string): DurationMs;
  isLive(instance: InstanceId): boolean;
}

/** Whether a model is left alone for now: it was planned just now, or its load is under way. */
export type IsResting = (model: ModelKey, reason: FillReason, lastUsedMs: EpochMs) => boolean;

/** Sets of instances that types may use; beyond them types share the last one. */
export const TYPE_GROUPS_MAX = 32;

/** Worth per unit of a candidate in free room. */
export function worthPerUnit({ reason, loadMs, units, freesPerUnit, idleAfterMs, ...demand }: FillCandidate): number {
  const share = reason === 'first-copy' ? 1 : SECOND_COPY_SHARE;
  const saved = coldMsSaved(demand, loadMs, staysAtMostMs(demand.idleMs, idleAfterMs), share);
  return saved === 0 ? 0 : saved / Math.max(1, units) + freesPerUnit;
}

/** Collects candidates; ends in a plan. Models that rest are passed over. */
export class FillScan {
  readonly #view: ScanView;
  readonly #isResting: IsResting;
  readonly #keep: number;
  /** Best candidates for each set of instances, so that many models of a type without room do not hide those of another. */
  readonly #groups = new Map<string, BestCandidates>();
  readonly #groupOfType = new Map<string, BestCandidates>();
  #looked = 0;

  /** `loads`: how many loads the plan may have at most. */
  constructor(view: ScanView, isResting: IsResting, loads: number) {
    this.#view = view;
    this.#isResting = isResting;
    // Twice as many as can be planned: some of the best will find no room.
    this.#keep = 2 * Math.min(PLANNED_LOADS_MAX, loads);
  }

  /** Models looked at so far. */
  get looked(): number {
    return this.#looked;
  }

  /** Looks at registered models: those without a live copy are candidates for a first one. */
  consider(records: Iterable<ModelRecord>): void {
    const { nowMs } = this.#view;
    for (const record of records) {
      this.#looked += 1;
      if (record.failures.size > FAILURES_MAX || this.#hasLiveCopy(record)) continue;
      const best = this.#bestFor(record.type);
      const usedMs = lastKnownUse(record);
      const idleMs = durationMs(Math.max(0, nowMs - usedMs));
      const units = this.#view.unitsOf(record);
      const loadMs = this.#view.loadMsOf(record.type);
      // One that its owner has unloaded when idle is not loaded to be unloaded at once.
      const staysMs = staysAtMostMs(idleMs, record.copiesPolicy.idleAfterMs ?? null);
      if (staysMs === 0) continue;
      const perUnit = coldMsSaved({ idleMs, callsPerMinute: null }, loadMs, staysMs, 1) / Math.max(1, units);
      if (!best.wouldKeep(perUnit) || this.#isResting(record.key, 'first-copy', usedMs)) continue;
      best.offer({ perUnit, candidate: firstCopy(record, idleMs, units, loadMs) });
    }
  }

  /** Takes a candidate that somebody proposed. */
  propose(candidate: FillCandidate): void {
    this.#looked += 1;
    const { nowMs } = this.#view;
    if (staysAtMostMs(candidate.idleMs, candidate.idleAfterMs) === 0) return;
    if (this.#isResting(candidate.model, candidate.reason, epochMs(nowMs - candidate.idleMs))) return;
    this.#bestFor(candidate.type).offer({ candidate, perUnit: worthPerUnit(candidate) });
  }

  /** The plan over everything that was looked at. */
  plan(budget: FillBudget): FillPlan {
    const ranked = [...this.#groups.values()].flatMap((best) => best.sorted()).sort(byWorth);
    return makePlan(ranked, this.#view, budget);
  }

  #hasLiveCopy({ copies }: ModelRecord): boolean {
    if (copies.size === 0) return false;
    for (const instance of copies.keys()) if (this.#view.isLive(instance)) return true;
    return false;
  }

  #bestFor(type: string): BestCandidates {
    const known = this.#groupOfType.get(type);
    if (known !== undefined) return known;
    const { nodes } = this.#view;
    const allowed = nodes.filter(({ id }) => this.#view.mayHold(type, id)).map(({ id }) => id);
    const name = this.#groups.size < TYPE_GROUPS_MAX ? allowed.join() : [...this.#groups.keys()].at(-1);
    const best = this.#groups.get(name ?? '') ?? new BestCandidates(this.#keep);
    this.#groups.set(name ?? '', best);
    this.#groupOfType.set(type, best);
    return best;
  }
}

/** A copy that was lost was wanted when it was claimed: the last use in the record may be hours behind. */
function lastKnownUse({ copies, lastUsedMs }: ModelRecord): EpochMs {
  let latest = lastUsedMs;
  for (const claimedMs of copies.values()) if (claimedMs > latest) latest = claimedMs;
  return latest;
}

const firstCopy = (record: ModelRecord, idleMs: DurationMs, units: SizeUnits, loadMs: DurationMs): FillCandidate => ({
  model: record.key,
  type: record.type,
  reason: 'first-copy',
  units,
  loadMs,
  idleMs,
  callsPerMinute: null,
  exclude: [...record.copies.keys(), ...record.failures.keys()],
  freesPerUnit: 0,
  idleAfterMs: record.copiesPolicy.idleAfterMs ?? null,
});

/**
 * The order that keeps what would cost most to load again: by uses × load time ÷ size, uses losing half of their weight as the cache turns
 * over. One pass over many models pushes out little, since what is used once stands behind what is used again; the past of models that
 * left is remembered for a while, so that they need not begin as strangers.
 *
 * Of the family of LNC-R (Scheuermann, Shim, Vingralek 1996) and GreedyDual-Size-Frequency. Their ranks change with time or with each
 * eviction; here weights decay exponentially, as in LRFU, and so the order of two copies changes only when one of them is used.
 */

import type { EpochMs, ModelKey } from '../../units.ts';
import type { CachePolicy, FinishedLoad, RankedCopy, RankReason } from './port.ts';
import { TurnoverClock } from './turnover-clock.ts';

/** A use weighs half as much after this many turnovers of the cache. Chosen by replays: longer is better for Zipf and scan, shorter for churn. */
const HALF_LIFE_TURNOVERS = 6;
/** Uses closer together than this count as one: without a copy they would have caused one load. */
const USE_TURNOVERS = 1 / 2;
/**
 * What a load counts for. Less than a use, so that of models alike those stay that are there: else a cycle over more than fits pushes out
 * each one just before it is called again. Lower still helps scans and harms traffic that changes (measured by replays).
 */
const LOAD_USES = 0.7;
/** A failure that is remembered stands with copies that load for a millisecond a unit: it weighs nothing and spares loads that fail. */
const FAILURE_WORTH = 1;
/** Models without a copy whose past is remembered; the one that left first is forgotten first. */
export const PAST_MODELS_MAX = 65_536;

/** What is known of one model's use, as of its last observed use. */
interface Past {
  readonly uses: number;
  /** Turnovers at its last observed use, and the instant. */
  readonly atTurnovers: number;
  readonly lastUsedMs: EpochMs;
  /** Calls of the present copy that are in `uses`. */
  readonly calls: number;
  /** Of its last load here; before that what loads of its size took on average. */
  readonly loadMs: number;
}

/** A fresh {@link CachePolicy} by cost. `pastModelsMax`: models without a copy that are remembered. */
export const costAware = (pastModelsMax: number = PAST_MODELS_MAX): CachePolicy => new CostAware(pastModelsMax);

class CostAware implements CachePolicy {
  readonly name = 'cost-aware';
  readonly isByLastUse = false;
  readonly #pastModelsMax: number;
  readonly #clock = new TurnoverClock();
  /** Of models with a copy, and of those without: a Map keeps the order in which they left. */
  readonly #present = new Map<ModelKey, Past>();
  readonly #gone = new Map<ModelKey, Past>();
  #loadedMs = 0;
  #loadedUnits = 0;

  constructor(pastModelsMax: number) {
    this.#pastModelsMax = pastModelsMax;
  }

  rankOf(copy: RankedCopy): number {
    const { uses, atTurnovers, loadMs } = this.#seen(copy);
    const worth = copy.isFailure ? FAILURE_WORTH : (uses * Math.max(1, loadMs)) / Math.max(1, copy.units);
    return atTurnovers / HALF_LIFE_TURNOVERS + Math.log2(worth);
  }

  observe(copy: RankedCopy): void {
    const seen = this.#seen(copy);
    this.#gone.delete(copy.model);
    this.#present.set(copy.model, seen);
  }

  loaded({ model, units, loadMs, effectiveUnits }: FinishedLoad, nowMs: EpochMs): void {
    this.#loadedMs += loadMs;
    this.#loadedUnits += units;
    this.#clock.advance(units / Math.max(1, effectiveUnits), nowMs);
    const past = this.#present.get(model);
    if (past !== undefined) this.#present.set(model, { ...past, loadMs });
  }

  left(model: ModelKey): void {
    const past = this.#present.get(model);
    if (past === undefined) return;
    this.#present.delete(model);
    this.#gone.set(model, { ...past, calls: 0 });
    if (this.#gone.size <= this.#pastModelsMax) return;
    const [first] = this.#gone.keys();
    if (first !== undefined) this.#gone.delete(first);
  }

  explain(copy: RankedCopy): RankReason {
    const { uses, atTurnovers, loadMs } = this.#seen(copy);
    const turnoversIdle = this.#clock.now - atTurnovers;
    const score = this.rankOf(copy) - this.#clock.now / HALF_LIFE_TURNOVERS;
    return { policy: 'cost-aware', score: rounded(score), uses: rounded(uses), turnoversIdle: rounded(turnoversIdle), loadMs };
  }

  /** The past of the model with the uses since it was observed. */
  #seen(copy: RankedCopy): Past {
    const { model, units, lastUsedMs, calls } = copy;
    const present = this.#present.get(model);
    const past = present ?? this.#gone.get(model);
    if (past === undefined)
      return { uses: LOAD_USES, atTurnovers: this.#clock.at(lastUsedMs), lastUsedMs, calls, loadMs: this.#loadMsOf(units) };
    if (lastUsedMs <= past.lastUsedMs) return past;
    const atTurnovers = Math.max(past.atTurnovers, this.#clock.at(lastUsedMs));
    const passed = atTurnovers - past.atTurnovers;
    const before = past.uses * 2 ** -(passed / HALF_LIFE_TURNOVERS);
    const since = present === undefined ? LOAD_USES : usesWhile(passed, calls - present.calls);
    return { uses: before + since, atTurnovers, lastUsedMs, calls, loadMs: past.loadMs };
  }

  #loadMsOf(units: number): number {
    return this.#loadedUnits === 0 ? 1 : (this.#loadedMs / this.#loadedUnits) * units;
  }
}

/** What so many calls count for, spread evenly over this many turnovers; a last use that no call left counts as one. */
function usesWhile(turnovers: number, calls: number): number {
  const halvings = turnovers / HALF_LIFE_TURNOVERS;
  if (halvings === 0) return 0;
  const apart = Math.min(Math.max(1, calls), turnovers / USE_TURNOVERS);
  return (apart * (1 - 2 ** -halvings)) / (halvings * Math.LN2);
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

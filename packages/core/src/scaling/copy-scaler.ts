/** The scaling of the copies in one instance: what its tickers call. Holds what must outlive a step; decides by the rules beside it. */

import type { CacheInstant } from '../cache/index.ts';
import type { ModelKey, MonotonicMs } from '../units.ts';
import { byKey, type ClusterFacts } from './cluster-facts.ts';
import { CHECK_SHARE_MIN, checkScalingConfig, DEFAULT_SCALING_CONFIG, type ScalingConfig } from './config.ts';
import { type CopyCounters, type CopyReading, type CopyUse, UseTracker } from './copy-use.ts';
import type { ScaleUpDecision, ScaleUpStep } from './decision.ts';
import { type BusyCopy, HotWatch } from './hot-watch.ts';
import { type CopyLoad, copyLoad, HEAVY_RATIO } from './load.ts';
import { decideScaleUp, held, type ScaleUpView, type ServingCopy } from './scale-up.ts';
import { ScaleUpBudget } from './scale-up-budget.ts';

/** A local copy that serves, and what was counted for it. */
export interface CountedCopy extends ServingCopy {
  /** Tells the lives of the copy apart. */
  readonly generation: number;
  readonly counters: CopyCounters;
}

const NOTHING: ScaleUpStep = { decisions: [], loads: new Map() };

/** Decides which of this instance's copies get help elsewhere. Equal calls give equal decisions. */
export class CopyScaler {
  #config: ScalingConfig;
  readonly #uses: UseTracker;
  readonly #hot = new HotWatch();
  readonly #budget: ScaleUpBudget;
  #loads: ReadonlyMap<ModelKey, CopyLoad> = new Map();

  /** @throws {Bug} if the configuration is out of range. */
  constructor(now: MonotonicMs, config: ScalingConfig = DEFAULT_SCALING_CONFIG) {
    this.#config = checkScalingConfig(config);
    const regular = { minAgeMs: config.secondCopyMinAgeMs, maxAgeMs: config.secondCopyMaxAgeMs };
    this.#uses = new UseTracker(now, regular);
    this.#budget = new ScaleUpBudget(config.scaleUpsInFlightMax);
  }

  /** The bounds in force. */
  get config(): ScalingConfig {
    return this.#config;
  }

  /** A dynamic parameter changed (spec §6.4). @throws {Bug} if the bound is out of range. */
  setCallsPerMinuteMax(callsPerMinuteMax: number): void {
    this.#config = checkScalingConfig({ ...this.#config, callsPerMinuteMax });
  }

  /**
   * The step of every ten seconds over all copies that serve. Called too early it does nothing, so that a ticker that lags behind does not
   * judge by a window of a second. With this instance alone there is nobody to help, but uses are counted.
   */
  step(copies: readonly CountedCopy[], cluster: ClusterFacts, { monotonicMs, wallMs }: CacheInstant): ScaleUpStep {
    const elapsedMs = this.#uses.elapsedMs(monotonicMs);
    if (elapsedMs < this.#config.checkMs * CHECK_SHARE_MIN) return NOTHING;
    this.#uses.read(copies.map(readingOf), monotonicMs);
    const loads = new Map<ModelKey, CopyLoad>();
    const view: ScaleUpView = {
      cluster,
      config: this.#config,
      nowMs: wallMs,
      elapsedMs,
      meanConcurrency: meanConcurrency(copies),
    };
    const wanting: { readonly copy: ServingCopy; readonly load: CopyLoad; readonly decision: ScaleUpDecision }[] = [];
    for (const copy of copies) {
      const use = this.#uses.use(copy.record.key);
      if (use === undefined || use.window.calls === 0) continue;
      const load = copyLoad(use, copy.maxConcurrency, this.#config);
      loads.set(copy.record.key, load);
      if (load.ratio > HEAVY_RATIO) this.#uses.markHeavy(copy.record.key, monotonicMs);
      const decision = decideScaleUp(copy, use, load, view);
      if (decision !== undefined) wanting.push({ copy, load, decision });
    }
    this.#loads = loads;
    wanting.sort((a, b) => b.load.ratio - a.load.ratio || byKey(a.decision.model, b.decision.model));
    return { decisions: wanting.map(({ copy, decision }) => this.#withinBudget(decision, cluster, copy, monotonicMs)), loads };
  }

  /** The look of every half second at the calls in flight: a model whose calls pile up is helped at once. */
  look(copies: readonly BusyCopy[], cluster: ClusterFacts, { monotonicMs, wallMs }: CacheInstant): readonly ScaleUpDecision[] {
    const view = { cluster, config: this.#config, nowMs: wallMs, meanConcurrency: meanConcurrency(copies) };
    return this.#hot
      .look(copies, view, monotonicMs)
      .map(({ copy, decision }) => this.#withinBudget(decision, cluster, copy, monotonicMs));
  }

  /** What was asked for of a model serves, failed or was given up: its place in the budget is free again. */
  settled(model: ModelKey): void {
    this.#budget.settle(model);
  }

  /** How a local copy is used; undefined until its first step. */
  use(model: ModelKey): CopyUse | undefined {
    return this.#uses.use(model);
  }

  /** A copy's load in the last step; undefined if it was not used in it. */
  load(model: ModelKey): CopyLoad | undefined {
    return this.#loads.get(model);
  }

  #withinBudget(decision: ScaleUpDecision, cluster: ClusterFacts, { record }: ServingCopy, now: MonotonicMs): ScaleUpDecision {
    if (decision.kind !== 'add-copies') return decision;
    const { model, because } = decision;
    if (this.#budget.isLoading(model, now))
      return held({ key: model }, 'already-loading', `${because}; copies were asked for already`);
    const granted = this.#budget.take(model, decision.copies, now);
    if (granted === 0) {
      const max = this.#config.scaleUpsInFlightMax;
      return held({ key: model }, 'budget', `${because}; ${max} copies are being loaded for load at a time`);
    }
    this.#hot.helped(model, cluster.factsFor(record.type).assumeLoadedAfterMs, now);
    return { ...decision, copies: granted };
  }
}

const readingOf = ({ record, generation, counters }: CountedCopy): CopyReading => ({ model: record.key, generation, counters });

function meanConcurrency(copies: readonly ServingCopy[]): number | null {
  let sum = 0;
  let limited = 0;
  for (const { maxConcurrency } of copies) {
    if (maxConcurrency === null) continue;
    sum += maxConcurrency;
    limited += 1;
  }
  return limited === 0 ? null : sum / limited;
}

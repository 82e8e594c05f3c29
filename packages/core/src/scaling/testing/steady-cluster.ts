/** A few instances under load for hours of virtual time: the real rules of scaling, a registry and loads that take their time. */

import {
  type DurationMs,
  durationMs,
  epochMs,
  type InstanceId,
  instanceId,
  modelKey,
  monotonicMs,
  sizeUnits,
} from '../../index.ts';
import {
  type CopiesPolicy,
  DEFAULT_COPIES_POLICY,
  type ModelRecord,
  newModelRecord,
  withCopyClaimed,
  withCopyUnloaded,
} from '../../records/index.ts';
import type { ClusterFacts } from '../cluster-facts.ts';
import { CopyScaler } from '../copy-scaler.ts';
import type { AddCopies } from '../decision.ts';
import { mayRemove, scaleDownPass } from '../scale-down-pass.ts';

/** A model and the calls that come for it, spread evenly over the copies that serve. */
export interface SteadyModel {
  /** The same all the time, or by the minute. */
  readonly callsPerMinute: number | ((minute: number) => number);
  readonly policy?: Partial<CopiesPolicy>;
}

/** Copies that came and went, by the minute, and how many there were at the end. */
export interface MovedCopies {
  readonly added: readonly { readonly model: string; readonly minute: number }[];
  readonly removed: readonly { readonly model: string; readonly minute: number; readonly left: number }[];
  readonly copies: ReadonlyMap<string, number>;
}

const STEP_MS = 10_000;
const JANITOR_STEPS = 36;
const LOAD_MS = 5000;
const START = 1_700_000_000_000;

/** Runs it. `freeShare` is what every instance claims to have left. */
export function runUnderLoad(
  names: readonly string[],
  models: readonly SteadyModel[],
  freeShare: number,
  lastsMs: number,
): MovedCopies {
  const cluster = new SteadyCluster(names, models, freeShare);
  for (let atMs = STEP_MS; atMs <= lastsMs; atMs += STEP_MS) cluster.step(atMs);
  return cluster.moved();
}

class SteadyCluster {
  readonly #ids: readonly InstanceId[];
  readonly #rates: ReadonlyMap<string, SteadyModel['callsPerMinute']>;
  readonly #records = new Map<string, ModelRecord>();
  readonly #calls = new Map<string, number>();
  readonly #scalers: ReadonlyMap<InstanceId, CopyScaler>;
  readonly #freeShare: number;
  readonly #added: { model: string; minute: number }[] = [];
  readonly #removed: { model: string; minute: number; left: number }[] = [];
  #nowMs = 0;

  constructor(names: readonly string[], models: readonly SteadyModel[], freeShare: number) {
    this.#ids = names.map((name) => instanceId(name));
    this.#freeShare = freeShare;
    this.#rates = new Map(models.map(({ callsPerMinute }, at) => [`m${at}`, callsPerMinute]));
    this.#scalers = new Map(this.#ids.map((id) => [id, new CopyScaler(monotonicMs(0))]));
    for (const [at, { policy }] of models.entries()) {
      const home = this.#ids[at % this.#ids.length] ?? instanceId('a');
      const copiesPolicy = { ...DEFAULT_COPIES_POLICY, ...policy };
      const record = newModelRecord({ key: modelKey(`m${at}`), type: 'onnx', copiesPolicy });
      this.#records.set(record.key, withCopyClaimed(record, home, epochMs(START - LOAD_MS)));
    }
  }

  step(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#serve();
    for (const id of this.#ids) this.#scaleUp(id);
    // Instances run their janitors at different times, as they were started at different times.
    for (const [at, id] of this.#ids.entries()) if ((nowMs / STEP_MS + at) % JANITOR_STEPS === 0) this.#scaleDown(id);
  }

  moved(): MovedCopies {
    return {
      added: this.#added,
      removed: this.#removed,
      copies: new Map([...this.#records].map(([name, { copies }]) => [name, copies.size])),
    };
  }

  #serve(): void {
    for (const name of this.#rates.keys()) {
      const rate = this.#rateOf(name);
      const serving = this.#servingIn(name);
      for (const id of serving) {
        const calls = (rate * STEP_MS) / 60_000 / serving.length;
        this.#calls.set(`${name} ${id}`, (this.#calls.get(`${name} ${id}`) ?? 0) + calls);
      }
    }
  }

  #rateOf(name: string): number {
    const rate = this.#rates.get(name) ?? 0;
    return typeof rate === 'number' ? rate : rate(this.#nowMs / 60_000);
  }

  #servingIn(name: string): readonly InstanceId[] {
    const now = START + this.#nowMs;
    return [...(this.#records.get(name)?.copies ?? [])].filter(([, claimed]) => claimed + LOAD_MS <= now).map(([id]) => id);
  }

  #scaleUp(id: InstanceId): void {
    const scaler = this.#scalers.get(id);
    const copies = [...this.#records.values()]
      .filter(({ key }) => this.#servingIn(key).includes(id))
      .map((record) => ({
        record,
        maxConcurrency: null,
        generation: record.copies.get(id) ?? 0,
        counters: { calls: this.#calls.get(`${record.key} ${id}`) ?? 0, processingMs: 0, queuedMs: 0 },
      }));
    const instant = { monotonicMs: monotonicMs(this.#nowMs), wallMs: epochMs(START + this.#nowMs) };
    for (const decision of scaler?.step(copies, this.#facts(id), instant).decisions ?? []) {
      if (decision.kind === 'hold') continue;
      const copiesWanted = decision.kind === 'add-copies' ? decision.copies : 1;
      this.#add(decision.model, decision.exclude, copiesWanted);
      scaler?.settled(decision.model);
    }
  }

  #add(model: string, exclude: AddCopies['exclude'], copies: number): void {
    for (let at = 0; at < copies; at += 1) {
      const record = this.#records.get(model);
      const target = this.#ids.find((id) => !exclude.includes(id) && record?.copies.has(id) === false);
      if (record === undefined || target === undefined) return;
      this.#records.set(model, withCopyClaimed(record, target, epochMs(START + this.#nowMs)));
      this.#calls.set(`${model} ${target}`, 0);
      this.#added.push({ model, minute: this.#nowMs / 60_000 });
    }
  }

  #scaleDown(id: InstanceId): void {
    const nowMs = epochMs(START + this.#nowMs);
    const cluster = this.#facts(id);
    const scaler = this.#scalers.get(id);
    const copies = [...this.#records.values()]
      .filter(({ key }) => this.#servingIn(key).includes(id))
      .map((record) => ({
        record,
        units: sizeUnits(100),
        lastUsedMs: this.#rateOf(record.key) > 0 ? nowMs : epochMs(START),
        heavyAgeMs: ageOf(scaler?.use(record.key)?.heavyAtMs ?? null, this.#nowMs),
        load: scaler?.load(record.key),
        queued: 0,
      }));
    const view = { cluster, nowMs, selfFull: this.#freeShare < 0.05, freeShareOf: () => this.#freeShare };
    for (const decision of scaleDownPass(copies, sizeUnits(100_000), view).decisions) {
      const record = this.#records.get(decision.model);
      if (decision.kind !== 'remove-copy' || record === undefined || !mayRemove(record, decision, id, cluster.isLive)) continue;
      const after = withCopyUnloaded(record, id, nowMs);
      this.#records.set(decision.model, after);
      this.#removed.push({ model: decision.model, minute: this.#nowMs / 60_000, left: after.copies.size });
    }
  }

  #facts(self: InstanceId): ClusterFacts {
    const suitable = new Map(this.#ids.map((id) => [id, 0] as const));
    const capacityUnits = sizeUnits(100_000 * this.#ids.length);
    const fullness = {
      capacityUnits,
      freeUnits: sizeUnits(Math.round(capacityUnits * this.#freeShare)),
      oldestUseMs: epochMs(START - 600_000),
    };
    return {
      self,
      isLive: (id) => this.#ids.includes(id),
      isBefore: (a, b) => this.#ids.indexOf(a) < this.#ids.indexOf(b),
      factsFor: () => ({ suitable, fullness, assumeLoadedAfterMs: durationMs(LOAD_MS) }),
    };
  }
}

const ageOf = (atMs: number | null, nowMs: number): DurationMs | null => (atMs === null ? null : durationMs(nowMs - atMs));

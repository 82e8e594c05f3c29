/** How each local copy is used: what happened since the last step, and the few marks that outlive it. */

import { type DurationMs, durationMs, type ModelKey, type MonotonicMs } from '../units.ts';
import { type RegularUse, regularUseAge, type UseMarks, withUse } from './use-marks.ts';

/** What the data plane counted for a copy since its slot was opened; only grows. */
export interface CopyCounters {
  /** Calls that ended. */
  readonly calls: number;
  /** Time that they spent in the runtime, summed. */
  readonly processingMs: number;
  /** Time that they waited at the copy before that, summed. Waiting for a load does not count. */
  readonly queuedMs: number;
}

/** A copy's counters now. `generation` tells its lives apart: another one starts from zero. */
export interface CopyReading {
  readonly model: ModelKey;
  readonly generation: number;
  readonly counters: CopyCounters;
}

/** What happened to a copy between two steps. */
export interface UseWindow extends CopyCounters {
  readonly elapsedMs: DurationMs;
  readonly callsPerMinute: number;
}

/** Calls and their time in the runtime, over as many windows as it takes to have enough of them. */
export interface CallSamples {
  readonly calls: number;
  readonly processingMs: number;
}

/** How a copy is used. */
export interface CopyUse {
  readonly generation: number;
  readonly counters: CopyCounters;
  readonly window: UseWindow;
  /** This window's calls, and where they are few those before it too (spec §4.8). */
  readonly samples: CallSamples;
  readonly marks: UseMarks;
  /** Age of the earlier use that makes this window's use a regular one; null: not used, or not regularly. */
  readonly regularUseAgeMs: DurationMs | null;
  /** When it was last used heavily; null: never. Set by whoever knows the bound. */
  readonly heavyAtMs: MonotonicMs | null;
}

/** A window with fewer calls than this is judged together with those before it (spec §4.8). */
export const SAMPLES_MIN = 64;

const NO_COUNTERS: CopyCounters = { calls: 0, processingMs: 0, queuedMs: 0 };
const NO_SAMPLES: CallSamples = { calls: 0, processingMs: 0 };

/** The use of a copy after its next reading. Without a `before`, or with that of another life, everything counted is of this window. */
export function nextCopyUse(
  before: CopyUse | undefined,
  reading: CopyReading,
  elapsedMs: DurationMs,
  now: MonotonicMs,
  regular: RegularUse,
): CopyUse {
  const earlier = before?.generation === reading.generation ? before : undefined;
  const window = windowBetween(earlier?.counters ?? NO_COUNTERS, reading.counters, elapsedMs);
  const marks = before?.marks ?? null;
  return {
    generation: reading.generation,
    counters: reading.counters,
    window,
    samples: carried(earlier?.samples ?? NO_SAMPLES, window),
    marks: window.calls > 0 ? withUse(marks, now, regular) : marks,
    regularUseAgeMs: window.calls > 0 ? regularUseAge(marks, now, regular) : null,
    heavyAtMs: before?.heavyAtMs ?? null,
  };
}

function windowBetween(from: CopyCounters, to: CopyCounters, elapsedMs: DurationMs): UseWindow {
  const calls = Math.max(0, to.calls - from.calls);
  return {
    elapsedMs,
    calls,
    processingMs: Math.max(0, to.processingMs - from.processingMs),
    queuedMs: Math.max(0, to.queuedMs - from.queuedMs),
    callsPerMinute: elapsedMs > 0 ? (calls * 60_000) / elapsedMs : 0,
  };
}

/** Enough calls stand alone; fewer are added to those before, which weigh as {@link SAMPLES_MIN} calls at most so that they fade. */
function carried(before: CallSamples, window: CallSamples): CallSamples {
  if (window.calls >= SAMPLES_MIN) return { calls: window.calls, processingMs: window.processingMs };
  const weight = before.calls > SAMPLES_MIN ? SAMPLES_MIN / before.calls : 1;
  return {
    calls: before.calls * weight + window.calls,
    processingMs: before.processingMs * weight + window.processingMs,
  };
}

/** The use of every local copy, step after step. Holds exactly the copies of the last reading. */
export class UseTracker {
  readonly #uses = new Map<ModelKey, CopyUse>();
  readonly #regular: RegularUse;
  #lastMs: MonotonicMs;

  /** `sinceMs`: where the first window begins. */
  constructor(sinceMs: MonotonicMs, regular: RegularUse) {
    this.#lastMs = sinceMs;
    this.#regular = regular;
  }

  /** Time since the last reading. */
  elapsedMs(now: MonotonicMs): DurationMs {
    return durationMs(Math.max(0, now - this.#lastMs));
  }

  /** Takes the readings of all local copies; what is not among them is forgotten. */
  read(readings: Iterable<CopyReading>, now: MonotonicMs): void {
    const elapsedMs = this.elapsedMs(now);
    const kept = new Set<ModelKey>();
    for (const reading of readings) {
      kept.add(reading.model);
      const before = this.#uses.get(reading.model);
      this.#uses.set(reading.model, nextCopyUse(before, reading, elapsedMs, now, this.#regular));
    }
    for (const model of this.#uses.keys()) if (!kept.has(model)) this.#uses.delete(model);
    this.#lastMs = now;
  }

  /** How the copy was used as of the last reading. */
  use(model: ModelKey): CopyUse | undefined {
    return this.#uses.get(model);
  }

  /** The copy was used heavily. */
  markHeavy(model: ModelKey, now: MonotonicMs): void {
    const use = this.#uses.get(model);
    if (use !== undefined) this.#uses.set(model, { ...use, heavyAtMs: now });
  }

  /** Copies tracked. */
  get size(): number {
    return this.#uses.size;
  }
}

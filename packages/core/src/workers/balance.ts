import { type DurationMs, durationMs, type MonotonicMs } from '../units.ts';

/** A worker with more than this many times the mean of the other workers' streams has too many. */
export const SHARE_MAX = 1.5;
/** It sheds a connection once it had too many for so long. */
export const OVER_FOR_MS: DurationMs = durationMs(5000);
/** Pause between two connections that are shed, over all workers. */
export const SHED_EVERY_MS: DurationMs = durationMs(10_000);
/** Samples of streams are smoothed over this time, since between two calls a busy connection has none. */
export const SMOOTHED_OVER_MS: DurationMs = durationMs(1000);
/** Below this many streams on average no worker has too many: what differs then is chance. */
export const STREAMS_WORTH_SHEDDING = 1;

/** A load that is sampled, in streams: an exponential mean. */
export function smoothed(before: number, sample: number, passedMs: number): number {
  return before + (sample - before) * (1 - Math.exp(-Math.max(0, passedMs) / SMOOTHED_OVER_MS));
}

/** What is remembered between two looks at the loads; by worker. */
export interface Balance {
  readonly loads: ReadonlyMap<number, number>;
  readonly overSinceMs: ReadonlyMap<number, MonotonicMs>;
  readonly weighedMs: MonotonicMs | null;
  readonly shedMs: MonotonicMs | null;
}

/** Nothing was weighed yet. */
export const NO_BALANCE: Balance = { loads: new Map(), overSinceMs: new Map(), weighedMs: null, shedMs: null };

/** One worker shall shed one connection. */
export interface Shed {
  readonly worker: number;
  /** The mean load of the other workers, in streams. */
  readonly othersMean: number;
}

/**
 * Weighs the active streams of the workers that are alive, by worker.
 *
 * The mean is that of the *other* workers: of two workers one can never have more than one and a half times a mean that it is half of until it has three
 * quarters of all streams, while one and a half times the other's is 60 of 100.
 */
export function weigh(
  before: Balance,
  streams: ReadonlyMap<number, number>,
  nowMs: MonotonicMs,
): { readonly balance: Balance; readonly shed: Shed | null } {
  const passedMs = before.weighedMs === null ? 0 : nowMs - before.weighedMs;
  const loads = new Map<number, number>();
  for (const [worker, count] of streams) {
    const known = before.loads.get(worker);
    loads.set(worker, known === undefined ? count : smoothed(known, count, passedMs));
  }
  const overSinceMs = new Map<number, MonotonicMs>();
  let shed: Shed | null = null;
  const rested = before.shedMs === null || nowMs - before.shedMs >= SHED_EVERY_MS;
  for (const [worker, load] of loads) {
    const othersMean = meanBut(loads, worker);
    if (othersMean === null || load < STREAMS_WORTH_SHEDDING || load <= SHARE_MAX * othersMean) continue;
    const sinceMs = before.overSinceMs.get(worker) ?? nowMs;
    overSinceMs.set(worker, sinceMs);
    if (!rested || nowMs - sinceMs < OVER_FOR_MS) continue;
    if (shed === null || load > (loads.get(shed.worker) ?? 0)) shed = { worker, othersMean };
  }
  return { balance: { loads, overSinceMs, weighedMs: nowMs, shedMs: before.shedMs }, shed };
}

/** The worker has shed a connection, or has none whose leaving would help: then it is asked again no sooner than after {@link OVER_FOR_MS}. */
export function shedBy(before: Balance, worker: number, done: boolean, nowMs: MonotonicMs): Balance {
  const overSinceMs = new Map(before.overSinceMs);
  overSinceMs.delete(worker);
  return { ...before, overSinceMs, shedMs: done ? nowMs : before.shedMs };
}

/**
 * Which of a worker's connections shall go, by their loads: the one that leaves the two closest to each other, if it came to a worker with the mean
 * load of the others. `null`: whichever went, one of the two would have as much as now.
 */
export function connectionToShed(loads: readonly number[], othersMean: number): number | null {
  const own = loads.reduce((sum, load) => sum + load, 0);
  let best: { readonly at: number; readonly largest: number } | null = null;
  for (const [at, load] of loads.entries()) {
    const largest = Math.max(own - load, othersMean + load);
    // What differs by less than this is chance, and a client that is moved for it would be moved back.
    if (largest > own * WORTH_MOVING) continue;
    if (best === null || largest < best.largest) best = { at, largest };
  }
  return best?.at ?? null;
}

/** The largest load after a move, as a share of the one before it, above which a connection is left alone. */
const WORTH_MOVING = 0.95;

function meanBut(loads: ReadonlyMap<number, number>, worker: number): number | null {
  if (loads.size < 2) return null;
  let sum = 0;
  for (const [other, load] of loads) if (other !== worker) sum += load;
  return sum / (loads.size - 1);
}

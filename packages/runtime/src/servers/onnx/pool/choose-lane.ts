import type { DurationMs, MonotonicMs } from '@modelmesh/core';

/** What the choice needs to know of one worker. */
export interface LaneView {
  /** Loads and unloads that wait or go on. */
  readonly controlJobs: number;
  /** Runs that wait or go on. */
  readonly runs: number;
  readonly sessions: number;
  /** When a run of one of its sessions was last under way; −Infinity if never. */
  readonly lastRunMs: MonotonicMs;
}

/** Where a load goes. */
export type LaneChoice = { readonly kind: 'use'; readonly index: number } | { readonly kind: 'add-worker' };

/** How long after its last run a worker counts as busy. */
export const QUIET_MS = 3_000 as DurationMs;

/**
 * Chooses the worker of a load: a load blocks its thread, so it goes where nobody will miss it. A worker that loads already or ran something
 * within {@link QUIET_MS} is avoided by adding a worker while there may be more; among equals the longest quiet one with the fewest sessions wins.
 *
 * @param excluded indexes that must not be used, because a session of the same model is there.
 * @returns undefined if every worker is excluded and none may be added.
 */
export function chooseLane(
  lanes: readonly LaneView[],
  excluded: ReadonlySet<number>,
  nowMs: MonotonicMs,
  workersMax: number,
): LaneChoice | undefined {
  let best: { readonly index: number; readonly lane: LaneView; readonly isBusy: boolean } | undefined;
  for (const [index, lane] of lanes.entries()) {
    if (excluded.has(index)) continue;
    const isBusy = lane.runs > 0 || nowMs - lane.lastRunMs < QUIET_MS;
    if (best === undefined || compare(lane, isBusy, best.lane, best.isBusy) < 0) best = { index, lane, isBusy };
  }
  if (lanes.length < workersMax && (best === undefined || best.isBusy || best.lane.controlJobs > 0))
    return { kind: 'add-worker' };
  return best === undefined ? undefined : { kind: 'use', index: best.index };
}

function compare(a: LaneView, aIsBusy: boolean, b: LaneView, bIsBusy: boolean): number {
  return (
    Number(aIsBusy) - Number(bIsBusy) ||
    a.controlJobs - b.controlJobs ||
    (aIsBusy ? sign(a.lastRunMs, b.lastRunMs) : 0) ||
    a.sessions - b.sessions ||
    sign(a.lastRunMs, b.lastRunMs)
  );
}

function sign(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

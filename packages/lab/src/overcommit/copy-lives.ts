import type { LogLine } from '../node-process/index.ts';

/** What the events of a node say of the lives of its copies. */
export interface CopyLives {
  readonly loads: number;
  readonly unloads: number;
  readonly evictions: number;
  readonly failedLoads: number;
  readonly recycles: number;
  /** Models that were loaded once more while a copy of them was there: must be none. */
  readonly doubleLoads: readonly string[];
}

/**
 * Follows each model through the events in their order. Between two loads of one model its copy must have been unloaded, or lost with the
 * runtime.
 */
export function copyLives(events: readonly LogLine[]): CopyLives {
  const there = new Set<string>();
  const counts = { loads: 0, unloads: 0, evictions: 0, failedLoads: 0, recycles: 0 };
  const doubleLoads: string[] = [];
  for (const { event, model } of events) {
    if (event.startsWith('runtime-')) there.clear();
    if (event === 'runtime-recycled') counts.recycles += 1;
    if (typeof model !== 'string') continue;
    if (event === 'model-loaded') {
      if (there.has(model)) doubleLoads.push(model);
      there.add(model);
      counts.loads += 1;
    } else if (event === 'model-unloaded' || event === 'copy-lost') {
      there.delete(model);
      counts.unloads += 1;
    } else if (event === 'model-evicted') counts.evictions += 1;
    else if (event === 'load-failed') counts.failedLoads += 1;
  }
  return { ...counts, doubleLoads };
}

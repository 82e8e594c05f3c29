import { median } from '../figures/index.ts';
import { NodeProcess, RuntimeProcess, realClock } from '../node-process/index.ts';

/** What the node adds to the start of its runtime, in milliseconds, at most. */
export const NODE_SHARE_MS_MAX = 1000;

/** What starts took from the spawn of the process until it says that it is ready; medians over the rounds. */
export interface StartFigures {
  readonly rounds: number;
  /** A node with its embedded runtime, which it starts itself. */
  readonly nodeMs: number;
  /** The embedded runtime alone. */
  readonly runtimeMs: number;
  /** What the node took beyond the runtime that started right after it; median of the pairs. */
  readonly beyondMs: number;
}

/** Starts a node and a runtime alone in turn, so that both meet the same machine. */
export async function measureStarts(rounds: number): Promise<StartFigures> {
  const nodes: number[] = [];
  const runtimes: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    nodes.push(await startMs(() => NodeProcess.start()));
    runtimes.push(await startMs(() => RuntimeProcess.start()));
  }
  const beyond = nodes.map((nodeMs, at) => nodeMs - (runtimes[at] ?? Number.NaN));
  return { rounds, nodeMs: median(nodes), runtimeMs: median(runtimes), beyondMs: median(beyond) };
}

async function startMs(start: () => Promise<AsyncDisposable>): Promise<number> {
  const startedMs = realClock.monotonicMs();
  await using _started = await start();
  return realClock.monotonicMs() - startedMs;
}

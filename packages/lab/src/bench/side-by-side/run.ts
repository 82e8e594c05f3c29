import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LoadProcess } from '../../load/index.ts';
import { freeFolder } from '../../node-process/index.ts';
import { BenchRuntime, type RuntimeKind, type Way, type WayName, type WayTools } from '../ways/index.ts';
import { type Cell, callsOf } from './cell.ts';
import { type CellFigures, measureCell, warmWays } from './measure.ts';
import { measureStreaming, OPEN_STREAMS, STREAMING_WAYS, type StreamingFigures } from './streaming.ts';
import { startWays } from './ways-of.ts';

/** What is measured, and how long. */
export interface BenchPlan {
  readonly cells: readonly Cell[];
  /** Whether open streams are measured too. */
  readonly streaming: boolean;
  /** Ways to leave out. */
  readonly without: ReadonlySet<WayName>;
  readonly runs: number;
  /** Part of the usual number of calls in a run. */
  readonly share: number;
  /** Calls that warm ways in JavaScript before anything is measured. */
  readonly warmCalls: number;
  /** The program of the runtime that all ways lead to. */
  readonly backend: string;
  /** Where the other programs are. */
  readonly tools: WayTools;
  /** How it answers. */
  readonly runtime: RuntimeKind;
}

/** Enough calls to warm a way in JavaScript. */
export const WARM_CALLS = 30_000;

/** Who hears how far a bench is. */
export interface BenchListener {
  /** Something that somebody who waits wants to know. */
  readonly tell: (line: string) => void;
  /** A situation was measured. */
  readonly measured: (cell: Cell, figures: CellFigures) => void;
  /** Open streams were measured. */
  readonly streamed: (way: WayName, figures: StreamingFigures) => void;
}

/** Measures the situations, plaintext first, then open streams, each group with processes of its own. @throws if a call fails */
export async function runBench(plan: BenchPlan, listener: BenchListener): Promise<void> {
  await using load = new LoadProcess();
  let done = 0;
  for (const encrypted of [false, true]) {
    const cells = plan.cells.filter((cell) => cell.encrypted === encrypted);
    if (cells.length === 0) continue;
    await using group = await startGroup(
      plan,
      cells.flatMap(({ ways }) => ways),
      encrypted,
      listener,
    );
    const measure = { runs: plan.runs, share: plan.share, load, folder: group.folder };
    await warmWays(group.ways, plan.warmCalls, measure);
    for (const cell of cells) {
      done += 1;
      const title = `[${done}/${plan.cells.length}] ${cell.name}`;
      const figures = await measureCell(cell, group.ways, measure, (round) => {
        listener.tell(`${title}: round ${round} of ${plan.runs}, ${callsOf(cell, plan.share)} calls each`);
      });
      listener.measured(cell, figures);
    }
  }
  if (!plan.streaming) return;
  await using group = await startGroup(plan, STREAMING_WAYS, false, listener);
  for (const way of group.ways) {
    listener.tell(`${OPEN_STREAMS} open streams: ${way.name}`);
    listener.streamed(way.name, await measureStreaming(way, load));
  }
}

interface Group extends AsyncDisposable {
  readonly ways: readonly Way[];
  readonly folder: string;
}

/** Starts a runtime and ways to it. */
async function startGroup(
  plan: BenchPlan,
  wanted: readonly WayName[],
  encrypted: boolean,
  listener: BenchListener,
): Promise<Group> {
  await using started = new AsyncDisposableStack();
  const place = started.use(await freeFolder());
  const runtime = started.use(await BenchRuntime.start(plan.backend, plan.runtime, place.path));
  const names = [...new Set(wanted)].filter((name) => !plan.without.has(name));
  const folder = join(place.path, 'ways');
  await mkdir(folder);
  listener.tell(`starting ${names.join(', ')}`);
  const { ways, missing } = started.use(await startWays(names, runtime, plan.tools, folder, encrypted));
  for (const line of missing) listener.tell(`left out: ${line}`);
  const held = started.move();
  return { ways, folder: place.path, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
}

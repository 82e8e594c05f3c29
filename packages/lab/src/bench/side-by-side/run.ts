import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LoadProcess } from '../../load/index.ts';
import { freeFolder } from '../../node-process/index.ts';
import { BenchRuntime, type RuntimeKind, type WayName } from '../ways/index.ts';
import { type Cell, callsOf } from './cell.ts';
import { type CellFigures, measureCell } from './measure.ts';
import { startWays } from './ways-of.ts';

/** What is measured, and how long. */
export interface BenchPlan {
  readonly cells: readonly Cell[];
  /** Ways to leave out. */
  readonly without: ReadonlySet<WayName>;
  readonly runs: number;
  /** Part of the usual number of calls in a run. */
  readonly share: number;
  /** The program of the runtime that all ways lead to. */
  readonly backend: string;
  /** How it answers. */
  readonly runtime: RuntimeKind;
}

/** Who hears how far a bench is. */
export interface BenchListener {
  /** Something that somebody who waits wants to know. */
  readonly tell: (line: string) => void;
  /** A situation was measured. */
  readonly measured: (cell: Cell, figures: CellFigures) => void;
}

/** Measures the situations, plaintext first, each group with processes of its own. @throws if a call fails */
export async function runBench(plan: BenchPlan, listener: BenchListener): Promise<void> {
  await using load = new LoadProcess();
  let done = 0;
  for (const encrypted of [false, true]) {
    const cells = plan.cells.filter((cell) => cell.encrypted === encrypted);
    if (cells.length === 0) continue;
    await using place = await freeFolder();
    await using runtime = await BenchRuntime.start(plan.backend, plan.runtime, place.path);
    const names = [...new Set(cells.flatMap(({ ways }) => ways))].filter((name) => !plan.without.has(name));
    const folder = join(place.path, 'ways');
    await mkdir(folder);
    listener.tell(`starting ${names.join(', ')}`);
    await using started = await startWays(names, runtime, folder, encrypted);
    for (const line of started.missing) listener.tell(`left out: ${line}`);
    const measure = { runs: plan.runs, share: plan.share, load, folder: place.path };
    for (const cell of cells) {
      done += 1;
      const place = `[${done}/${plan.cells.length}] ${cell.name}`;
      const figures = await measureCell(cell, started.ways, measure, (round) => {
        listener.tell(`${place}: round ${round} of ${plan.runs}, ${callsOf(cell, plan.share)} calls each`);
      });
      listener.measured(cell, figures);
    }
  }
}

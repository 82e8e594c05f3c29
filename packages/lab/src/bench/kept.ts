import { writeFileSync } from 'node:fs';
import { currentCommit, machineFacts, readFigures, writeResults } from '../figures/index.ts';
import { allCells, type CellFigures, plotCells, type StreamingFigures } from './side-by-side/index.ts';
import { RUNTIME_KINDS, type RuntimeKind, type WayName } from './ways/index.ts';

/** Where figures come from: runs of a part leave the others as they are, so each has its own. */
interface Origin {
  readonly commit: string;
  readonly date: string;
  readonly loadAverage: number;
}

/** Figures in front of one kind of runtime. */
export interface Kept {
  readonly cells: Readonly<Record<string, CellFigures & Origin>>;
  readonly streaming: Readonly<Partial<Record<WayName, StreamingFigures & Origin>>>;
}

type KeptByRuntime = Readonly<Partial<Record<RuntimeKind, Kept>>>;

/** Says where figures that are measured now come from. */
export const originNow = (): Origin => ({
  commit: currentCommit(),
  date: new Date().toISOString(),
  loadAverage: machineFacts().loadAverage,
});

/** Puts new figures among those of earlier runs in `results/bench.json`, and draws them beside it. @returns the paths */
export function keep(runtime: RuntimeKind, fresh: Kept): readonly string[] {
  const earlier = (readFigures('bench') ?? {}) as KeptByRuntime;
  const before = earlier[runtime];
  const cells = { ...before?.cells, ...fresh.cells };
  const inOrder = Object.fromEntries(allCells().flatMap(({ name }) => (cells[name] === undefined ? [] : [[name, cells[name]]])));
  const merged: Kept = { cells: inOrder, streaming: { ...before?.streaming, ...fresh.streaming } };
  const kinds = RUNTIME_KINDS.map((kind) => [kind, kind === runtime ? merged : earlier[kind]] as const);
  const { path, machine } = writeResults('bench', Object.fromEntries(kinds.filter(([, kept]) => kept !== undefined)));
  const plotPath = path.replace(/json$/, `${runtime}.svg`);
  const caption = `CPU of the server a call, ${machine.cores} cores of ${machine.cpu}, Node ${machine.node}, runtime: ${runtime}`;
  writeFileSync(plotPath, plotCells(inOrder, caption));
  return [path, plotPath];
}

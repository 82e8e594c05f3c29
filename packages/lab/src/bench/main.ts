/**
 * `npm run lab:bench [-- --quick] [--only WORDS] [--without WAY,WAY] [--rounds N] [--aims] [--runtime frames]`: the mesh on both engines beside nginx, Envoy, a TCP
 * proxy and nothing at all. `--only '256 B, 4×8'` takes the situations whose name contains all of the words between commas, several by `|`;
 * `--aims` those that an aim is about. Prints tables, keeps the figures (a part of them beside those of earlier runs), and ends with 1 when an aim
 * is missed.
 */
import { parseArgs } from 'node:util';
import { currentCommit, readFigures, renderTable, writeResults } from '../figures/index.ts';
import {
  AIMED_CELLS,
  aimsTable,
  allCells,
  type Cell,
  type CellFigures,
  cpuTable,
  judgedAims,
  otherTables,
  runBench,
} from './side-by-side/index.ts';
import { findBackend, findH2load, RUNTIME_KINDS, type RuntimeKind, WAY_NAMES, type WayName } from './ways/index.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    aims: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    without: { type: 'string', default: '' },
    rounds: { type: 'string' },
    runtime: { type: 'string', default: 'handler' },
  },
});

const QUICK_SHARE = 0.25;

/** Figures of one situation with where they come from: runs of a part leave the others as they are. */
type Kept = CellFigures & { readonly runtime: RuntimeKind; readonly commit: string; readonly date: string };

function chosen(): readonly Cell[] {
  const groups = values.only.split('|').map((group) => group.split(',').map((word) => word.trim()));
  const matches = (name: string): boolean => groups.some((words) => words.every((word) => ` ${name}`.includes(` ${word}`)));
  const cells = allCells().filter(({ name }) => (!values.aims || AIMED_CELLS.has(name)) && matches(name));
  if (cells.length === 0)
    throw new Error(
      `no situation is called ${values.only}:\n${allCells()
        .map(({ name }) => name)
        .join('\n')}`,
    );
  return cells;
}

function withoutWays(): ReadonlySet<WayName> {
  const names = values.without.split(',').filter(Boolean);
  const unknown = names.filter((name) => !WAY_NAMES.some((known) => known === name));
  if (unknown.length > 0) throw new Error(`no way is called ${unknown.join(', ')}: ${WAY_NAMES.join(', ')}`);
  return new Set(WAY_NAMES.filter((name) => names.includes(name)));
}

function tell(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${line}`);
  else console.error(line);
}

const runtime = RUNTIME_KINDS.find((kind) => kind === values.runtime);
if (runtime === undefined) throw new Error(`no runtime is called ${values.runtime}: ${RUNTIME_KINDS.join(', ')}`);
const backend = findBackend();
const problem = backend.problem ?? findH2load().problem;
if (backend.problem !== undefined || problem !== undefined) throw new Error(problem);
const measured: Record<string, Kept> = {};
const origin = { runtime, commit: currentCommit(), date: new Date().toISOString() };
await runBench(
  {
    cells: chosen(),
    without: withoutWays(),
    runs: Number(values.rounds ?? (values.quick ? 3 : 5)),
    share: values.quick ? QUICK_SHARE : 1,
    backend: backend.tool,
    runtime,
  },
  {
    tell,
    measured: ({ name }, figures) => {
      measured[name] = { ...figures, ...origin };
    },
  },
);
if (process.stderr.isTTY) tell('');
const colours = process.stdout.isTTY === true;
for (const table of [cpuTable(measured), ...otherTables(measured), aimsTable(measured)])
  console.log(`${renderTable(table, colours)}\n`);
const before = (readFigures('bench') ?? {}) as Readonly<Record<string, Kept>>;
const all = { ...before, ...measured };
const inOrder = Object.fromEntries(allCells().flatMap(({ name }) => (all[name] === undefined ? [] : [[name, all[name]]])));
console.log(`kept in ${writeResults('bench', inOrder).path}`);
process.exitCode = judgedAims(measured).every(({ holds }) => holds) ? 0 : 1;

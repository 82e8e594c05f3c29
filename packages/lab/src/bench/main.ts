/**
 * `npm run lab:bench [-- --quick] [--aims] [--only WORDS] [--without WAY,WAY] [--rounds N] [--runtime handler]`: the mesh on both engines beside nginx,
 * Envoy, a TCP proxy and nothing at all. `--only '256 B, 4×8'` takes the situations whose name has all of the words between commas, several by `|`,
 * `streaming` is one of them; `--aims` those that an aim is about. Prints tables, keeps the figures (a part of them beside those of earlier runs), and
 * ends with 1 when an aim is missed. `--baselines` measures what CI holds against what it was, and makes that the new baselines.
 */
import { parseArgs } from 'node:util';
import { renderTable, writeBaselines } from '../figures/index.ts';
import { baselinesOf } from './baselines.ts';
import { type Kept, keep, originNow } from './kept.ts';
import {
  AIMED_CELLS,
  aimsTable,
  allCells,
  BESIDE_CELLS,
  besideRatios,
  type Cell,
  cpuTable,
  judgedAims,
  otherTables,
  runBench,
  streamingTable,
  WARM_CALLS,
} from './side-by-side/index.ts';
import { FETCHED_TOOLS, findBackend, findH2load, RUNTIME_KINDS, WAY_NAMES, type WayName } from './ways/index.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    aims: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    without: { type: 'string', default: '' },
    rounds: { type: 'string' },
    runtime: { type: 'string', default: 'frames' },
    baselines: { type: 'boolean', default: false },
  },
});

const QUICK_SHARE = 0.25;
const STREAMING = 'streaming';

function matches(name: string): boolean {
  const groups = values.only.split('|').map((group) => group.split(',').map((word) => word.trim()));
  return groups.some((words) => words.every((word) => ` ${name}`.includes(` ${word}`)));
}

function chosenCells(): readonly Cell[] {
  const cells = allCells().filter(({ name }) => (!values.aims || AIMED_CELLS.has(name)) && matches(name));
  if (cells.length > 0 || matches(STREAMING)) return cells;
  const names = [...allCells().map(({ name }) => name), STREAMING];
  throw new Error(`no situation is called ${values.only}:\n${names.join('\n')}`);
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
const origin = originNow();
const cells: Record<string, Kept['cells'][string]> = {};
const streaming: Partial<Record<WayName, NonNullable<Kept['streaming'][WayName]>>> = {};
const plan = {
  cells: values.baselines ? BESIDE_CELLS : chosenCells(),
  streaming: !values.baselines && matches(STREAMING),
  without: withoutWays(),
  runs: Number(values.rounds ?? (values.quick ? 3 : 5)),
  share: values.quick ? QUICK_SHARE : 1,
  warmCalls: WARM_CALLS,
  backend: backend.tool,
  tools: FETCHED_TOOLS,
  runtime,
};
await runBench(plan, {
  tell,
  measured: ({ name }, figures) => {
    cells[name] = { ...figures, ...origin };
  },
  streamed: (way, figures) => {
    streaming[way] = { ...figures, ...origin };
  },
});
if (process.stderr.isTTY) tell('');
const colours = process.stdout.isTTY === true;
const tables = [cpuTable(cells), ...otherTables(cells), streamingTable(streaming), aimsTable(cells)];
for (const table of tables) if (table.rows.length > 0) console.log(`${renderTable(table, colours)}\n`);
if (values.baselines) console.log(`new baselines in ${writeBaselines('bench', baselinesOf([besideRatios(cells)]))}`);
else console.log(`kept in ${keep(runtime, { cells, streaming }).join(' and ')}`);
process.exitCode = judgedAims(cells).every(({ holds }) => holds) ? 0 : 1;

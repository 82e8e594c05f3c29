/**
 * `npm run lab:chaos -- <scenario|all> [--calls N] [--nodes N] [--away MS] [--logs FOLDER]`: does something to a mesh of real processes under load, prints what
 * became of the calls, and keeps the figures; exit code 1 where a call failed that may not. Needs etcd, in the PATH or as `MESH_TEST_ETCD` and
 * `MESH_TEST_ETCDCTL` say.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { renderTable } from '../figures/index.ts';
import { allHold, chaosTable, findingsTable, keepFigures } from './report.ts';
import { runScenario, type ScenarioFigures } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    calls: { type: 'string', default: '100000' },
    nodes: { type: 'string', default: '3' },
    away: { type: 'string', default: '60000' },
    logs: { type: 'string' },
  },
});
const [wanted = 'all'] = positionals;
const chosen = SCENARIOS.filter(({ name }) => wanted === 'all' || wanted.split(',').includes(name));
if (chosen.length === 0) throw new Error(`no scenario ${wanted}; there are ${SCENARIOS.map(({ name }) => name).join(', ')}`);

const etcd = {
  etcd: process.env.MESH_TEST_ETCD ?? 'etcd',
  etcdctl: process.env.MESH_TEST_ETCDCTL ?? 'etcdctl',
  missing: undefined,
};
const size = { calls: Number(values.calls), nodes: Number(values.nodes), awayMs: Number(values.away), settleMs: 3000, leeway: 1 };
const figures: ScenarioFigures[] = [];
for (const scenario of chosen) {
  console.error(`${scenario.name}: ${scenario.does}`);
  const seen = await runScenario(scenario, size, etcd, values.logs === undefined ? undefined : join(values.logs, scenario.name));
  if (typeof seen === 'string') {
    console.error(`  SKIPPED: no network namespace can be made here: ${seen}`);
    continue;
  }
  figures.push(seen);
  for (const table of [chaosTable([seen]), findingsTable([seen])]) console.error(renderTable({ ...table, title: '' }, false));
}
const colours = process.stdout.isTTY === true;
console.log(renderTable(chaosTable(figures), colours));
console.log(`\n${renderTable(findingsTable(figures), colours)}`);
console.log(`\nkept in ${keepFigures(figures)}`);
process.exitCode = allHold(figures) ? 0 : 1;

/**
 * `npm run lab:hop [-- --rounds N] [--baselines]`: prints what the node costs beside the runtime alone, and what a cold call costs; keeps the figures. Exit
 * code 1 when a ratio is worse than its baseline by more than a third. `--baselines` makes new baselines instead: medians of several runs of the suite's.
 */
import { parseArgs } from 'node:util';
import { readBaselines, renderTable, writeBaselines, writeResults } from '../figures/index.ts';
import { baselinesOf, type Ratios, worsened } from './baselines.ts';
import { runColdCalls } from './cold-call.ts';
import { runHop, SUITE_HOP } from './hop.ts';
import { coldHolds, coldTable, hopTable, ratiosOf } from './report.ts';
import { grpcDriver } from './subject.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, baselines: { type: 'boolean', default: false } },
});

const COLD_MODELS = 60;
const BASELINE_RUNS = 3;
const colours = process.stdout.isTTY === true;

async function showHop(): Promise<void> {
  const baselines = readBaselines('bench');
  const cold = await runColdCalls(COLD_MODELS);
  console.log(`${renderTable(coldTable(cold), colours)}\n`);
  const plan = { rounds: Number(values.rounds), smallCalls: 5000, largeCalls: 1000, driver: grpcDriver() };
  const hop = await runHop(plan, (line) => console.error(line));
  console.log(renderTable(hopTable(hop, baselines), colours));
  console.log(`\nkept in ${writeResults('hop', { cold, hop }).path}`);
  process.exitCode = coldHolds(cold) && worsened(ratiosOf(hop), baselines).length === 0 ? 0 : 1;
}

async function makeBaselines(): Promise<void> {
  const runs: Ratios[] = [];
  while (runs.length < BASELINE_RUNS) {
    const figures = await runHop(SUITE_HOP);
    console.log(`${renderTable(hopTable(figures, readBaselines('bench')), colours)}\n`);
    runs.push(ratiosOf(figures));
  }
  console.log(`kept in ${writeBaselines('bench', baselinesOf(runs))}`);
}

await (values.baselines ? makeBaselines() : showHop());

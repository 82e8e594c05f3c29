/**
 * `npm run lab:hop [-- --rounds N]`: prints what the node costs beside the runtime alone, and what a cold call costs; keeps the figures. Exit code 1
 * when a ratio is above its baseline.
 */
import { parseArgs } from 'node:util';
import { readBaselines, renderTable, writeResults } from '../figures/index.ts';
import { runColdCalls } from './cold-call.ts';
import { runHop } from './hop.ts';
import { aboveBaseline, coldHolds, coldTable, hopTable } from './report.ts';
import { grpcDriver } from './subject.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });

const COLD_MODELS = 60;
const colours = process.stdout.isTTY === true;
const baselines = readBaselines('bench');
const cold = await runColdCalls(COLD_MODELS);
console.log(`${renderTable(coldTable(cold), colours)}\n`);
const hop = await runHop({ rounds: Number(values.rounds), smallCalls: 5000, largeCalls: 1000, driver: grpcDriver() }, (line) =>
  console.error(line),
);
console.log(renderTable(hopTable(hop, baselines), colours));
console.log(`\nkept in ${writeResults('hop', { cold, hop }).path}`);
process.exitCode = coldHolds(cold) && aboveBaseline(hop, baselines).length === 0 ? 0 : 1;

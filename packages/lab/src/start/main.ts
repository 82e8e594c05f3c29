/** `npm run lab:start`: prints the figures and keeps them; exit code 1 when the claim does not hold. */
import { digits, judged, renderTable, writeResults } from '../figures/index.ts';
import { measureStarts, NODE_SHARE_MS_MAX } from './start.ts';

const ROUNDS = 7;

const figures = await measureStarts(ROUNDS);
const holds = figures.beyondMs <= NODE_SHARE_MS_MAX;
const table = {
  title: `from the spawn of the process until it is ready, medians of ${figures.rounds} starts`,
  columns: ['', 'time'],
  rows: [
    ['node with its runtime', `${digits(figures.nodeMs, 0)} ms`],
    ['runtime alone', `${digits(figures.runtimeMs, 0)} ms`],
    [`the node adds at most ${NODE_SHARE_MS_MAX} ms`, judged(`${digits(figures.beyondMs, 0)} ms`, holds)],
  ],
};
console.log(renderTable(table, process.stdout.isTTY === true));
console.log(`\nkept in ${writeResults('start', figures).path}`);
process.exitCode = holds ? 0 : 1;

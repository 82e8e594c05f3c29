/** `npm run lab:planted`: looks for every planted bug, prints what each needed and keeps it; exit code 1 where one survives. */
import { judged, renderTable, writeResults } from '../../figures/index.ts';
import { PLANTED_BUGS, PLANTED_SEEDS_MAX } from './bugs.ts';
import { type Hunt, hunt } from './hunt.ts';

const hunts: Hunt[] = [];
for (const bug of PLANTED_BUGS) hunts.push(await hunt(bug));
const table = {
  title: `planted bugs, each caught within ${PLANTED_SEEDS_MAX} seeds`,
  columns: ['', 'by', 'seeds'],
  rows: hunts.map(({ breaks, seed, checker }) => [
    breaks,
    checker ?? '',
    judged(seed === null ? 'none' : String(seed), seed !== null),
  ]),
};
console.log(renderTable(table, process.stdout.isTTY === true));
const bugs = hunts.map(({ name, seed, checker }) => ({ name, seed, checker }));
console.log(`\nkept in ${writeResults('planted', { seedsMax: PLANTED_SEEDS_MAX, bugs }).path}`);
process.exitCode = hunts.every(({ seed }) => seed !== null) ? 0 : 1;

/** `npm run lab:soak -- [--minutes 20] [--keep]`: prints memory as it goes, and the figures; exit code 1 when memory is not flat. */
import { parseArgs } from 'node:util';
import { mebibytes, renderTable, writeResults } from '../figures/index.ts';
import { allFlat, soakTable } from './claims.ts';
import { runSoak, SOAK } from './soak.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '20' }, keep: { type: 'boolean', default: false } },
});
/** One line for so many samples. */
const SAMPLES_PER_LINE = 6;

let count = 0;
const figures = await runSoak({
  ...SOAK,
  forMs: Number(values.minutes) * 60_000,
  onSample: ({ atMs, residentBytes, heapBytes, externalBytes }, { unary, streams, cancelled, cold }) => {
    count += 1;
    if (count % SAMPLES_PER_LINE > 0) return;
    const memory = `${mebibytes(residentBytes)} resident, ${mebibytes(heapBytes)} heap, ${mebibytes(externalBytes)} external`;
    console.log(
      `${Math.round(atMs / 1000)} s: ${memory}; ${unary} unary, ${streams} streams, ${cancelled} cancelled, ${cold} cold`,
    );
  },
});
console.log(renderTable(soakTable(figures), process.stdout.isTTY === true));
if (values.keep) console.log(`\nkept in ${writeResults('soak', figures).path}`);
process.exitCode = allFlat(figures) ? 0 : 1;

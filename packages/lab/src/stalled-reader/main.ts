/** `npm run lab:stalled`: prints the figures and keeps them; exit code 1 when the claim does not hold. */
import { renderTable, writeResults } from '../figures/index.ts';
import { LOSS_MAX, lossOf, stalledReaderTable } from './claims.ts';
import { runStalledReader, STALLED_READER } from './stalled-reader.ts';

const figures = await runStalledReader(STALLED_READER);
console.log(renderTable(stalledReaderTable(figures), process.stdout.isTTY === true));
console.log(`\nkept in ${writeResults('stalled-reader', figures).path}`);
process.exitCode = lossOf(figures) < LOSS_MAX ? 0 : 1;

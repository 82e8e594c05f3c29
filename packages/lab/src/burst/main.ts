/** `npm run lab:burst`: prints the claims and keeps the figures; exit code 1 when a claim does not hold. */
import { renderTable, writeResults } from '../figures/index.ts';
import { burstTable, coldClaims, stalledClaims } from './claims.ts';
import { COLD_BURST, runColdBurst } from './cold-burst.ts';
import { runStalledBurst, STALLED_BURST } from './stalled-burst.ts';

const cold = await runColdBurst(COLD_BURST);
const stalled = await runStalledBurst(STALLED_BURST);
console.log(renderTable(burstTable(cold, stalled), process.stdout.isTTY === true));
console.log(`\nkept in ${writeResults('burst', { cold, stalled }).path}`);
process.exitCode = [...coldClaims(cold), ...stalledClaims(stalled)].every(({ holds }) => holds) ? 0 : 1;

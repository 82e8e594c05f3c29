/** `npm run lab:isolation`: prints the figures and keeps them; exit code 1 when the claim does not hold. */
import { renderTable, writeResults } from '../figures/index.ts';
import { isolationClaim, isolationTable } from './claims.ts';
import { ISOLATION, runIsolation } from './isolation.ts';

const figures = await runIsolation(ISOLATION);
console.log(renderTable(isolationTable(figures), process.stdout.isTTY === true));
console.log(`\nkept in ${writeResults('isolation', figures).path}`);
process.exitCode = isolationClaim(figures).holds ? 0 : 1;

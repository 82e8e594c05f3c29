/** `npm run lab:overcommit [-- --short]`: prints the claims and keeps the figures; exit code 1 when a claim does not hold. */
import { parseArgs } from 'node:util';
import { renderTable, writeResults } from '../figures/index.ts';
import { claimsOf, overcommitTable } from './claims.ts';
import { FULL_PLAN, runOvercommit, SHORT_PLAN } from './overcommit.ts';

const { values } = parseArgs({ options: { short: { type: 'boolean', default: false } } });

const figures = await runOvercommit(values.short ? SHORT_PLAN : FULL_PLAN, (line) => console.error(line));
console.log(renderTable(overcommitTable(figures), process.stdout.isTTY === true));
const { path } = writeResults(values.short ? 'overcommit-short' : 'overcommit', figures);
console.log(`\nkept in ${path}`);
process.exitCode = claimsOf(figures).every(({ holds }) => holds) ? 0 : 1;

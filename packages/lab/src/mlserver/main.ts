/**
 * `npm run lab:mlserver -- [--python PATH]`: compares with MLServer and keeps the figures; exit code 1 when the claim does not hold. Without a path it takes
 * what `npm run test:real -- --install` prepared.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { renderTable, writeResults } from '../figures/index.ts';
import { COMPARISON, compareWithMlServer, comparisonHolds, comparisonTable } from './comparison.ts';

const PREPARED = fileURLToPath(new URL('../../../../.cache/mlserver/bin/python', import.meta.url));
const { values } = parseArgs({ options: { python: { type: 'string', default: process.env.MESH_TEST_MLSERVER ?? PREPARED } } });

const figures = await compareWithMlServer(values.python, COMPARISON);
console.log(renderTable(comparisonTable(figures), process.stdout.isTTY === true));
console.log(`\nkept in ${writeResults('mlserver', figures).path}`);
process.exitCode = comparisonHolds(figures) ? 0 : 1;

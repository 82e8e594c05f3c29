/**
 * `npm run lab:rest [-- --rounds N]`: prints what V2 JSON costs on its way to protobuf and back, alone and through a node, beside the slow way; keeps the
 * figures. Exit code 1 when a ratio is above its aim.
 */
import { parseArgs } from 'node:util';
import { renderTable, writeResults } from '../figures/index.ts';
import { conversionHolds, runConversion } from './conversion.ts';
import { endToEndHolds, runEndToEnd } from './end-to-end.ts';
import { conversionTable, endToEndTable } from './report.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } });
const rounds = Number(values.rounds);
const colours = process.stdout.isTTY === true;

const conversion = runConversion({ rounds, calls: 1000 });
console.log(`${renderTable(conversionTable(conversion), colours)}\n`);
const endToEnd = await runEndToEnd({ rounds: Math.ceil(rounds / 2), calls: 3000 });
console.log(renderTable(endToEndTable(endToEnd), colours));
console.log(`\nkept in ${writeResults('rest', { conversion, endToEnd }).path}`);
process.exitCode = conversionHolds(conversion) && endToEndHolds(endToEnd) ? 0 : 1;

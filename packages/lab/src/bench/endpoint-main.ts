/** `npm run lab:endpoints [-- --rounds N --calls N]`: prints what endpoints add to the CPU of a call; keeps the figures. Exit code 1 when one misses its aim. */
import { parseArgs } from 'node:util';
import { renderTable, writeResults } from '../figures/index.ts';
import { endpointCostHolds, endpointCostTable, runEndpointCost } from './endpoint-cost.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, calls: { type: 'string', default: '20000' } },
});

const plan = { rounds: Number(values.rounds), calls: Number(values.calls) };
const costs = await runEndpointCost(plan, (line) => console.error(line));
console.log(renderTable(endpointCostTable(costs), process.stdout.isTTY === true));
console.log(`\nkept in ${writeResults('endpoint-cost', { costs }).path}`);
process.exitCode = endpointCostHolds(costs) ? 0 : 1;

/**
 * `npm run lab:workers [-- --rounds N] [--only cost|balance|delay]`: prints what several workers of the data plane cost beside one, how connections
 * of grpc-go spread over two, and how long a worker's event loop waits while control has much to do; keeps the figures. Exit code 1 when an aim is missed.
 */
import { parseArgs } from 'node:util';
import { grpcDriver } from '../bench/index.ts';
import { contention, digits, readFigures, renderTable, type Table, writeResults } from '../figures/index.ts';
import { balanceHolds, balanceTable, runBalance } from './balance.ts';
import { costHolds, costTables, runCost } from './cost.ts';
import { delayHolds, delayTable, runDelay } from './delay.ts';
import { findGrpcGoClient } from './grpc-go-client.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' }, only: { type: 'string' } } });
const rounds = Number(values.rounds);
const wants = (name: string): boolean => values.only === undefined || values.only === name;
const tell = (line: string): void => console.error(line);
const colours = process.stdout.isTTY === true;
// What is not measured now stays as it was.
const kept = readFigures('workers');
const figures: Record<string, unknown> = typeof kept === 'object' && kept !== null ? { ...kept } : {};
const outcomes: boolean[] = [];

function show(name: string, measured: object, tables: readonly Table[], holds: boolean): void {
  figures[name] = { ...measured, contention: contention() };
  outcomes.push(holds);
  for (const table of tables) console.log(`${renderTable(table, colours)}\n`);
}

if (wants('cost')) {
  const cost = await runCost({ rounds, calls: 50_000, driver: grpcDriver() }, tell);
  show('cost', cost, costTables(cost), costHolds(cost));
}
if (wants('balance')) {
  const client = findGrpcGoClient();
  if ('problem' in client) throw new Error(client.problem);
  const runs = await runBalance({ program: client.path, runs: 3 }, tell);
  show('balance', { runs }, [balanceTable(runs)], balanceHolds(runs));
}
if (wants('delay')) {
  const delay = await runDelay({ rounds, events: 20_000 }, tell);
  show('delay', delay, [delayTable(delay)], delayHolds(delay));
}
console.log(`others wanted the cores ${digits(contention())} times over; kept in ${writeResults('workers', figures).path}`);
process.exitCode = outcomes.every((holds) => holds) ? 0 : 1;

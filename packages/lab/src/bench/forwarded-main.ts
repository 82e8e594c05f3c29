/**
 * `npm run lab:forwarded [-- --rounds N] [--etcd PORT]`: prints what a forwarded call costs beside a local one, on two nodes and an empty etcd of this
 * machine; keeps the figures. Exit code 1 when a ratio is above its aim.
 */
import { parseArgs } from 'node:util';
import { renderTable, writeResults } from '../figures/index.ts';
import { forwardedHolds, forwardedTable, runForwarded } from './forwarded.ts';
import { grpcDriver } from './subject.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, etcd: { type: 'string', default: '2379' } },
});

const plan = { rounds: Number(values.rounds), smallCalls: 10_000, largeCalls: 2000, driver: grpcDriver() };
const figures = await runForwarded({ port: Number(values.etcd) }, plan, (line) => console.error(line));
console.log(renderTable(forwardedTable(figures), process.stdout.isTTY === true));
console.log(`\nkept in ${writeResults('forwarded', figures).path}`);
process.exitCode = forwardedHolds(figures) ? 0 : 1;

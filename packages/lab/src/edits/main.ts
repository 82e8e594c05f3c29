/**
 * `npm run lab:edits [-- --seconds 120 --clients 32 --nodes 3 --workers 1]`: edits an endpoint once a second under load on real nodes and a real etcd, and prints
 * what callers saw of it; exit code 1 where an answer came by an old revision after its successor had been acknowledged. Needs etcd.
 */
import { parseArgs } from 'node:util';
import { ClusterProcess } from '../cluster-process/index.ts';
import { renderTable } from '../figures/index.ts';
import { editsHold, editsTable, runEdits } from './index.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    clients: { type: 'string', default: '32' },
    nodes: { type: 'string', default: '3' },
    workers: { type: 'string', default: '1' },
  },
});
const etcd = {
  etcd: process.env.MESH_TEST_ETCD ?? 'etcd',
  etcdctl: process.env.MESH_TEST_ETCDCTL ?? 'etcdctl',
  missing: undefined,
};
await using cluster = await ClusterProcess.start({ nodes: Number(values.nodes), etcd, flags: { workers: values.workers } });
const figures = await runEdits(cluster, { clients: Number(values.clients), seconds: Number(values.seconds) });
console.log(renderTable(editsTable(figures), process.stdout.isTTY === true));
process.exitCode = editsHold(figures) ? 0 : 1;

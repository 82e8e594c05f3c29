/**
 * `npm run lab:cluster [-- <measurement|all> --short]`: prints claims beside what real nodes on a real etcd show, and keeps the figures; exit code 1
 * when a claim does not hold. Needs etcd, in the PATH or as `MESH_TEST_ETCD` and `MESH_TEST_ETCDCTL` say.
 */
import { parseArgs } from 'node:util';
import { FULL_CLUSTER, keepMeasured, MEASUREMENTS, type Measured, measure, SHORT_CLUSTER } from './figures.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { short: { type: 'boolean', default: false } } });
const [wanted = 'all'] = positionals;
const chosen = MEASUREMENTS.filter((name) => wanted === 'all' || wanted.split(',').includes(name));
if (chosen.length === 0) throw new Error(`no measurement ${wanted}; there are ${MEASUREMENTS.join(', ')}`);

const etcd = {
  etcd: process.env.MESH_TEST_ETCD ?? 'etcd',
  etcdctl: process.env.MESH_TEST_ETCDCTL ?? 'etcdctl',
  missing: undefined,
};
const plan = values.short ? SHORT_CLUSTER : FULL_CLUSTER;
const measured: Measured[] = [];
const results = values.short ? 'cluster-short' : 'cluster';
for (const name of chosen) {
  let one: Measured;
  try {
    one = await measure(name, plan, etcd, () => 1, process.stdout.isTTY === true);
  } catch (error) {
    // The others say what they say all the same.
    console.log(`${name} was given up: ${error instanceof Error ? error.message : String(error)}\n`);
    continue;
  }
  measured.push(one);
  console.log(`${one.table}\n`);
  console.log(`kept in ${keepMeasured(results, name, one)}\n`);
}
const holdsAll = measured.every(({ claims }) => claims.every(({ holds }) => holds));
process.exitCode = holdsAll && measured.length === chosen.length ? 0 : 1;

import { openRegistry } from '@modelmesh/mesh/kv';
import { type ColdCallFigures, coldCallsAt } from '../bench/index.ts';
import type { ClusterProcess } from '../cluster-process/index.ts';
import { realClock } from '../node-process/index.ts';

/** Commits stand beside the keys of the nodes, in the same etcd. */
const ROOT_PREFIX = 'lab';

/** First calls of cold models at the only node of a cluster, with commits in its etcd in turns. */
export async function runClusterColdCalls(cluster: ClusterProcess, models: number): Promise<ColdCallFigures> {
  const kv = await openRegistry('etcd', {
    location: '',
    clock: realClock,
    schemaKey: 'bench/schema',
    etcd: { endpoints: [cluster.etcd.endpoint], rootPrefix: ROOT_PREFIX },
  });
  try {
    return await coldCallsAt(cluster.node(0).process, kv, models);
  } finally {
    await kv.close();
  }
}

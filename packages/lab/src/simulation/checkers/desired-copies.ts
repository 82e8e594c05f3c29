import type { Cluster } from '../cluster/index.ts';
import type { Checker } from './checker.ts';

/** Models are measured up to a third larger than they are said to be, and a part of the capacity is kept free. */
const ROOM_SHARE = 0.5;

/** Whether everything fits everywhere, so that no copy has to go for another. */
function hasAmpleRoom({ scenario }: Cluster): boolean {
  const allMiB = scenario.models.reduce((sum, { sizeMiB }) => sum + sizeMiB, 0);
  return scenario.nodes.every(({ runtime }) => allMiB <= ROOM_SHARE * runtime.capacityMiB && runtime.predicts !== 0);
}

/** Copies that owners want whether anybody calls or not. */
export const desiredCopies: Checker = {
  name: 'desired-copies',
  sentence: 'desired copies return once faults stop',
  begin: (cluster, knowledge) => ({
    atRest: () => {
      if (!hasAmpleRoom(cluster)) return;
      const lives = [...cluster.serving()];
      for (const { key, minCopies, broken } of cluster.scenario.models) {
        if (broken || knowledge.truth.registered(key) === undefined) continue;
        const wanted = Math.min(minCopies, lives.length);
        const copies = lives.filter(({ dataPlane }) => dataPlane.plane.routes.model(key)?.local != null).length;
        if (copies < wanted) cluster.world.violate('desired-copies', `${copies} copies of ${key} serve, ${wanted} are wanted`);
      }
    },
  }),
};

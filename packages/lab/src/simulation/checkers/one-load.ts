import type { Cluster } from '../cluster/index.ts';
import { Actor } from '../engine/index.ts';
import type { Checker } from './checker.ts';
import { wasCalm } from './excuses.ts';

/** A load begins beside its claim; so much later only those run whose claim won. */
const CLAIMED_WITHIN_MS = 1000;

/** Loads of the model that run, and copies of it that serve, in the whole cluster. */
function countOf(cluster: Cluster, model: string): { readonly loads: number; readonly live: number } {
  let [loads, live] = [0, 0];
  for (const { runtime, dataPlane } of cluster.serving()) {
    loads += runtime.memory.loadsOf(model);
    if (dataPlane.plane.routes.model(model)?.local != null) live += 1;
  }
  return { loads, live };
}

/** Loads at the runtimes. */
export const oneLoad: Checker = {
  name: 'one-load',
  sentence: 'at most one load of a model per instance, in the cluster never more than wanted copies minus live ones',
  begin: (cluster) => {
    const { world, models } = cluster;
    const actor = new Actor('load counter');
    const look = (model: string): void => {
      if (!wasCalm(cluster, world.nowMs - CLAIMED_WITHIN_MS, world.nowMs)) return;
      const { loads, live } = countOf(cluster, model);
      // Nobody adds copies to a model that has none, so what is wanted then is known.
      const wanted = Math.max(1, models.get(model)?.minCopies ?? 0);
      if (live === 0 && loads > wanted)
        world.violate('one-load', `${loads} nodes load ${model}, of which ${wanted} copies are wanted`);
    };
    return {
      loadBegan: ({ memory, node }, model) => {
        if (memory.loadsOf(model) > 0) world.violate('one-load', `${node.actor.name} loads ${model} twice at a time`);
        if (memory.has(model)) world.violate('one-load', `${node.actor.name} loads ${model}, which it has`);
        if (countOf(cluster, model).loads > 0)
          world.in(actor, CLAIMED_WITHIN_MS, `count the loads of ${model}`, () => look(model));
      },
    };
  },
};

import { Actor } from '../engine/index.ts';
import type { Checker } from './checker.ts';
import { neverLostRegistry } from './excuses.ts';

/** How often route tables are looked at, and how long a change may be on its way to the table. */
const PERIOD_MS = 500;
const ON_THE_WAY_MS = 50;

/** Where route tables lead. */
export const removedPeers: Checker = {
  name: 'removed-peers',
  sentence: 'no peer chooses a node whose removal it has seen',
  begin: (cluster, knowledge) => {
    const { world } = cluster;
    const actor = new Actor('route reader');
    const look = (): void => {
      for (const life of cluster.serving()) {
        // Who lost sight of the registry keeps removed nodes for the time of a lease: they may have been removed because it was away for all.
        if (life.actor.state !== 'running' || !neverLostRegistry(cluster, life.spec.id)) continue;
        const { instances } = knowledge.toldTo(life.actor.name);
        for (const instance of life.dataPlane.plane.routes.peers().keys()) {
          const told = instances.get(instance);
          if (told?.isThere === false && world.nowMs - told.sinceMs > ON_THE_WAY_MS)
            world.violate('removed-peers', `${life.actor.name} sends calls to ${instance}, which it knows to be gone`);
        }
      }
      world.in(actor, PERIOD_MS, 'read the routes', look);
    };
    world.in(actor, PERIOD_MS, 'read the routes', look);
    return {};
  },
};

import type { Checker } from './checker.ts';

/** What the registry says of copies, once the cluster has come to rest. */
export const registryTrue: Checker = {
  name: 'registry-true',
  sentence: 'desired copies return once faults stop: what the registry says of copies is so',
  begin: (cluster, knowledge) => {
    const { world } = cluster;
    const wrong = (message: string): void => world.violate('registry-true', message);
    return {
      atRest: () => {
        for (const life of cluster.serving()) {
          if (knowledge.truth.instances.get(life.instance)?.isThere !== true) wrong(`${life.actor.name} has no record`);
          for (const [model, { record }] of knowledge.truth.models) {
            const slot = life.dataPlane.plane.routes.model(model)?.local ?? null;
            const isClaimed = record?.copies.has(life.instance) === true;
            if (slot !== null && !isClaimed) wrong(`${life.actor.name} serves ${model} without a claim`);
            if (slot === null && isClaimed && life.runtime.memory.loadsOf(model) === 0)
              wrong(`${life.actor.name} claims ${model}, which it does not have`);
          }
        }
        for (const node of cluster.nodes.values()) if (node.serving === undefined) wrong(`${node.spec.id} did not come back`);
      },
      atEnd: () => {
        for (const [model, { record }] of knowledge.truth.models) {
          for (const node of cluster.nodes.values()) {
            const instance = node.life?.instance;
            if (instance !== undefined && record?.copies.has(instance) === true)
              wrong(`${instance} left, and still claims ${model}`);
          }
        }
        for (const [instance, { isThere }] of knowledge.truth.instances)
          if (isThere) wrong(`the record of ${instance} outlived it`);
      },
    };
  },
};

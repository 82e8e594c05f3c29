import type { SimCall } from '../cluster/index.ts';
import type { Checker } from './checker.ts';

/** Name of the calls that a run makes at its end. */
export const PROBE = 'probe';
/** They have so long: everything may have to be loaded once at every node. */
export const PROBE_DEADLINE_MS = 60_000;

/** Calls for every model at every node, when nothing is wrong any more. */
export const probe: Checker = {
  name: 'probe',
  sentence: 'a live copy is reachable from every node with a network path to it',
  begin: (cluster, knowledge) => {
    const { world } = cluster;
    const probes: SimCall[] = [];
    return {
      callStarted: (call) => {
        if (call.traffic === PROBE) probes.push(call);
      },
      afterProbe: () => {
        for (const { id, model, node, end } of probes) {
          const isRegistered = knowledge.truth.registered(model) !== undefined;
          const isBroken = cluster.models.get(model)?.broken === true;
          const facts = JSON.stringify(end);
          if (isRegistered && !isBroken && end?.kind !== 'answered')
            world.violate('probe', `${model} at ${node.spec.id} (${id}): ${facts}`);
          if (!isRegistered && !(end?.kind === 'status' && end.code === 5))
            world.violate('probe', `${model} is not registered, but ${node.spec.id} says ${facts}`);
        }
      },
    };
  },
};

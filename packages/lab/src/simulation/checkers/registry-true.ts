import type { Cluster, NodeLife } from '../cluster/index.ts';
import { Actor } from '../engine/index.ts';
import type { Checker } from './checker.ts';
import type { Knowledge } from './knowledge.ts';

/** How often the registry is compared with what is so, once nothing is wrong any more. */
const PERIOD_MS = 500;
/** What a node does and what it writes of it are so far apart at most; longer is false. */
const ON_THE_WAY_MS = 1000;

/**
 * Whether the claim of a copy that is not there is that of a load that waits for its turn: a claim is made when a load is decided on, so that nobody
 * else begins it, and all that the runtime loads at a time may be other models.
 */
const isQueued = ({ runtime, spec }: NodeLife): boolean => runtime.memory.loading >= spec.runtime.loadingConcurrency;

/** What of the registry's word about a life is not so. */
function falsehoods(life: NodeLife, { truth }: Knowledge): readonly string[] {
  const { name } = life.actor;
  const wrong = truth.instances.get(life.instance)?.isThere === true ? [] : [`${name} has no record`];
  for (const [model, { record }] of truth.models) {
    const slot = life.dataPlane.plane.routes.model(model)?.local ?? null;
    const isClaimed = record?.copies.has(life.instance) === true;
    if (slot !== null && !isClaimed) wrong.push(`${name} serves ${model} without a claim`);
    if (slot === null && isClaimed && life.runtime.memory.loadsOf(model) === 0 && !isQueued(life))
      wrong.push(`${name} claims ${model}, which it does not have`);
  }
  return wrong;
}

const allFalsehoods = (cluster: Cluster, knowledge: Knowledge): readonly string[] =>
  [...cluster.serving()].flatMap((life) => falsehoods(life, knowledge));

/** What the registry says of copies, once the cluster has come to rest. */
export const registryTrue: Checker = {
  name: 'registry-true',
  sentence: 'desired copies return once faults stop: what the registry says of copies is so',
  begin: (cluster, knowledge) => {
    const { world } = cluster;
    const actor = new Actor('reader of claims');
    const wrong = (message: string): void => world.violate('registry-true', message);
    let since = new Map<string, number>();
    let isOver = false;
    const look = (): void => {
      if (isOver) return;
      const now = allFalsehoods(cluster, knowledge);
      since = new Map(now.map((what) => [what, since.get(what) ?? world.nowMs]));
      world.in(actor, PERIOD_MS, 'compare the claims', look);
    };
    world.at(actor, cluster.scenario.durationMs, 'compare the claims', look);
    return {
      atRest: () => {
        isOver = true;
        for (const what of allFalsehoods(cluster, knowledge))
          if (world.nowMs - (since.get(what) ?? world.nowMs) > ON_THE_WAY_MS) wrong(what);
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

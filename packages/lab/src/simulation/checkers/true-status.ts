import type { Cluster, NodeLife } from '../cluster/index.ts';
import { Actor } from '../engine/index.ts';
import type { Checker } from './checker.ts';
import type { Knowledge } from './knowledge.ts';

/** How often a node is asked. */
const PERIOD_MS = 300;
/** So long after the evidence a status may still be false. */
const FALSE_MAX_MS = 1000;

/** So long after the last fault the cluster is at rest: nothing changes, and what is said stays true. */
const REST_MS = 15_000;

/**
 * Why a status is false, or `undefined`. It is judged by what the node was told; but what agrees with the registry itself is true, whoever told it:
 * answers to its own questions and writes say more than its watches.
 */
function falsehood(cluster: Cluster, knowledge: Knowledge, life: NodeLife, model: string): string | undefined {
  const status = life.running?.control.model(model)?.status.status ?? 'NOT_FOUND';
  const told = knowledge.toldTo(life.actor.name).models.get(model);
  const truth = knowledge.truth.registered(model);
  const isUnknown = status === 'NOT_FOUND';
  if (told !== undefined && isUnknown !== (told.record === null) && isUnknown !== (truth === undefined))
    return `${status}, but it was told that the model is ${told.record === null ? 'not ' : ''}registered`;
  const slot = life.dataPlane.plane.routes.model(model)?.local ?? null;
  const isReady = life.runtime.state.kind === 'ready';
  if (status !== 'NOT_FOUND' && slot !== null && isReady && status !== 'LOADED') return `${status}, but its own copy serves`;
  if (status !== 'LOADED' || (slot !== null && isReady) || told?.record == null) return undefined;
  const others = [...told.record.copies.keys(), ...(truth?.copies.keys() ?? [])].filter((instance) => instance !== life.instance);
  return others.length === 0 && !cluster.quiet ? 'LOADED, but nobody is known to have a copy' : undefined;
}

/** What nodes say of models. */
export const trueStatus: Checker = {
  name: 'true-status',
  sentence: 'status is false for at most 1 s of virtual time after the evidence',
  begin: (cluster, knowledge) => {
    const { world } = cluster;
    const actor = new Actor('asker');
    const falseSince = new Map<string, { readonly why: string; readonly atMs: number }>();
    const judge = (life: NodeLife, model: string): void => {
      const key = `${life.actor.name} ${model}`;
      const why = falsehood(cluster, knowledge, life, model);
      const since = falseSince.get(key);
      if (why === undefined || since?.why !== why) falseSince.delete(key);
      if (why === undefined) return;
      const atMs = since?.why === why ? since.atMs : world.nowMs;
      falseSince.set(key, { why, atMs });
      if (world.nowMs - atMs > FALSE_MAX_MS) world.violate('true-status', `${life.actor.name} says of ${model}: ${why}`);
    };
    const look = (): void => {
      for (const life of cluster.serving()) {
        for (const { key } of cluster.scenario.models) {
          if (life.actor.state === 'running') judge(life, key);
          else falseSince.delete(`${life.actor.name} ${key}`);
        }
      }
      if (world.nowMs < cluster.scenario.durationMs + REST_MS) world.in(actor, PERIOD_MS, 'ask for every status', look);
    };
    world.in(actor, PERIOD_MS, 'ask for every status', look);
    return {};
  },
};

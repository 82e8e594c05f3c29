import { modelKey } from '@modelmesh/core';
import type { CacheDecision } from '@modelmesh/core/cache';
import type { DecisionRecord } from '@modelmesh/core/journal';
import type { Cluster, NodeLife } from '../cluster/index.ts';
import type { Checker } from './checker.ts';

type Eviction = Extract<CacheDecision, { readonly kind: 'evict' }>;

/** Between the instant at which a call counts as a use and its arrival at the runtime. */
const ARRIVAL_MS = 250;
/** A copy that has served for less than this may be spared though it is older. */
const FIRST_USE_MS = 500;

/** A copy as the calls that arrive at its runtime show it. */
interface Seen {
  readonly loadedMs: number;
  /** The node's wall clock at the last call; `undefined`: none yet. */
  usedMs: number | undefined;
}

/** The cache's decision in a record of an eviction. */
const evictionIn = ({ details }: DecisionRecord): Eviction => ({ ...details, kind: 'evict' }) as unknown as Eviction;

/** Who makes room for whom. */
export const evictions: Checker = {
  name: 'evictions',
  sentence: 'evictions follow the policy',
  begin: (cluster) => {
    const seen = new Map<NodeLife, Map<string, Seen>>();
    const judged = new Map<NodeLife, number>();
    const seenAt = (life: NodeLife): Map<string, Seen> => {
      const models = seen.get(life) ?? new Map<string, Seen>();
      seen.set(life, models);
      return models;
    };
    return {
      nodeEvent: (life, { kind, model }) => {
        if (model === null) return;
        if (kind === 'model-loaded') seenAt(life).set(model, { loadedMs: cluster.world.nowMs, usedMs: undefined });
        if (kind === 'model-unloaded' || kind === 'copy-lost') seenAt(life).delete(model);
        if (kind !== 'model-evicted') return;
        const decision = life.running?.control
          .decided({ kind: 'eviction', model: modelKey(model) })
          .map(evictionIn)
          .find(({ victims }) => victims.some((victim) => victim.model === model));
        if (decision === undefined) {
          cluster.world.violate('evictions', `${life.actor.name} cannot explain why ${model} went`);
          return;
        }
        if ((judged.get(life) ?? -1) >= decision.number) return;
        judged.set(life, decision.number);
        judge(cluster, life, decision, seenAt(life));
        for (const victim of decision.victims) seenAt(life).delete(victim.model);
      },
      callBegan: (runtime, _id, model) => {
        for (const life of cluster.serving()) {
          const copy = life.runtime === runtime ? seenAt(life).get(model) : undefined;
          if (copy !== undefined) copy.usedMs = life.clock.wallMs();
        }
      },
    };
  },
};

function judge(cluster: Cluster, life: NodeLife, { victims, neededUnits, cause }: Eviction, seen: Map<string, Seen>): void {
  const { world, scenario } = cluster;
  const wrong = (message: string): void => world.violate('evictions', `${life.actor.name}: ${message}`);
  const ordinary = victims.filter(({ awaited }) => !awaited);
  for (const [at, victim] of ordinary.entries()) {
    const next = ordinary[at + 1];
    if (next !== undefined && next.lastUsedMs < victim.lastUsedMs)
      wrong(`${next.model} is older than ${victim.model}, which goes before it`);
  }
  const withoutLast = victims.slice(0, -1).reduce((sum, { units }) => sum + units, 0);
  if (cause === 'new-copy' && withoutLast > 0 && withoutLast >= neededUnits)
    wrong(`${victims.length} copies went where ${victims.length - 1} would have done`);
  if (scenario.steps.some((step) => step.kind === 'jump-clock' && step.node === life.spec.id)) return;
  for (const victim of ordinary) {
    const usedMs = seen.get(victim.model)?.usedMs;
    if (usedMs === undefined) continue;
    for (const [other, copy] of seen) {
      if (victims.some(({ model }) => model === other) || copy.usedMs === undefined) continue;
      if (world.nowMs - copy.loadedMs < FIRST_USE_MS) continue;
      const slot = life.dataPlane.plane.routes.model(other)?.local ?? null;
      // Whoever asks for a load uses the copy too, and no call shows that. Never by the model's record: other nodes' clocks wrote that.
      const askedMs = life.running?.copyUsedMs(modelKey(other)) ?? 0;
      const otherMs = slot === null ? 0 : Math.max(askedMs, life.counters.lastUse(slot));
      if (otherMs > 0 && otherMs + ARRIVAL_MS < usedMs)
        wrong(`${victim.model} went, and ${other} stayed, which was used ${usedMs - otherMs} ms before it`);
    }
  }
}

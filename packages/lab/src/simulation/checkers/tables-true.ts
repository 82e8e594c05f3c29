import type { PolicyRecord } from '@modelmesh/core/records';
import type { Cluster, NodeLife } from '../cluster/index.ts';
import type { Checker } from './checker.ts';
import type { Knowledge } from './knowledge.ts';

/** An instance counts for so long after its lease has ended: three times that of a lease, less what clocks drift. */
const SEEN_MS = 59_000;

/** Whether whoever edits had heard of the life's instance, and not of its end too long ago. */
function wasSeenBy({ world }: Cluster, knowledge: Knowledge, at: NodeLife, life: NodeLife): boolean {
  if (at === life) return true;
  const known = knowledge.toldTo(at.actor.name).instances.get(life.instance);
  return known !== undefined && (known.isThere || world.nowMs - known.sinceMs < SEEN_MS);
}

/** What of a worker's table is not as the policy says; `undefined`: nothing. */
function difference(life: NodeLife, { id, revision, policy }: PolicyRecord): string | undefined {
  const route = life.dataPlane.plane.routes.endpoint(id);
  const said = JSON.stringify(policy.variants.map(({ name, weight }) => [name, weight]));
  const runs = JSON.stringify(route?.policy?.policy.variants.map(({ name, weight }) => [name, weight]));
  if (route?.revision === revision && runs === said) return undefined;
  return `${life.actor.name} runs revision ${route?.revision} of ${id} with ${runs}, revision ${revision} says ${said}`;
}

/** What workers run of the policies of endpoints. */
export const tablesTrue: Checker = {
  name: 'tables-true',
  sentence: 'tables on all workers of all nodes equal the spec after each acknowledged edit',
  begin: (cluster, knowledge) => {
    const { world } = cluster;
    const wrong = (message: string): void => world.violate('tables-true', message);
    const policyOf = (endpoint: string): PolicyRecord | undefined => knowledge.truth.policies.get(endpoint);
    return {
      endpointEdited: (at, { endpoint, revision, missing }) => {
        const inForce = policyOf(endpoint);
        for (const life of cluster.serving()) {
          if (missing.includes(life.instance) || !wasSeenBy(cluster, knowledge, at, life)) continue;
          const runs = life.dataPlane.plane.routes.endpoint(endpoint)?.revision ?? 0;
          const who = `${at.actor.name} was told that revision ${revision} of ${endpoint} runs everywhere`;
          if (runs < revision) wrong(`${who}, ${life.actor.name} runs ${runs}`);
          const differs = inForce?.revision === runs ? difference(life, inForce) : undefined;
          if (differs !== undefined) wrong(differs);
        }
      },
      atRest: () => {
        for (const life of cluster.serving()) {
          for (const policy of knowledge.truth.policies.values()) {
            const differs = difference(life, policy);
            if (differs !== undefined) wrong(differs);
          }
        }
      },
    };
  },
};

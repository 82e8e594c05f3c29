import type { ColdCallFigures } from '../bench/index.ts';
import { COLD_BURST, type ColdBurstFigures, type ColdBurstPlan, coldBurstThrough } from '../burst/index.ts';
import { ClusterProcess, type ClusterProcessOptions } from '../cluster-process/index.ts';
import { renderTable } from '../figures/index.ts';
import {
  burstClaims,
  type ClusterClaim,
  clusterTable,
  coldCallClaims,
  crowdingClaims,
  registrationClaims,
  registrationRows,
} from './claims.ts';
import { runClusterColdCalls } from './cold-calls.ts';
import { type CrowdingFigures, type CrowdingPlan, FULL_CROWDING, runCrowding, SHORT_CROWDING } from './crowding.ts';
import { ONE_NODE, type RegistrationFigures, type RegistrationPlan, runRegistration, THREE_NODES } from './registration.ts';

/** What is measured. */
export const MEASUREMENTS = ['registration', 'watched', 'cold', 'burst', 'crowding'] as const;
/** One of them. */
export type Measurement = (typeof MEASUREMENTS)[number];

/** How large each of them is. */
export interface ClusterPlan {
  readonly registration: RegistrationPlan;
  readonly watched: RegistrationPlan;
  readonly coldModels: number;
  readonly burst: ColdBurstPlan;
  readonly crowding: CrowdingPlan;
}

/** Nodes of those measurements that need several. */
const NODES = 3;

/** The plan of the claims. */
export const FULL_CLUSTER: ClusterPlan = {
  registration: ONE_NODE,
  watched: THREE_NODES,
  coldModels: 60,
  burst: COLD_BURST,
  crowding: FULL_CROWDING,
};

/** The same in seconds, but for the registrations, whose number is part of the claim. */
export const SHORT_CLUSTER: ClusterPlan = {
  ...FULL_CLUSTER,
  coldModels: 30,
  burst: { ...COLD_BURST, rounds: 5 },
  crowding: SHORT_CROWDING,
};

/** One measurement: its figures, its claims, and both as a table. */
export interface Measured {
  readonly name: Measurement;
  readonly figures: RegistrationFigures | ColdCallFigures | ColdBurstFigures | CrowdingFigures;
  readonly claims: readonly ClusterClaim[];
  readonly table: string;
}

/** Takes one measurement on an etcd and nodes of its own; figures of speed may miss their aims by `leeway`. */
export async function measure(
  name: Measurement,
  plan: ClusterPlan,
  etcd: ClusterProcessOptions['etcd'],
  leeway = 1,
  colours = false,
): Promise<Measured> {
  switch (name) {
    case 'registration':
    case 'watched': {
      const figures = await runRegistration(plan[name], etcd);
      const claims = registrationClaims(figures, leeway);
      const title = `Registrations on etcd, ${figures.nodes === 1 ? 'one node' : `${figures.nodes} nodes`}`;
      return { name, figures, claims, table: renderTable(clusterTable(title, claims, registrationRows(figures)), colours) };
    }
    case 'cold': {
      await using cluster = await ClusterProcess.start({ nodes: 1, etcd });
      const figures = await runClusterColdCalls(cluster, plan.coldModels);
      const claims = coldCallClaims(figures, leeway);
      return { name, figures, claims, table: renderTable(clusterTable('First calls, registry on etcd', claims), colours) };
    }
    case 'burst': {
      await using cluster = await ClusterProcess.start({ nodes: NODES, etcd });
      const nodes = cluster.nodes.map(({ process }) => process);
      const figures = await coldBurstThrough(nodes, plan.burst);
      const claims = burstClaims(figures, NODES, leeway);
      return { name, figures, claims, table: renderTable(clusterTable('First calls at once', claims), colours) };
    }
    case 'crowding': {
      const figures = await runCrowding(plan.crowding, etcd);
      const claims = crowdingClaims(figures);
      return { name, figures, claims, table: renderTable(clusterTable('More models than fit', claims), colours) };
    }
  }
}

import { loadavg } from 'node:os';
import type { ColdCallFigures } from '../bench/index.ts';
import { COLD_BURST, type ColdBurstFigures, type ColdBurstPlan, coldBurstThrough } from '../burst/index.ts';
import { ClusterProcess, type ClusterProcessOptions } from '../cluster-process/index.ts';
import { type Cell, currentCommit, readFigures, renderTable, writeResults } from '../figures/index.ts';
import {
  burstClaims,
  type ClusterClaim,
  clusterTable,
  coldCallClaims,
  crowdingClaims,
  freshNodeClaims,
  hotModelClaims,
  registrationClaims,
  registrationRows,
} from './claims.ts';
import { runClusterColdCalls } from './cold-calls.ts';
import { type CrowdingFigures, type CrowdingPlan, FULL_CROWDING, runCrowding, SHORT_CROWDING } from './crowding.ts';
import { FRESH_NODE, type FreshNodeFigures, type FreshNodePlan, runFreshNode } from './fresh-node.ts';
import { HOT_MODEL, type HotModelFigures, type HotModelPlan, runHotModel } from './hot-model.ts';
import { ONE_NODE, type RegistrationFigures, type RegistrationPlan, runRegistration, THREE_NODES } from './registration.ts';

/** What is measured. */
export const MEASUREMENTS = ['registration', 'watched', 'cold', 'burst', 'crowding', 'hot', 'fresh'] as const;
/** One of them. */
export type Measurement = (typeof MEASUREMENTS)[number];

/** How large each of them is. */
export interface ClusterPlan {
  readonly registration: RegistrationPlan;
  readonly watched: RegistrationPlan;
  readonly coldModels: number;
  readonly burst: ColdBurstPlan;
  readonly crowding: CrowdingPlan;
  readonly hot: HotModelPlan;
  readonly fresh: FreshNodePlan;
}

/** Nodes of those measurements that need several. */
const NODES = 3;

/** A burst is load too, which may be worth another copy: without, each load is one that first calls made. */
const NO_COPIES_FOR_LOAD = { 'scaling-hot-calls-per-copy-max': 'off', 'scaling-calls-per-minute-max': '1000000' };

/** The plan of the claims. */
export const FULL_CLUSTER: ClusterPlan = {
  registration: ONE_NODE,
  watched: THREE_NODES,
  coldModels: 400,
  burst: COLD_BURST,
  crowding: FULL_CROWDING,
  hot: HOT_MODEL,
  fresh: FRESH_NODE,
};

/** The same in seconds, but for the registrations, whose number is part of the claim. */
export const SHORT_CLUSTER: ClusterPlan = {
  ...FULL_CLUSTER,
  coldModels: 200,
  burst: { ...COLD_BURST, rounds: 5 },
  crowding: SHORT_CROWDING,
};

/** One measurement: its figures, its claims, and both as a table. */
export interface Measured {
  readonly name: Measurement;
  readonly figures:
    | RegistrationFigures
    | ColdCallFigures
    | ColdBurstFigures
    | CrowdingFigures
    | HotModelFigures
    | FreshNodeFigures;
  readonly claims: readonly ClusterClaim[];
  readonly table: string;
}

/** How far figures of speed may be from their aims, asked for when they have been taken. */
export type Leeway = () => number;

type Take = (plan: ClusterPlan, etcd: ClusterProcessOptions['etcd'], leeway: Leeway) => Promise<Taken>;
type Taken = Pick<Measured, 'figures' | 'claims'> & { readonly title: string; readonly more?: readonly (readonly Cell[])[] };

const registered =
  (name: 'registration' | 'watched'): Take =>
  async (plan, etcd, leeway) => {
    const figures = await runRegistration(plan[name], etcd);
    const title = `Registrations on etcd, ${figures.nodes === 1 ? 'one node' : `${figures.nodes} nodes`}`;
    return { figures, claims: registrationClaims(figures, leeway()), title, more: registrationRows(figures) };
  };

const takes = {
  registration: registered('registration'),
  watched: registered('watched'),
  cold: async (plan, etcd, leeway) => {
    await using cluster = await ClusterProcess.start({ nodes: 1, etcd });
    const figures = await runClusterColdCalls(cluster, plan.coldModels);
    return { figures, claims: coldCallClaims(figures, leeway()), title: 'First calls, registry on etcd' };
  },
  burst: async (plan, etcd, leeway) => {
    await using cluster = await ClusterProcess.start({ nodes: NODES, etcd, flags: NO_COPIES_FOR_LOAD });
    const nodes = cluster.nodes.map(({ process }) => process);
    const figures = await coldBurstThrough(nodes, plan.burst);
    return { figures, claims: burstClaims(figures, NODES, leeway()), title: 'First calls at once' };
  },
  crowding: async (plan, etcd) => {
    const figures = await runCrowding(plan.crowding, etcd);
    return { figures, claims: crowdingClaims(figures), title: 'More models than fit' };
  },
  hot: async (plan, etcd) => {
    const figures = await runHotModel(plan.hot, etcd);
    return { figures, claims: hotModelClaims(figures), title: 'A hot model with one copy' };
  },
  fresh: async (plan, etcd) => {
    const figures = await runFreshNode(plan.fresh, etcd);
    return { figures, claims: freshNodeClaims(figures), title: 'A node that joins' };
  },
} satisfies Record<Measurement, Take>;

/** Takes one measurement on an etcd and nodes of its own; figures of speed may miss their aims by `leeway`. */
export async function measure(
  name: Measurement,
  plan: ClusterPlan,
  etcd: ClusterProcessOptions['etcd'],
  leeway: Leeway = () => 1,
  colours = false,
): Promise<Measured> {
  const take: Take = takes[name];
  const { figures, claims, title, more } = await take(plan, etcd, leeway);
  return { name, figures, claims, table: renderTable(clusterTable(title, claims, more), colours) };
}

/** Keeps figures in `results/<results>.json`; measurements that are not run again stay as they are, with the commit they were taken at. @returns where */
export function keepMeasured(results: string, name: Measurement, { figures }: Measured): string {
  const kept = readFigures(results) as Record<string, unknown> | undefined;
  const facts = { commit: currentCommit(), date: new Date().toISOString(), loadAverage: loadavg()[0] };
  return writeResults(results, { ...kept, [name]: { ...facts, ...figures } }).path;
}

import { loadsOf, registerNull } from '../burst/index.ts';
import { type ClusterNode, ClusterProcess, type ClusterProcessOptions } from '../cluster-process/index.ts';
import { eventually } from '../faults/index.ts';
import { grpcRequest, runGrpcLoad } from '../load/index.ts';
import { scrape } from '../node-process/index.ts';

/** One model that everybody calls at once, at every node of a mesh where one node has its only copy (`field.md` §4.9, item 9). */
export interface HotModelPlan {
  readonly nodes: number;
  readonly clients: number;
  /** How long the clients call in all; the shares of the nodes are taken of the second half. */
  readonly durationMs: number;
}

/** The run of the claim. */
export const HOT_MODEL: HotModelPlan = { nodes: 3, clients: 96, durationMs: 20_000 };

/** What a run showed. */
export interface HotModelFigures {
  readonly nodes: number;
  readonly clients: number;
  readonly calls: number;
  readonly failures: Readonly<Record<string, number>>;
  /** From when all clients began to call until two and until all nodes had loaded a copy, in milliseconds. */
  readonly secondCopyMs: number;
  readonly everyCopyMs: number;
  /** The share that each runtime answered of the second half of the calls. */
  readonly shares: readonly number[];
}

const MODEL = 'hot';
/** So long that the clients together keep several copies busy. */
const ANSWER_MS = 50;
const CONNECTIONS_EACH = 2;

/** Runs the plan on an etcd and nodes of its own. */
export async function runHotModel(plan: HotModelPlan, etcd: ClusterProcessOptions['etcd']): Promise<HotModelFigures> {
  await using cluster = await ClusterProcess.start({ nodes: plan.nodes, etcd });
  const { nodes } = cluster;
  await registerNull(cluster.node(0).process, MODEL, `size 8192; answer ${ANSWER_MS}`);
  const links = nodes.flatMap(({ process }) => Array.from({ length: CONNECTIONS_EACH }, () => process.connect()));
  const connections = links.map(({ connection }) => connection);
  const message = Buffer.alloc(256, 1);
  const request = grpcRequest('/lab.Echo/Call', message, ['mm-model-id', MODEL], (answer) => message.equals(answer));
  const half = (streamsPerConnection: number) =>
    runGrpcLoad({ connections, streamsPerConnection, end: { kind: 'after', ms: plan.durationMs / 2 }, next: () => request });
  // Its one copy is there, and whoever calls it has met the node that has it.
  await runGrpcLoad({ connections, streamsPerConnection: 1, end: { kind: 'calls', count: 50 }, next: () => request });
  const beganMs = performance.now();
  const copies = (wanted: number): Promise<number> =>
    eventually(`${wanted} copies of ${MODEL}`, plan.durationMs, () =>
      loadedCopies(nodes) >= wanted ? performance.now() - beganMs : undefined,
    );
  const streams = plan.clients / connections.length;
  const [first, secondCopyMs, everyCopyMs] = await Promise.all([half(streams), copies(2), copies(plan.nodes)]);
  const before = await Promise.all(nodes.map(ranAt));
  const second = await half(streams);
  const after = await Promise.all(nodes.map(ranAt));
  for (const link of links) link.close();
  second.add(first);
  const ran = after.map((count, at) => count - (before[at] ?? 0));
  const all = ran.reduce((sum, count) => sum + count, 0);
  return {
    nodes: plan.nodes,
    clients: plan.clients,
    calls: second.completed,
    failures: Object.fromEntries(second.failures),
    secondCopyMs,
    everyCopyMs,
    shares: ran.map((count) => count / all),
  };
}

/** Nodes that have loaded it, by their own word: of copies elsewhere a node only knows when they were claimed. */
const loadedCopies = (nodes: readonly ClusterNode[]): number => nodes.filter(({ process }) => loadsOf(process, MODEL) > 0).length;

/** Calls that the node's own runtime answered. */
const ranAt = async ({ process }: ClusterNode): Promise<number> =>
  (await scrape(process)).get('modelmesh_invoke_model_milliseconds_count') ?? 0;

import { type ClusterNode, ClusterProcess, type ClusterProcessOptions } from '../cluster-process/index.ts';
import { LoadResult, runGrpcLoad, runHttpLoad } from '../load/index.ts';
import { splitAddress } from '../node-process/index.ts';
import { bookedBytes, copyLives } from '../overcommit/index.ts';
import { type Crowd, type CrowdPlan, makeCrowd } from './crowd.ts';

/** A fleet that does not fit into a whole mesh, and clients that call all of it through every node. */
export interface CrowdingPlan {
  readonly crowd: CrowdPlan;
  readonly nodes: number;
  /** Models of the mean size that fit into all nodes together. */
  readonly fittingModels: number;
  readonly grpcClients: number;
  readonly restClients: number;
  readonly durationMs: number;
}

/** The run of the claim: 300 models with room for 60, 32 clients, three nodes. */
export const FULL_CROWDING: CrowdingPlan = {
  crowd: { models: 300, sizeBytesMin: 2 << 20, sizeBytesMax: 48 << 20, loadMs: 20, zipfExponent: 1, seed: 4 },
  nodes: 3,
  fittingModels: 60,
  grpcClients: 24,
  restClients: 8,
  durationMs: 60_000,
};

/** The same in seconds. */
export const SHORT_CROWDING: CrowdingPlan = {
  ...FULL_CROWDING,
  durationMs: 8000,
};

/** What a run showed. */
export interface CrowdingFigures {
  readonly models: number;
  readonly nodes: number;
  readonly calls: number;
  readonly wrongAnswers: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly callsPerSecond: number;
  readonly grpcP50Ms: number;
  readonly grpcP99Ms: number;
  readonly restP99Ms: number;
  /** What each node may book, and the most that it booked. */
  readonly capacityBytes: number;
  readonly bookedBytesMax: readonly number[];
  readonly loads: readonly number[];
  readonly evictions: readonly number[];
  readonly failedLoads: number;
  /** Models that a node loaded once more while it had a copy: must be none. */
  readonly doubleLoads: readonly string[];
}

const SAMPLE_PERIOD_MS = 100;
/** Clients over gRPC share connections by four, two connections for each of three nodes. */
const STREAMS_PER_CONNECTION = 4;

/** Runs the plan on an etcd and nodes of its own. */
export async function runCrowding(plan: CrowdingPlan, etcd: ClusterProcessOptions['etcd']): Promise<CrowdingFigures> {
  const { sizeBytesMin, sizeBytesMax } = plan.crowd;
  const capacityBytes = Math.round((plan.fittingModels * (sizeBytesMin + sizeBytesMax)) / 2 / plan.nodes);
  const flags = { 'runtime-capacity-bytes': String(capacityBytes) };
  await using cluster = await ClusterProcess.start({ nodes: plan.nodes, etcd, flags });
  const crowd = await makeCrowd(cluster.node(0).process, plan.crowd);
  const watches = cluster.nodes.map((node) => new BookingWatch(node));
  const [grpc, rest] = await drive(plan, cluster.nodes, crowd);
  const bookedBytesMax = await Promise.all(watches.map((watch) => watch.stop()));
  const lives = cluster.nodes.map(({ log }) => copyLives(log));
  const all = new LoadResult();
  all.add(grpc);
  all.add(rest);
  return {
    models: plan.crowd.models,
    nodes: plan.nodes,
    calls: all.completed,
    wrongAnswers: all.wrong,
    failures: Object.fromEntries(all.failures),
    callsPerSecond: all.perSecond,
    grpcP50Ms: grpc.latency.quantileMs(0.5),
    grpcP99Ms: grpc.latency.quantileMs(0.99),
    restP99Ms: rest.latency.quantileMs(0.99),
    capacityBytes,
    bookedBytesMax,
    loads: lives.map(({ loads }) => loads),
    evictions: lives.map(({ evictions }) => evictions),
    failedLoads: lives.reduce((sum, { failedLoads }) => sum + failedLoads, 0),
    doubleLoads: lives.flatMap(({ doubleLoads }) => doubleLoads),
  };
}

async function drive(
  plan: CrowdingPlan,
  nodes: readonly ClusterNode[],
  crowd: Crowd,
): Promise<readonly [grpc: LoadResult, rest: LoadResult]> {
  const end = { kind: 'after', ms: plan.durationMs } as const;
  const links = Array.from({ length: plan.grpcClients / STREAMS_PER_CONNECTION }, (_, at) => nodeOf(nodes, at).process.connect());
  const restEach = nodes.map((_, at) => Math.floor((plan.restClients + nodes.length - 1 - at) / nodes.length));
  const [grpc, ...rests] = await Promise.all([
    runGrpcLoad({
      connections: links.map(({ connection }) => connection),
      streamsPerConnection: STREAMS_PER_CONNECTION,
      end,
      next: () => crowd.nextGrpc(),
    }),
    ...restEach.map((connections, at) => {
      const [host, port] = splitAddress(nodeOf(nodes, at).process.addresses.inference);
      return runHttpLoad({ host, port: Number(port), connections, end, next: () => crowd.nextHttp() });
    }),
  ]);
  for (const link of links) link.close();
  const rest = new LoadResult();
  for (const each of rests) rest.add(each);
  return [grpc, rest];
}

function nodeOf(nodes: readonly ClusterNode[], number: number): ClusterNode {
  const node = nodes[number % nodes.length];
  if (node === undefined) throw new Error('a plan needs a node');
  return node;
}

/** Looks at what a node has booked, again and again. */
class BookingWatch {
  readonly #node: ClusterNode;
  readonly #running: Promise<void>;
  #isStopped = false;
  #bytesMax = 0;

  constructor(node: ClusterNode) {
    this.#node = node;
    this.#running = this.#run();
  }

  /** @returns the most that was booked. @throws what a look threw */
  async stop(): Promise<number> {
    this.#isStopped = true;
    await this.#running;
    return this.#bytesMax;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      this.#bytesMax = Math.max(this.#bytesMax, await bookedBytes(this.#node.process));
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_PERIOD_MS));
    }
  }
}

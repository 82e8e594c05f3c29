import { ModelMesh } from '@modelmesh/wire/mmesh';
import { LoadResult, runGrpcLoad, runHttpLoad } from '../load/index.ts';
import { freeFolder, NodeProcess, scrape, splitAddress } from '../node-process/index.ts';
import { privateBytes } from '../process-usage/index.ts';
import { type CopyLives, copyLives } from './copy-lives.ts';
import { type FleetModel, type FleetPlan, makeFleet } from './fleet.ts';
import { bookedBytes, type MemoryFigures, MemoryWatch } from './memory-watch.ts';
import { Traffic } from './traffic.ts';

/** One run: a fleet that does not fit, and traffic over all of it. */
export interface OvercommitPlan {
  readonly fleet: FleetPlan;
  /** Models of the mean size that fit at a time. */
  readonly fittingModels: number;
  readonly grpcClients: number;
  readonly restClients: number;
  readonly durationMs: number;
  readonly zipfExponent: number;
  readonly samplePeriodMs: number;
}

/** The run of the claim: 300 models of 2 to 48 MiB, room for 30, 32 clients, a minute. */
export const FULL_PLAN: OvercommitPlan = {
  fleet: { models: 300, weightBytesMin: 2 << 20, weightBytesMax: 48 << 20, questionsEach: 4, seed: 3 },
  fittingModels: 30,
  grpcClients: 24,
  restClients: 8,
  durationMs: 60_000,
  zipfExponent: 1,
  samplePeriodMs: 100,
};

/** The same in seconds; the room is large beside a single model, because memory of loads that go on is in no ledger. */
export const SHORT_PLAN: OvercommitPlan = {
  ...FULL_PLAN,
  fleet: { ...FULL_PLAN.fleet, models: 40, questionsEach: 2 },
  fittingModels: 24,
  durationMs: 8000,
  samplePeriodMs: 50,
};

/** What a run showed. */
export interface OvercommitFigures {
  readonly models: number;
  readonly fleetBytes: number;
  readonly calls: number;
  readonly wrongAnswers: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly callsPerSecond: number;
  readonly grpcMs: Readonly<Record<'p50' | 'p95' | 'p99', number>>;
  readonly restMs: Readonly<Record<'p50' | 'p95' | 'p99', number>>;
  /** Calls that waited for no load, as a share of all. */
  readonly hitRate: number;
  /** Means over all loads: in the runtime, of unloads, and of waiting for a turn. */
  readonly loadMsMean: number;
  readonly unloadMsMean: number;
  readonly queueMsMean: number;
  readonly capacityBytes: number;
  readonly memory: MemoryFigures;
  readonly copies: CopyLives;
  readonly emptyRuntimeBytes: number;
  /** Private bytes of the runtime after everything was unloaded. */
  readonly bytesAfterUnload: number;
}

/** How long the runtime may take to unload everything, and how long it is then left alone to give memory back. */
const UNLOAD_MS_MAX = 30_000;
const SETTLE_MS = 3000;
const LOOK_MS = 100;

/** Bytes that the runtime may keep after everything was unloaded. */
export const unloadedBound = (emptyBytes: number): number => emptyBytes * 1.1 + (32 << 20);

/** Runs the plan against a node of its own. `tell` hears of progress. */
export async function runOvercommit(plan: OvercommitPlan, tell: (line: string) => void = () => {}): Promise<OvercommitFigures> {
  await using place = await freeFolder();
  const fleet = await makeFleet(plan.fleet, place.path, (written) => {
    if (written % 25 === 0) tell(`${written} of ${plan.fleet.models} models written`);
  });
  const meanBytes = (plan.fleet.weightBytesMin + plan.fleet.weightBytesMax) / 2;
  const capacityBytes = Math.round(plan.fittingModels * meanBytes);
  await using node = await NodeProcess.start({ flags: { 'runtime-capacity-bytes': String(capacityBytes) } });
  const emptyRuntimeBytes = privateBytes(node.runtimePid);
  await register(node, fleet);
  tell(`${fleet.length} models registered; traffic for ${plan.durationMs / 1000} s`);
  const watch = new MemoryWatch(node, emptyRuntimeBytes, capacityBytes, plan.samplePeriodMs);
  watch.start();
  const traffic = await drive(plan, node, fleet);
  const memory = await watch.stop();
  const page = await scrape(node);
  const misses = page.get('modelmesh_cache_miss_milliseconds_count') ?? Number.NaN;
  tell('unloading everything');
  const bytesAfterUnload = await unloadAll(node, fleet);
  const copies = copyLives(node.program.log);
  const all = new LoadResult();
  all.add(traffic.grpc);
  all.add(traffic.http);
  return {
    models: fleet.length,
    fleetBytes: fleet.reduce((sum, { weightBytes }) => sum + weightBytes, 0),
    calls: all.completed,
    wrongAnswers: all.wrong,
    failures: Object.fromEntries(all.failures),
    callsPerSecond: all.perSecond,
    grpcMs: quantilesOf(traffic.grpc.latency),
    restMs: quantilesOf(traffic.http.latency),
    hitRate: 1 - misses / all.completed,
    loadMsMean: meanOf(page, 'modelmesh_loadmodel_milliseconds'),
    unloadMsMean: meanOf(page, 'modelmesh_unloadmodel_milliseconds'),
    queueMsMean: meanOf(page, 'modelmesh_loading_queue_delay_milliseconds'),
    capacityBytes,
    memory,
    copies,
    emptyRuntimeBytes,
    bytesAfterUnload,
  };
}

const meanOf = (page: ReadonlyMap<string, number>, histogram: string): number =>
  (page.get(`${histogram}_sum`) ?? Number.NaN) / (page.get(`${histogram}_count`) ?? Number.NaN);

const quantilesOf = (latency: { quantileMs(q: number): number }): Record<'p50' | 'p95' | 'p99', number> => ({
  p50: latency.quantileMs(0.5),
  p95: latency.quantileMs(0.95),
  p99: latency.quantileMs(0.99),
});

async function register(node: NodeProcess, fleet: readonly FleetModel[]): Promise<void> {
  for (const { key, path } of fleet) {
    await node.client.unary(ModelMesh.method.registerModel, { modelId: key, modelInfo: { type: 'onnx', path } });
  }
}

interface Driven {
  readonly grpc: LoadResult;
  readonly http: LoadResult;
}

/** Clients over gRPC share connections by six; those over REST have one each. */
const STREAMS_PER_CONNECTION = 6;

async function drive(plan: OvercommitPlan, node: NodeProcess, fleet: readonly FleetModel[]): Promise<Driven> {
  const traffic = new Traffic(fleet, plan.zipfExponent, plan.fleet.seed);
  const connections = Array.from({ length: Math.ceil(plan.grpcClients / STREAMS_PER_CONNECTION) }, () => node.connect());
  const [host, port] = splitAddress(node.addresses.inference);
  const end = { kind: 'after', ms: plan.durationMs } as const;
  const [grpc, http] = await Promise.all([
    runGrpcLoad({
      connections: connections.map(({ connection }) => connection),
      streamsPerConnection: plan.grpcClients / connections.length,
      end,
      next: () => traffic.nextGrpc(),
    }),
    runHttpLoad({ host, port: Number(port), connections: plan.restClients, end, next: () => traffic.nextHttp() }),
  ]);
  for (const connection of connections) connection.close();
  return { grpc, http };
}

/** Unloads each model and lets the runtime settle. @returns the private bytes that are left. @throws if something stays booked. */
async function unloadAll(node: NodeProcess, fleet: readonly FleetModel[]): Promise<number> {
  for (const { key } of fleet) {
    const response = await fetch(`${node.url}/api/v1/models/${key}:unload`, { method: 'POST' });
    if (!response.ok) throw new Error(`unload of ${key}: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  }
  const until = performance.now() + UNLOAD_MS_MAX;
  for (let booked = await bookedBytes(node); booked > 0; booked = await bookedBytes(node)) {
    if (performance.now() > until) throw new Error(`${booked} bytes are booked although everything was unloaded`);
    await passing(LOOK_MS);
  }
  await passing(SETTLE_MS);
  return privateBytes(node.runtimePid);
}

const passing = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

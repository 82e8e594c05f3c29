import { ModelMesh } from '@modelmesh/wire/mmesh';
import { digits, judged, pairedRatios, type Spread, spreadOf, type Table } from '../figures/index.ts';
import { type GrpcRequest, type HttpRequest, type LoadResult, runGrpcLoad, runHttpLoad } from '../load/index.ts';
import { connectGrpc, freeFolder, NodeProcess, splitAddress } from '../node-process/index.ts';
import { cpuMs, familyOf, privateBytes } from '../process-usage/index.ts';
import { type Iris, irisGrpc, irisHttp, trainIris } from './iris.ts';
import { MlServerProcess } from './mlserver-process.ts';

/** How long the comparison is. */
export interface ComparisonPlan {
  /** Runs of each server over each protocol, in turns. */
  readonly rounds: number;
  /** Length of one run. */
  readonly runMs: number;
  /** Runs of each before the first that counts: V8 compiles what it finds hot for about ten seconds, Python compiles nothing. */
  readonly warmUpRuns: number;
  readonly connections: number;
  /** Calls at a time on each connection of gRPC; REST has as many connections as gRPC has calls. */
  readonly streamsPerConnection: number;
}

/** The comparison of the claim. */
export const COMPARISON: ComparisonPlan = { rounds: 5, runMs: 2000, warmUpRuns: 5, connections: 4, streamsPerConnection: 4 };

/** How many times the requests of MLServer for each second of CPU time node and runtime must answer. */
export const TIMES_MLSERVER_MIN = 4;

/** One protocol. */
export interface ProtocolFigures {
  /** Requests for each second of CPU time, medians. */
  readonly meshPerCpuSecond: number;
  readonly mlserverPerCpuSecond: number;
  /** Quotient of both, run by run. */
  readonly times: Spread;
  readonly meshP50Ms: number;
  readonly mlserverP50Ms: number;
}

/** What the comparison found. */
export interface MlServerFigures {
  readonly grpc: ProtocolFigures;
  readonly rest: ProtocolFigures;
  /** Private bytes of all processes after the load. */
  readonly meshBytes: number;
  readonly mlserverBytes: number;
}

interface Server {
  readonly pids: () => readonly number[];
  readonly grpc: () => Promise<LoadResult>;
  readonly rest: () => Promise<LoadResult>;
}

/** Node and embedded runtime against MLServer, with one model from one training. `python` is the one that MLServer is installed for. */
export async function compareWithMlServer(python: string, plan: ComparisonPlan): Promise<MlServerFigures> {
  await using place = await freeFolder();
  const iris = await trainIris(python, place.path);
  await using node = await NodeProcess.start();
  await node.client.unary(ModelMesh.method.registerModel, { modelId: 'iris', modelInfo: { type: 'onnx', path: iris.onnxPath } });
  await using mlserver = await MlServerProcess.start(python, place.path);
  const mesh = meshServer(node, iris, plan);
  const other = mlServer(mlserver, iris, plan);
  const bytesOf = ({ pids }: Server): number => pids().reduce((sum, pid) => sum + privateBytes(pid), 0);
  const grpc = await compareProtocol('grpc', mesh, other, plan);
  const rest = await compareProtocol('rest', mesh, other, plan);
  return { grpc, rest, meshBytes: bytesOf(mesh), mlserverBytes: bytesOf(other) };
}

function meshServer(node: NodeProcess, iris: Iris, plan: ComparisonPlan): Server {
  const [host, port] = splitAddress(node.addresses.inference);
  const at = { host, port: Number(port) };
  return {
    pids: () => familyOf(node.pid),
    grpc: () => driveGrpc(at, irisGrpc(iris, [iris.label]), plan),
    rest: () => driveRest(at, irisHttp(iris, [iris.label]), plan),
  };
}

function mlServer(server: MlServerProcess, iris: Iris, plan: ComparisonPlan): Server {
  const host = '127.0.0.1';
  return {
    pids: () => familyOf(server.pid),
    grpc: () => driveGrpc({ host, port: server.grpcPort }, irisGrpc(iris, []), plan),
    rest: () => driveRest({ host, port: server.httpPort }, irisHttp(iris, []), plan),
  };
}

interface Place {
  readonly host: string;
  readonly port: number;
}

async function driveGrpc(place: Place, request: GrpcRequest, plan: ComparisonPlan): Promise<LoadResult> {
  const links = Array.from({ length: plan.connections }, () => connectGrpc({ kind: 'tcp', ...place }));
  const result = await runGrpcLoad({
    connections: links.map(({ connection }) => connection),
    streamsPerConnection: plan.streamsPerConnection,
    end: { kind: 'after', ms: plan.runMs },
    next: () => request,
  });
  for (const link of links) link.close();
  return result;
}

const driveRest = (place: Place, request: HttpRequest, plan: ComparisonPlan): Promise<LoadResult> =>
  runHttpLoad({
    ...place,
    connections: plan.connections * plan.streamsPerConnection,
    end: { kind: 'after', ms: plan.runMs },
    next: () => request,
  });

interface Measured {
  readonly perCpuSecond: number;
  readonly p50Ms: number;
}

async function measure(server: Server, protocol: 'grpc' | 'rest'): Promise<Measured> {
  const cpu = (): number => server.pids().reduce((sum, pid) => sum + cpuMs(pid), 0);
  const before = cpu();
  const result = await server[protocol]();
  const spentMs = cpu() - before;
  result.assertAllRight();
  return { perCpuSecond: (result.completed * 1000) / spentMs, p50Ms: result.latency.quantileMs(0.5) };
}

async function compareProtocol(
  protocol: 'grpc' | 'rest',
  mesh: Server,
  other: Server,
  plan: ComparisonPlan,
): Promise<ProtocolFigures> {
  for (const server of [mesh, other]) for (let run = 0; run < plan.warmUpRuns; run++) await measure(server, protocol);
  const [ours, theirs]: [Measured[], Measured[]] = [[], []];
  for (let round = 0; round < plan.rounds; round++) {
    ours.push(await measure(mesh, protocol));
    theirs.push(await measure(other, protocol));
  }
  const rates = (runs: readonly Measured[]): readonly number[] => runs.map(({ perCpuSecond }) => perCpuSecond);
  const latencies = (runs: readonly Measured[]): number => spreadOf(runs.map(({ p50Ms }) => p50Ms)).median;
  return {
    meshPerCpuSecond: spreadOf(rates(ours)).median,
    mlserverPerCpuSecond: spreadOf(rates(theirs)).median,
    times: spreadOf(pairedRatios(rates(ours), rates(theirs))),
    meshP50Ms: latencies(ours),
    mlserverP50Ms: latencies(theirs),
  };
}

/** Whether both protocols answer as many times the requests as they should, or at most `leeway` times fewer. */
export const comparisonHolds = ({ grpc, rest }: MlServerFigures, leeway = 1): boolean =>
  Math.min(grpc.times.median, rest.times.median) * leeway >= TIMES_MLSERVER_MIN;

/** The comparison as a table. */
export function comparisonTable({ grpc, rest, meshBytes, mlserverBytes }: MlServerFigures): Table {
  const row = (name: string, { meshPerCpuSecond, mlserverPerCpuSecond, times, meshP50Ms, mlserverP50Ms }: ProtocolFigures) => [
    name,
    digits(meshPerCpuSecond, 0),
    digits(mlserverPerCpuSecond, 0),
    judged(`${digits(times.median)} (${digits(times.min)}–${digits(times.max)})`, times.median >= TIMES_MLSERVER_MIN),
    digits(meshP50Ms),
    digits(mlserverP50Ms),
  ];
  const mebi = (bytes: number): string => digits(bytes / 2 ** 20, 0);
  return {
    title: 'Requests for each second of CPU time, one scikit-learn model, node and runtime together',
    columns: ['', 'Model Mesh', 'MLServer', 'times', 'p50 ms', 'p50 ms MLServer'],
    rows: [row('gRPC', grpc), row('REST', rest), ['private MiB', mebi(meshBytes), mebi(mlserverBytes), '', '', '']],
  };
}

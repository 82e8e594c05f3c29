import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { echoRequest, registerNull, startNullNode } from '../burst/index.ts';
import { pairedRatios, type Spread, spreadOf } from '../figures/index.ts';
import { floatRequest } from '../isolation/index.ts';
import { type HttpRequest, httpRequest } from '../load/index.ts';
import { NodeProcess } from '../node-process/index.ts';
import { plusOneModel } from './plus-one-model.ts';
import {
  type Cost,
  costOf,
  type GrpcDriver,
  type Pressure,
  restThroughNode,
  type Subject,
  straightToRuntime,
  throughNode,
} from './subject.ts';

/** How long a bench of the hop is. */
export interface HopPlan {
  /** Runs of each subject, in turns. */
  readonly rounds: number;
  /** Calls of one run with messages of 256 bytes, and of 64 KiB. */
  readonly smallCalls: number;
  readonly largeCalls: number;
  readonly driver: GrpcDriver;
  /** The comparisons to make, by the names of their ratios; all unless given. */
  readonly only?: ReadonlySet<string>;
}

/** What the suite runs, twice where something is worse: about a minute each on two cores, half of it idle. */
export const SUITE_HOP: HopPlan = { rounds: 7, smallCalls: 4000, largeCalls: 150, driver: 'own' };

/** A way to the answer beside a shorter one, the runtime alone as a rule: what it costs more. */
export interface Comparison {
  readonly name: string;
  readonly bytes: number;
  /** The other way, and this one; medians. */
  readonly base: Cost;
  readonly through: Cost;
  /** CPU of node and runtime, in CPU of the runtime alone. */
  readonly cpuRatio: Spread;
  /** Median latency of one call at a time, in that of the runtime alone. */
  readonly latencyRatio: Spread;
  /** CPU that the node adds, in microseconds a call. */
  readonly addedCpuUs: number;
  /** Latency that the node adds to one call at a time, in milliseconds, by the medians. */
  readonly addedMs: number;
}

/** What the bench of the hop found. */
export interface HopFigures {
  readonly driver: GrpcDriver;
  readonly comparisons: readonly Comparison[];
}

const SMALL_BYTES = 256;
const LARGE_BYTES = 65_536;
const SIZES = [SMALL_BYTES, LARGE_BYTES] as const;
/** Calls before the first run, so that code is compiled and connections of the node are up. */
const WARM_CALLS = 5000;
/** Calls of a node after its start, until what they run is compiled. */
const NODE_WARM_CALLS = 25_000;
/** Connections and calls at a time under pressure. */
const BUSY = { connections: 4, streamsPerConnection: 8 } as const;

interface Case {
  readonly name: string;
  readonly bytes: number;
  readonly base: Subject;
  readonly through: Subject;
}

/** The name of a comparison's ratio in the baselines. */
export const ratioName = ({ name, bytes }: Pick<Comparison, 'name' | 'bytes'>): string =>
  `${name}, ${bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`}`;

/** Measures each way in turns with the other. */
export async function runHop(plan: HopPlan, tell: (line: string) => void = () => {}): Promise<HopFigures> {
  const comparisons: Comparison[] = [];
  const wanted = (one: Pick<Comparison, 'name' | 'bytes'>): boolean => plan.only?.has(ratioName(one)) ?? true;
  for (const group of GROUPS) {
    if (!group.names.some((name) => SIZES.some((bytes) => wanted({ name, bytes })))) continue;
    await using nodes = new AsyncDisposableStack();
    for (const one of await group.cases(nodes, plan.driver)) if (wanted(one)) comparisons.push(await compare(one, plan, tell));
  }
  return { driver: plan.driver, comparisons };
}

/** Comparisons that share their nodes. */
interface Group {
  readonly names: readonly string[];
  readonly cases: (nodes: AsyncDisposableStack, driver: GrpcDriver) => Promise<readonly Case[]>;
}

const NULL_NAME = 'gRPC, null runtime';
const ENGINES_NAME = 'gRPC, null runtime, h2 beside node:http2';
const ONNX_NAMES = ['gRPC, ONNX', 'REST with JSON, ONNX', 'REST with binary tensors, ONNX'] as const;

const GROUPS: readonly Group[] = [
  { names: [NULL_NAME, ENGINES_NAME], cases: nullCases },
  { names: ONNX_NAMES, cases: onnxCases },
];

async function nullCases(nodes: AsyncDisposableStack, driver: GrpcDriver): Promise<readonly Case[]> {
  const node = nodes.use(await startNullNode());
  const other = nodes.use(await startNullNode({ 'http2-engine': 'node-http2' }));
  for (const each of [node, other]) await registerNull(each, 'echo', '');
  const small = echoRequest('echo', Buffer.alloc(SMALL_BYTES, 1));
  // Whatever is compared first, or alone in a second run, is as warm as what comes last.
  for (const each of [node, other]) await costOf(throughNode(each, small, driver), { ...BUSY, calls: NODE_WARM_CALLS });
  const beside: Case = {
    name: ENGINES_NAME,
    bytes: SMALL_BYTES,
    // Of the nodes alone: the runtime is the same.
    base: { ...throughNode(other, small, driver), pids: () => [other.pid] },
    through: { ...throughNode(node, small, driver), pids: () => [node.pid] },
  };
  const alone = SIZES.map((bytes): Case => {
    const request = echoRequest('echo', Buffer.alloc(bytes, 1));
    const base = straightToRuntime(node, request, driver);
    return { name: NULL_NAME, bytes, base, through: throughNode(node, request, driver) };
  });
  return [...alone, beside];
}

async function onnxCases(nodes: AsyncDisposableStack, driver: GrpcDriver): Promise<readonly Case[]> {
  const node = nodes.use(await NodeProcess.start());
  const path = join(node.folder, 'plus-one.onnx');
  await writeFile(path, plusOneModel());
  await node.client.unary(ModelMesh.method.registerModel, { modelId: 'plus-one', modelInfo: { type: 'onnx', path } });
  const [grpc, json, binary] = ONNX_NAMES;
  return SIZES.flatMap((bytes) => {
    const values = Array.from({ length: bytes / 4 }, (_, at) => (at % 100) / 4);
    const request = floatRequest('plus-one', [values.length], values);
    const base = straightToRuntime(node, request, driver);
    const rest = (name: string, made: HttpRequest): Case => ({ name, bytes, base, through: restThroughNode(node, name, made) });
    return [
      { name: grpc, bytes, base, through: throughNode(node, request, driver) },
      rest(json, jsonRequest(values)),
      rest(binary, binaryRequest(values)),
    ];
  });
}

const INFER_PATH = '/v2/models/plus-one/infer';

function jsonRequest(values: readonly number[]): HttpRequest {
  const body = JSON.stringify({ inputs: [{ name: 'x', shape: [values.length], datatype: 'FP32', data: values }] });
  return httpRequest(INFER_PATH, Buffer.from(body));
}

/** The binary tensor extension both ways. */
function binaryRequest(values: readonly number[]): HttpRequest {
  const data = Buffer.from(Float32Array.from(values).buffer);
  const input = { name: 'x', shape: [values.length], datatype: 'FP32', parameters: { binary_data_size: data.length } };
  const head = Buffer.from(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }));
  const headers = { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(head.length) };
  return httpRequest(INFER_PATH, Buffer.concat([head, data]), headers);
}

async function compare(one: Case, plan: HopPlan, tell: (line: string) => void): Promise<Comparison> {
  const calls = one.bytes === SMALL_BYTES ? plan.smallCalls : plan.largeCalls;
  const busy: Pressure = { ...BUSY, calls };
  const single: Pressure = { connections: 1, streamsPerConnection: 1, calls: Math.ceil(calls / 5) };
  for (const subject of [one.through, one.base]) await costOf(subject, { ...busy, calls: Math.min(calls, WARM_CALLS) });
  const [base, through, baseAlone, throughAlone]: [Cost[], Cost[], Cost[], Cost[]] = [[], [], [], []];
  for (let round = 0; round < plan.rounds; round++) {
    base.push(await costOf(one.base, busy));
    through.push(await costOf(one.through, busy));
    baseAlone.push(await costOf(one.base, single));
    throughAlone.push(await costOf(one.through, single));
  }
  tell(`${one.name}, ${one.bytes} bytes: measured`);
  const cpu = (costs: readonly Cost[]): readonly number[] => costs.map(({ cpuUs }) => cpuUs);
  const latency = (costs: readonly Cost[]): readonly number[] => costs.map(({ p50Ms }) => p50Ms);
  const [left, right] = [middleOf(base, baseAlone), middleOf(through, throughAlone)];
  return {
    name: one.name,
    bytes: one.bytes,
    base: left,
    through: right,
    cpuRatio: spreadOf(pairedRatios(cpu(through), cpu(base))),
    latencyRatio: spreadOf(pairedRatios(latency(throughAlone), latency(baseAlone))),
    addedCpuUs: right.cpuUs - left.cpuUs,
    addedMs: right.p50Ms - left.p50Ms,
  };
}

/** CPU and throughput under pressure, latencies of one call at a time; medians. */
function middleOf(busy: readonly Cost[], single: readonly Cost[]): Cost {
  const middle = (costs: readonly Cost[], of: (cost: Cost) => number): number => spreadOf(costs.map(of)).median;
  return {
    cpuUs: middle(busy, ({ cpuUs }) => cpuUs),
    perSecond: middle(busy, ({ perSecond }) => perSecond),
    p50Ms: middle(single, ({ p50Ms }) => p50Ms),
    p99Ms: middle(single, ({ p99Ms }) => p99Ms),
  };
}

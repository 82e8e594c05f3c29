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
}

/** A way to the answer beside the runtime alone: what it costs more. */
export interface Comparison {
  readonly name: string;
  readonly bytes: number;
  /** Runtime alone, and through the node; medians. */
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
/** Calls before the first run, so that code is compiled and connections of the node are up. */
const WARM_CALLS = 1000;

interface Case {
  readonly name: string;
  readonly bytes: number;
  readonly base: Subject;
  readonly through: Subject;
}

/** Measures each way in turns with the runtime alone. */
export async function runHop(plan: HopPlan, tell: (line: string) => void = () => {}): Promise<HopFigures> {
  const { driver } = plan;
  const comparisons: Comparison[] = [];
  {
    await using node = await startNullNode();
    await registerNull(node, 'echo', '');
    for (const bytes of [SMALL_BYTES, LARGE_BYTES]) {
      const request = echoRequest('echo', Buffer.alloc(bytes, 1));
      const [base, through] = [straightToRuntime(node, request, driver), throughNode(node, request, driver)];
      comparisons.push(await compare({ name: 'gRPC, null runtime', bytes, base, through }, plan, tell));
    }
  }
  await using node = await NodeProcess.start();
  for (const one of await onnxCases(node, driver)) comparisons.push(await compare(one, plan, tell));
  return { driver, comparisons };
}

async function onnxCases(node: NodeProcess, driver: GrpcDriver): Promise<readonly Case[]> {
  const path = join(node.folder, 'plus-one.onnx');
  await writeFile(path, plusOneModel());
  await node.client.unary(ModelMesh.method.registerModel, { modelId: 'plus-one', modelInfo: { type: 'onnx', path } });
  return [SMALL_BYTES, LARGE_BYTES].flatMap((bytes) => {
    const values = Array.from({ length: bytes / 4 }, (_, at) => (at % 100) / 4);
    const request = floatRequest('plus-one', [values.length], values);
    const base = straightToRuntime(node, request, driver);
    const rest = (name: string, made: HttpRequest): Case => ({ name, bytes, base, through: restThroughNode(node, name, made) });
    return [
      { name: 'gRPC, ONNX', bytes, base, through: throughNode(node, request, driver) },
      rest('REST with JSON, ONNX', jsonRequest(values)),
      rest('REST with binary tensors, ONNX', binaryRequest(values)),
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
  const busy: Pressure = { connections: 4, streamsPerConnection: 8, calls };
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

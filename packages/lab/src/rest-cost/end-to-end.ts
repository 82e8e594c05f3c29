import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { type Cost, costOf, type Pressure, plusOneModel, type Subject } from '../bench/index.ts';
import { pairedRatios, type Spread, spreadOf } from '../figures/index.ts';
import { type HttpRequest, httpRequest, runHttpLoad } from '../load/index.ts';
import { connectGrpc, NodeProcess, Program, programEnvironment, splitAddress } from '../node-process/index.ts';
import { floatCalls } from './bodies.ts';
import { runRestLoad } from './rest-load.ts';

/** How long a REST call through the node is measured. */
export interface EndToEndPlan {
  readonly rounds: number;
  /** Calls of one run. */
  readonly calls: number;
}

/** A V2 call of 1 000 floats through the node, beside a program that converts the slow way and does nothing else that a node does. */
export interface EndToEndFigures {
  /** CPU of one call in microseconds without that of the runtime; medians. */
  readonly nodeUs: number;
  readonly slowUs: number;
  readonly nodeHttp1Us: number;
  /** Over HTTP/2, in CPU of the slow way. */
  readonly ratio: Spread;
  /** The node over HTTP/1.1, in CPU of the slow way over HTTP/2. */
  readonly ratioHttp1: Spread;
}

/** A call through the node may cost so much of the slow way's CPU, over HTTP/2. */
export const END_TO_END_MAX = 1 / 2;

const PROXY = fileURLToPath(new URL('./slow-proxy-main.ts', import.meta.url));
const MODEL = 'plus-one';
const PATH = `/v2/models/${MODEL}/infer`;
const START_TIMEOUT_MS = 30_000;
const WARM_CALLS = 2000;

/** Measures each way in turns. */
export async function runEndToEnd(plan: EndToEndPlan): Promise<EndToEndFigures> {
  await using node = await NodeProcess.start();
  const path = join(node.folder, 'plus-one.onnx');
  await writeFile(path, plusOneModel());
  await node.client.unary(ModelMesh.method.registerModel, {
    modelId: MODEL,
    modelInfo: { type: 'onnx', path },
    loadNow: true,
    sync: true,
  });
  const proxy = new Program({
    entry: PROXY,
    args: [join(node.folder, 'runtime.sock')],
    environment: programEnvironment(),
    workingFolder: node.folder,
  });
  try {
    const { port } = await proxy.until(({ event }) => event === 'listening', 'listening', START_TIMEOUT_MS);
    return await compare(plan, {
      node: overHttp2(node.addresses.inference, node.pid),
      slow: overHttp2(`127.0.0.1:${String(port)}`, proxy.pid),
      nodeHttp1: overHttp1(node.addresses.inference, node.pid),
    });
  } finally {
    await proxy.kill('SIGTERM');
  }
}

const bodies = floatCalls('shortest').map(({ body }) => body);

function overHttp2(address: string, pid: number): Subject {
  const [host, port] = splitAddress(address);
  return {
    name: `HTTP/2 at ${address}`,
    pids: () => [pid],
    drive: async ({ connections, streamsPerConnection, calls }) => {
      const links = Array.from({ length: connections }, () => connectGrpc({ kind: 'tcp', host, port: Number(port) }));
      const open = links.map(({ connection }) => connection);
      const result = await runRestLoad({ connections: open, streamsPerConnection, calls, path: PATH, bodies });
      for (const link of links) link.close();
      return result;
    },
  };
}

function overHttp1(address: string, pid: number): Subject {
  const [host, port] = splitAddress(address);
  const requests = bodies.map((body) => httpRequest(PATH, Buffer.from(body)));
  let asked = 0;
  const next = (): HttpRequest => requests[asked++ % requests.length] ?? httpRequest(PATH, Buffer.alloc(0));
  return {
    name: `HTTP/1.1 at ${address}`,
    pids: () => [pid],
    drive: ({ connections, streamsPerConnection, calls }) => {
      const end = { kind: 'calls', count: calls } as const;
      return runHttpLoad({ host, port: Number(port), connections: connections * streamsPerConnection, end, next });
    },
  };
}

async function compare(
  plan: EndToEndPlan,
  subjects: Readonly<Record<'node' | 'slow' | 'nodeHttp1', Subject>>,
): Promise<EndToEndFigures> {
  const pressure: Pressure = { connections: 4, streamsPerConnection: 4, calls: plan.calls };
  const costs: Record<keyof typeof subjects, number[]> = { node: [], slow: [], nodeHttp1: [] };
  const names = Object.keys(subjects) as (keyof typeof subjects)[];
  for (const name of names) await costOf(subjects[name], { ...pressure, calls: WARM_CALLS });
  for (let round = 0; round < plan.rounds; round++) {
    for (const name of names) {
      const cost: Cost = await costOf(subjects[name], pressure);
      costs[name].push(cost.cpuUs);
    }
  }
  const middle = (name: keyof typeof subjects): number => spreadOf(costs[name]).median;
  return {
    nodeUs: middle('node'),
    slowUs: middle('slow'),
    nodeHttp1Us: middle('nodeHttp1'),
    ratio: spreadOf(pairedRatios(costs.node, costs.slow)),
    ratioHttp1: spreadOf(pairedRatios(costs.nodeHttp1, costs.slow)),
  };
}

/** Whether a call through the node costs as little as it should, or at most `leeway` times more. */
export const endToEndHolds = ({ ratio }: EndToEndFigures, leeway = 1): boolean => ratio.median <= END_TO_END_MAX * leeway;

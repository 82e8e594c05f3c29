import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ClientConnection } from '@modelmesh/grpc/stream';
import { ModelMesh, ModelRuntime } from '@modelmesh/wire/mmesh';
import { median } from '../figures/index.ts';
import { type LoadResult, runGrpcLoad } from '../load/index.ts';
import { freeFolder, type GrpcConnection, NodeProcess, RuntimeProcess } from '../node-process/index.ts';
import { grpcQuestion, makeFleet } from '../overcommit/index.ts';
import { threadsCpuMs } from '../process-usage/index.ts';
import { heavyModel } from './heavy-model.ts';
import { floatRequest } from './tensor-request.ts';

/** Tiny models beside one that computes all the time. */
export interface IsolationPlan {
  readonly heavyRunMs: number;
  readonly tinyModels: number;
  /** Calls of tiny models in flight, and their rest after each answer, so that a core is not what they wait for. */
  readonly lanes: number;
  readonly pauseMs: number;
  readonly phaseMs: number;
  readonly rounds: number;
}

/** The run of the claim. */
export const ISOLATION: IsolationPlan = { heavyRunMs: 500, tinyModels: 4, lanes: 4, pauseMs: 5, phaseMs: 2000, rounds: 4 };

/** What a run showed: p99 of calls of the tiny models, medians over the rounds. */
export interface IsolationFigures {
  readonly cores: number;
  /** What one run of the heavy model took beside the tiny ones, the median. */
  readonly heavyRunMs: number;
  readonly quietP99Ms: number;
  /** While the heavy model runs in the same runtime. */
  readonly besideP99Ms: number;
  /** While the same model runs in a foreign process: what the loss of a core alone costs. */
  readonly foreignP99Ms: number;
  readonly quietP50Ms: number;
  readonly besideP50Ms: number;
  readonly foreignP50Ms: number;
  readonly calls: number;
}

/**
 * Cores that the run needs for nobody to wait for one: the heavy model, the worker of the tiny ones, the node, and the clients. With fewer, the tiny
 * models lose time to the scheduler of the system wherever the heavy model runs, which the foreign process shows.
 */
export const CORES_NEEDED = 4;

/** Multiplications of the model that is timed to find out how many make {@link IsolationPlan.heavyRunMs}. */
const PROBE_MULTIPLICATIONS = 8;
const PROBE_RUNS = 5;

type Phase = 'quiet' | 'beside' | 'foreign';

/** Runs the plan. @throws if a call fails or is answered wrongly. */
export async function runIsolation(plan: IsolationPlan): Promise<IsolationFigures> {
  await using place = await freeFolder();
  await using node = await NodeProcess.start({ flags: { 'runtime-workers': '2' } });
  await using foreign = await RuntimeProcess.start({
    environment: { MESH_RUNTIME_STORAGE_ROOT: place.path, MESH_RUNTIME_WORKERS: '1' },
  });
  const heavyPath = await writeHeavy(plan.heavyRunMs, foreign, place.path);
  await node.client.unary(ModelMesh.method.registerModel, { modelId: 'heavy', modelInfo: { type: 'onnx', path: heavyPath } });
  await foreign.client.unary(ModelRuntime.method.loadModel, { modelId: 'heavy', modelType: 'onnx', modelPath: heavyPath });
  using toNode = node.connect();
  using toForeign = foreign.connect();
  const tiny = await tinyTraffic(plan, node, place.path, toNode);
  const seen: Record<Phase, LoadResult[]> = { quiet: [], beside: [], foreign: [] };
  const heavyRuns: number[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    seen.quiet.push(await tiny());
    const beside = await duringHeavy(plan, toNode, tiny);
    heavyRuns.push(beside.heavy.latency.quantileMs(0.5));
    seen.beside.push(beside.tiny);
    seen.foreign.push((await duringHeavy(plan, toForeign, tiny)).tiny);
  }
  const middle = (phase: Phase, q: number): number => median(seen[phase].map(({ latency }) => latency.quantileMs(q)));
  return {
    cores: availableParallelism(),
    heavyRunMs: median(heavyRuns),
    quietP99Ms: middle('quiet', 0.99),
    besideP99Ms: middle('beside', 0.99),
    foreignP99Ms: middle('foreign', 0.99),
    quietP50Ms: middle('quiet', 0.5),
    besideP50Ms: middle('beside', 0.5),
    foreignP50Ms: middle('foreign', 0.5),
    calls: Object.values(seen)
      .flat()
      .reduce((sum, { completed }) => sum + completed, 0),
  };
}

/** Finds out what a short model takes of the CPU in the foreign runtime, and writes one that computes as long as wanted. */
async function writeHeavy(runMs: number, runtime: RuntimeProcess, folder: string): Promise<string> {
  const probePath = join(folder, 'probe.onnx');
  await writeFile(probePath, heavyModel(PROBE_MULTIPLICATIONS));
  await runtime.client.unary(ModelRuntime.method.loadModel, { modelId: 'probe', modelType: 'onnx', modelPath: probePath });
  using link = runtime.connect();
  const before = threadsCpuMs(runtime.pid);
  await heavyLoop(link.connection, 'probe', { kind: 'calls', count: PROBE_RUNS });
  const eachMs = (threadsCpuMs(runtime.pid) - before) / (PROBE_RUNS * PROBE_MULTIPLICATIONS);
  const path = join(folder, 'heavy.onnx');
  await writeFile(path, heavyModel(Math.max(1, Math.round(runMs / eachMs))));
  return path;
}

async function heavyLoop(
  connection: ClientConnection,
  model: string,
  end: Parameters<typeof runGrpcLoad>[0]['end'],
): Promise<LoadResult> {
  const request = floatRequest(model, [1], [1]);
  const result = await runGrpcLoad({ connections: [connection], streamsPerConnection: 1, end, next: () => request });
  result.assertAllRight();
  return result;
}

/** Registers tiny models and calls each while the heavy one runs, so that they are loaded into workers that it leaves free. */
async function tinyTraffic(
  plan: IsolationPlan,
  node: NodeProcess,
  folder: string,
  link: GrpcConnection,
): Promise<() => Promise<LoadResult>> {
  const size = { weightBytesMin: 4096, weightBytesMax: 8192 };
  const fleet = await makeFleet({ models: plan.tinyModels, questionsEach: 1, seed: 5, ...size }, folder);
  const requests = fleet.flatMap(({ key, questions }) => questions.map((question) => grpcQuestion(key, question)));
  for (const { key, path } of fleet) {
    await node.client.unary(ModelMesh.method.registerModel, { modelId: key, modelInfo: { type: 'onnx', path } });
  }
  let turn = 0;
  const [first] = requests;
  if (first === undefined) throw new Error('there are no tiny models');
  const run = async (): Promise<LoadResult> => {
    const result = await runGrpcLoad({
      connections: [link.connection],
      streamsPerConnection: plan.lanes,
      end: { kind: 'after', ms: plan.phaseMs },
      pauseMs: plan.pauseMs,
      next: () => requests[turn++ % requests.length] ?? first,
    });
    result.assertAllRight();
    return result;
  };
  await heavyLoop(link.connection, 'heavy', { kind: 'calls', count: 1 });
  await duringHeavy(plan, link, run);
  return run;
}

/** The tiny calls while the heavy model runs in a loop behind `link`; they begin in the middle of a run. */
async function duringHeavy(
  plan: IsolationPlan,
  link: GrpcConnection,
  tiny: () => Promise<LoadResult>,
): Promise<{ readonly tiny: LoadResult; readonly heavy: LoadResult }> {
  const heavy = heavyLoop(link.connection, 'heavy', { kind: 'after', ms: plan.phaseMs + plan.heavyRunMs / 2 });
  await new Promise((resolve) => setTimeout(resolve, plan.heavyRunMs / 2));
  const result = await tiny();
  return { tiny: result, heavy: await heavy };
}

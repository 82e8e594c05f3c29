import { join } from 'node:path';
import { type Kv, openRegistry } from '@modelmesh/mesh/kv';
import { ModelRuntime } from '@modelmesh/wire/mmesh';
import { echoRequest, registerNull, startNullNode } from '../burst/index.ts';
import { median } from '../figures/index.ts';
import { runGrpcLoad } from '../load/index.ts';
import { connectGrpc, freeFolder, type GrpcConnection, type NodeProcess, realClock } from '../node-process/index.ts';

/** What a call costs that finds its model not loaded; milliseconds, medians over all models. */
export interface ColdCallFigures {
  readonly models: number;
  /** The first call of a model, whose load takes no time in the runtime. */
  readonly coldMs: number;
  /** The second one. */
  readonly warmMs: number;
  /** `loadModel` straight at the runtime. */
  readonly runtimeLoadMs: number;
  /** What remains of the first call without the second one's cost and the runtime's load. */
  readonly beyondMs: number;
  /** The whole first call without the runtime's load alone. */
  readonly beyondLoadMs: number;
  /** One commit in a registry of the same kind as the node's, in turns with the calls. */
  readonly commitMs: number;
}

/** The cold call may take this much beyond the runtime's load and one commit of the registry. */
export const BEYOND_COMMIT_MAX_MS = 2;

/** Calls `models` cold models one after the other, at a node with a SQLite registry. @throws if a call fails. */
export async function runColdCalls(models: number): Promise<ColdCallFigures> {
  await using place = await freeFolder();
  await using node = await startNullNode();
  const kv = await openRegistry('sqlite', {
    location: join(place.path, 'registry.sqlite'),
    clock: realClock,
    schemaKey: 'bench/schema',
  });
  const figures = await coldCallsAt(node, kv, models);
  await kv.close();
  return figures;
}

/** Calls cold models one after the other at a node with a null runtime; `kv` lies beside its registry. @throws if a call fails. */
export async function coldCallsAt(node: NodeProcess, kv: Kv, models: number): Promise<ColdCallFigures> {
  using link = node.connect();
  using runtime = connectGrpc({ kind: 'unix', path: join(node.folder, 'runtime.sock') });
  await coldCall(node, link, 'first');
  const samples: Sample[] = [];
  for (let at = 0; at < models; at++) {
    const { coldMs, warmMs } = await coldCall(node, link, `cold-${at}`);
    const runtimeLoadMs = await timed(async () => {
      await runtime.client.unary(ModelRuntime.method.loadModel, { modelId: `direct-${at}`, modelPath: '' });
    });
    const commitMs = await timed(async () => {
      await kv.txn({ conditions: [], operations: [{ kind: 'put', key: `bench/${at}`, value: RECORD }] });
    });
    samples.push({ coldMs, warmMs, runtimeLoadMs, commitMs });
  }
  const middle = (of: (sample: Sample) => number): number => median(samples.map(of));
  return {
    models,
    coldMs: middle(({ coldMs }) => coldMs),
    warmMs: middle(({ warmMs }) => warmMs),
    runtimeLoadMs: middle((sample) => sample.runtimeLoadMs),
    beyondLoadMs: middle((sample) => sample.coldMs - sample.runtimeLoadMs),
    beyondMs: middle((sample) => sample.coldMs - sample.warmMs - sample.runtimeLoadMs),
    commitMs: middle(({ commitMs }) => commitMs),
  };
}

/** About as long as the record of a model. */
const RECORD = JSON.stringify({ type: 'null', path: 'x'.repeat(300) });

interface Sample {
  readonly coldMs: number;
  readonly warmMs: number;
  readonly runtimeLoadMs: number;
  readonly commitMs: number;
}

async function coldCall(node: NodeProcess, link: GrpcConnection, model: string): Promise<Pick<Sample, 'coldMs' | 'warmMs'>> {
  await registerNull(node, model, '');
  const request = echoRequest(model, Buffer.alloc(256, 1));
  const once = async (): Promise<number> => {
    const end = { kind: 'calls', count: 1 } as const;
    const result = await runGrpcLoad({ connections: [link.connection], streamsPerConnection: 1, end, next: () => request });
    result.assertAllRight();
    return result.latency.maxMs;
  };
  return { coldMs: await once(), warmMs: await once() };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

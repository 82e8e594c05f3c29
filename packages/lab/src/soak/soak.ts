import { setTimeout as pause } from 'node:timers/promises';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { NodeProcess, scrape } from '../node-process/index.ts';
import { processUsage } from '../process-usage/index.ts';
import { type SoakCounts, type SoakLanes, SoakTraffic } from './traffic.ts';
import { lowest, type Point, type Trend, trendOf } from './trend.ts';

/** A long time of mixed load on one node. */
export interface SoakPlan {
  readonly forMs: number;
  /** From one look at memory to the next. */
  readonly everyMs: number;
  readonly lanes: SoakLanes;
  readonly onSample?: (sample: SoakSample, counts: SoakCounts) => void;
}

/** The run of the claim, for 20 minutes. */
export const SOAK: SoakPlan = {
  forMs: 20 * 60_000,
  everyMs: 5000,
  lanes: { unary: 8, streams: 8, cancelled: 4, cold: 4, pauseMs: 2 },
};

/** Memory of the node's process at an instant. */
export interface SoakSample {
  readonly atMs: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Beyond the heap: buffers among it. */
  readonly externalBytes: number;
}

/** What a run showed. */
export interface SoakFigures {
  readonly minutes: number;
  readonly counts: SoakCounts;
  /** Loads that cold calls had made. */
  readonly loads: number;
  readonly resident: Trend;
  readonly heap: Trend;
  readonly external: Trend;
  readonly samples: readonly SoakSample[];
}

const HOT_MODELS = 4;
const COLD_MODELS = 60;
/** Room for some twenty copies of 3 MiB at a time. */
const ROOM_MIB = 64;
const MODEL_BYTES = 3 * 1_048_576;
/** Of the heap counts what is lowest in so many samples: the rest waits for a collection. */
const HEAP_RUN = 4;

/** Runs the plan. @throws if a call is answered wrongly or a stream ends */
export async function runSoak(plan: SoakPlan): Promise<SoakFigures> {
  await using node = await NodeProcess.start({
    flags: { 'runtime-server': 'null', 'runtime-capacity-bytes': `${ROOM_MIB}Mi` },
  });
  const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${prefix}${at}`);
  const models = { hot: names('hot', HOT_MODELS), late: 'late', cold: names('cold', COLD_MODELS) };
  for (const modelId of [...models.hot, models.late, ...models.cold]) {
    const path = `${modelId === 'late' ? 'answer 50' : 'slow 2'}; size ${MODEL_BYTES}`;
    await node.client.unary(ModelMesh.method.registerModel, { modelId, modelInfo: { type: 'null', path } });
  }
  using link = node.connect();
  const traffic = new SoakTraffic(link.connection, models, plan.lanes);
  traffic.start();
  const samples = await watch(node, plan, traffic.counts);
  await traffic.stop();
  const loads = (await scrape(node)).get('modelmesh_loadmodel_milliseconds_count') ?? 0;
  const of = (read: (sample: SoakSample) => number): readonly Point[] =>
    samples.map((sample) => ({ atMs: sample.atMs, value: read(sample) }));
  return {
    minutes: plan.forMs / 60_000,
    counts: traffic.counts,
    loads,
    resident: trendOf(of(({ residentBytes }) => residentBytes)),
    heap: trendOf(
      lowest(
        of(({ heapBytes }) => heapBytes),
        HEAP_RUN,
      ),
    ),
    external: trendOf(
      lowest(
        of(({ externalBytes }) => externalBytes),
        HEAP_RUN,
      ),
    ),
    samples,
  };
}

async function watch(
  node: NodeProcess,
  { forMs, everyMs, onSample }: SoakPlan,
  counts: SoakCounts,
): Promise<readonly SoakSample[]> {
  const samples: SoakSample[] = [];
  const began = performance.now();
  while (performance.now() - began < forMs) {
    await pause(everyMs);
    const metrics = await scrape(node);
    const sample = {
      atMs: Math.round(performance.now() - began),
      residentBytes: processUsage(node.pid).residentBytes,
      heapBytes: metrics.get('nodejs_heap_size_used_bytes') ?? Number.NaN,
      externalBytes: metrics.get('nodejs_external_memory_bytes') ?? Number.NaN,
    };
    samples.push(sample);
    onSample?.(sample, counts);
  }
  return samples;
}

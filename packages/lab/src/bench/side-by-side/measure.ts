import { FRAME_PREFIX_BYTES, frameMessage } from '@modelmesh/grpc/framing';
import { median, pairedRatios, type Spread, spreadOf } from '../../figures/index.ts';
import { type LoadProcess, runH2load } from '../../load/index.ts';
import { processUsage, threadsCpuMs } from '../../process-usage/index.ts';
import { BENCH_MODEL, BENCH_PATH, type Way, type WayName } from '../ways/index.ts';
import { type Cell, callsOf } from './cell.ts';

/** What one way showed in one situation: medians over the runs. */
export interface WayFigures {
  /** CPU of its processes with all their threads, in microseconds a call; 0 where there is no process. */
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of all its processes, after the last run. */
  readonly residentBytes: number;
}

/** Every way in one situation. */
export interface CellFigures {
  readonly runs: number;
  readonly calls: number;
  /** Calls a second, where the rate was fixed. */
  readonly ratePerSecond?: number;
  readonly ways: Readonly<Partial<Record<WayName, WayFigures>>>;
  /** Ratios of what was measured next to each other, by `measure: way/other`, with their extremes. */
  readonly ratios: Readonly<Record<string, Spread>>;
}

/** How a situation is measured. */
export interface MeasurePlan {
  readonly runs: number;
  /** Part of the usual number of calls. */
  readonly share: number;
  /** Makes the calls whose headers differ; the others are h2load's. Both sides of a ratio are driven by the same. */
  readonly load: LoadProcess;
  /** For files of h2load. */
  readonly folder: string;
}

/** What is compared, by the name of its ratio. */
export const MEASURES = ['cpuUs', 'perSecond', 'p50Ms', 'p99Ms'] as const;
export type Measure = (typeof MEASURES)[number];
type Sample = Readonly<Record<Measure, number>>;

/** The name of a ratio in {@link CellFigures.ratios}. */
export const ratioName = (measure: Measure, of: WayName, to: WayName): string => `${measure}: ${of}/${to}`;

/** Runs every way in turns, each warmed by a run that does not count. `tell` hears of each round. @throws if a call fails */
export async function measureCell(
  cell: Cell,
  ways: readonly Way[],
  plan: MeasurePlan,
  tell: (round: number) => void,
): Promise<CellFigures> {
  const present = ways.filter(({ name }) => cell.ways.includes(name));
  const ratePerSecond = cell.isHalfLoad ? await halfOfEnvoy(cell, present, plan) : undefined;
  for (const way of present) await sampleOf(cell, way, plan, ratePerSecond);
  const samples = new Map<WayName, Sample[]>(present.map(({ name }) => [name, []]));
  for (let round = 0; round < plan.runs; round++) {
    tell(round + 1);
    // Whoever comes after the same neighbour each time would inherit its caches each time.
    for (const way of rotated(present, round)) samples.get(way.name)?.push(await sampleOf(cell, way, plan, ratePerSecond));
  }
  return {
    runs: plan.runs,
    calls: callsOf(cell, plan.share),
    ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
    ways: Object.fromEntries(present.map((way) => [way.name, figuresOf(way, samples.get(way.name) ?? [])])),
    ratios: ratiosOf(samples),
  };
}

/** Ways in JavaScript, whose code is compiled while it runs. */
const COMPILED: ReadonlySet<WayName> = new Set(['h2', 'node-http2', 'one-hop']);

/** Calls ways in JavaScript so often that what they run is compiled: on busy cores that takes tens of thousands of calls. */
export async function warmWays(ways: readonly Way[], calls: number, plan: MeasurePlan): Promise<void> {
  if (calls === 0) return;
  for (const way of ways.filter(({ name }) => COMPILED.has(name))) {
    await sameLoad(WARM_SHAPE, way, calls, plan, undefined);
    if (!way.encrypted) await uniqueLoad(WARM_SHAPE, way, calls, plan);
  }
}

const rotated = <Item>(items: readonly Item[], by: number): readonly Item[] => {
  const at = by % Math.max(1, items.length);
  return [...items.slice(at), ...items.slice(0, at)];
};

/** Half of the throughput of Envoy in the same situation without a fixed rate; of the first way where it is not there. */
async function halfOfEnvoy(cell: Cell, ways: readonly Way[], plan: MeasurePlan): Promise<number> {
  const envoy = ways.find(({ name }) => name === 'envoy') ?? ways[0];
  if (envoy === undefined) throw new Error('no way is there to measure');
  const rates: number[] = [];
  for (let run = 0; run < plan.runs; run++) rates.push((await sampleOf(cell, envoy, plan, undefined)).perSecond);
  return Math.round(median(rates) / 2);
}

async function sampleOf(cell: Cell, way: Way, plan: MeasurePlan, ratePerSecond: number | undefined): Promise<Sample> {
  const pids = way.pids();
  const cpu = (): number => pids.reduce((sum, pid) => sum + threadsCpuMs(pid), 0);
  const before = cpu();
  const calls = callsOf(cell, plan.share);
  const load = await loadOf(cell, way, calls, plan, ratePerSecond).catch((error: unknown) => {
    throw new Error(`${cell.name} by ${way.name}`, { cause: error });
  });
  return { ...load, cpuUs: ((cpu() - before) * 1000) / calls };
}

type LoadFigures = Omit<Sample, 'cpuUs'>;

const loadOf = (
  cell: Cell,
  way: Way,
  calls: number,
  plan: MeasurePlan,
  ratePerSecond: number | undefined,
): Promise<LoadFigures> =>
  cell.headers === 'unique' ? uniqueLoad(cell, way, calls, plan) : sameLoad(cell, way, calls, plan, ratePerSecond);

type Shape = Pick<Cell, 'bytes' | 'connections' | 'streamsPerConnection'>;
const WARM_SHAPE: Shape = { bytes: 256, connections: 4, streamsPerConnection: 8 };

async function sameLoad(
  { bytes, connections, streamsPerConnection }: Shape,
  { port, encrypted }: Way,
  calls: number,
  { folder }: MeasurePlan,
  ratePerSecond: number | undefined,
): Promise<LoadFigures> {
  const result = await runH2load({
    target: `${encrypted ? 'https' : 'http'}://localhost:${port}`,
    protocol: 'h2',
    path: BENCH_PATH,
    headers: { 'content-type': 'application/grpc', te: 'trailers', 'mm-model-id': BENCH_MODEL },
    body: Buffer.concat(frameMessage([Buffer.alloc(bytes, 1)])),
    answerBytes: FRAME_PREFIX_BYTES + bytes,
    connections,
    streamsPerConnection,
    calls,
    folder,
    ...(ratePerSecond === undefined ? {} : { ratePerConnection: Math.max(1, Math.round(ratePerSecond / connections)) }),
  });
  const { perSecond, latency } = result;
  return { perSecond, p50Ms: latency.quantileMs(0.5), p99Ms: latency.quantileMs(0.99) };
}

async function uniqueLoad(cell: Shape, { port }: Way, calls: number, { load }: MeasurePlan): Promise<LoadFigures> {
  const { bytes, connections, streamsPerConnection } = cell;
  const metadata = ['mm-model-id', BENCH_MODEL];
  const shape = { connections, streamsPerConnection, calls };
  const { perSecond, p50Ms, p99Ms } = await load.run({
    ...{ port, path: BENCH_PATH, metadata, uniqueHeaders: true, messageBytes: bytes },
    ...shape,
  });
  return { perSecond, p50Ms, p99Ms };
}

function figuresOf(way: Way, samples: readonly Sample[]): WayFigures {
  const middle = (measure: Measure): number => median(samples.map((sample) => sample[measure]));
  const residentBytes = way.pids().reduce((sum, pid) => sum + processUsage(pid).residentBytes, 0);
  return {
    cpuUs: middle('cpuUs'),
    perSecond: middle('perSecond'),
    p50Ms: middle('p50Ms'),
    p99Ms: middle('p99Ms'),
    residentBytes,
  };
}

/** Of `h2` to everything else, and of the hop to `h2`. */
function ratiosOf(samples: ReadonlyMap<WayName, readonly Sample[]>): Record<string, Spread> {
  const ratios: Record<string, Spread> = {};
  const names = [...samples.keys()];
  const pairs = names.flatMap((name): [WayName, WayName][] =>
    name === 'h2' ? [] : name === 'one-hop' ? [['one-hop', 'h2']] : [['h2', name]],
  );
  for (const [of, to] of pairs) {
    for (const measure of MEASURES) {
      const values = (name: WayName): readonly number[] => (samples.get(name) ?? []).map((sample) => sample[measure]);
      const paired = pairedRatios(values(of), values(to));
      if (paired.length > 0) ratios[ratioName(measure, of, to)] = spreadOf(paired);
    }
  }
  return ratios;
}

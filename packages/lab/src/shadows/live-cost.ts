import { LoadResult, runGrpcLoad } from '../load/index.ts';
import { ShadowMesh } from './shadow-mesh.ts';

/** What live calls are measured with. */
export interface LiveCostPlan {
  /** Time of an answer of the live model and of the shadow, in milliseconds. */
  readonly liveMs: number;
  readonly shadowMs: number;
  /** Live calls in flight, and their rest after each answer, so that no core is what they wait for. */
  readonly lanes: number;
  readonly pauseMs: number;
  readonly phaseMs: number;
  /** Pairs of phases, without the shadow and with it. */
  readonly rounds: number;
}

/** The run of the claim: all calls mirrored to a shadow that takes ten times as long. */
export const LIVE_COST: LiveCostPlan = { liveMs: 10, shadowMs: 100, lanes: 8, pauseMs: 5, phaseMs: 600, rounds: 30 };

/** How much longer the slowest hundredth of live calls may take beside shadows. */
export const BESIDE_SHADOW_P99_MAX = 1.1;

/** What a run showed. */
export interface LiveCostFigures {
  /** p99 and median of live calls with all of them mirrored by those without: over all rounds, in which both take turns. */
  readonly p99Ratio: number;
  readonly p50Ratio: number;
  readonly aloneP99Ms: number;
  readonly besideP99Ms: number;
  readonly calls: number;
  /** Live calls that were mirrored, and those that the bounds of shadows left out. */
  readonly pairs: number;
  readonly dropped: number;
}

/** Measures live calls with and without shadows in turns. @throws if a call fails. */
export async function runLiveCost({ liveMs, shadowMs, lanes, pauseMs, phaseMs, rounds }: LiveCostPlan): Promise<LiveCostFigures> {
  // So many that each call really has its shadow, however slow that is.
  await using mesh = await ShadowMesh.start({ room: 100, flags: { 'limits-shadow-concurrency-max': '100' } });
  await mesh.register('live', `answer ${liveMs}`);
  await mesh.register('shadow', `answer ${shadowMs}`);
  using link = mesh.node.connect();
  let number = 0;
  const phase = async (percent: number): Promise<LoadResult> => {
    await mesh.applyEndpoint(percent);
    const next = () => {
      number += 1;
      return mesh.request(number);
    };
    const end = { kind: 'after', ms: phaseMs } as const;
    const result = await runGrpcLoad({ connections: [link.connection], streamsPerConnection: lanes, pauseMs, end, next });
    result.assertAllRight();
    return result;
  };
  // What runs is compiled by then, on both ways.
  for (const percent of [0, 100]) await phase(percent);
  const alone = new LoadResult();
  const beside = new LoadResult();
  let pairs = 0;
  let dropped = 0;
  // Short turns: what else the machine does falls on both alike.
  for (let round = 0; round < rounds; round++) {
    alone.add(await phase(0));
    const mirrored = await phase(100);
    beside.add(mirrored);
    const seen = await mesh.settled(mirrored.completed);
    pairs += seen.sums.pairs;
    dropped += seen.dropped;
  }
  const ratio = (q: number): number => beside.latency.quantileMs(q) / alone.latency.quantileMs(q);
  return {
    p99Ratio: ratio(0.99),
    p50Ratio: ratio(0.5),
    aloneP99Ms: alone.latency.quantileMs(0.99),
    besideP99Ms: beside.latency.quantileMs(0.99),
    calls: beside.completed,
    pairs,
    dropped,
  };
}

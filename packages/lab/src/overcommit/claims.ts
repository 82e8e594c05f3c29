import { type Cell, digits, judged, mebibytes, percent, type Table } from '../figures/index.ts';
import { type OvercommitFigures, unloadedBound } from './overcommit.ts';

/** One sentence that a run must make true. */
export interface Claim {
  readonly sentence: string;
  readonly shown: string;
  readonly holds: boolean;
}

/** The largest p95 of |private bytes − ledger| in what is booked. */
export const LEDGER_DIFFERENCE_MAX = 0.15;

/** A model may measure more than was predicted. What that adds to a full room is a small share of it, and is evicted at once. */
export const EXCESS_SHARE_MAX = 0.05;
export const EXCESS_MS_MAX = 1000;

/** What a run of too many models for the memory must show. */
export function claimsOf(figures: OvercommitFigures): readonly Claim[] {
  const { memory, copies, wrongAnswers, failures } = figures;
  const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
  const bound = unloadedBound(figures.emptyRuntimeBytes);
  return [
    {
      sentence: 'every answer is right',
      shown: `${figures.calls} right, ${wrongAnswers} wrong, ${failed} failed`,
      holds: figures.calls > 0 && wrongAnswers + failed === 0,
    },
    {
      sentence: 'booked bytes are within the bound; what a model measures beyond its prediction is gone within a second',
      shown: `${mebibytes(memory.bookedBytesMax)} of ${mebibytes(figures.capacityBytes)}, above it for ${digits(memory.excessMsMax)} ms`,
      holds: memory.bookedBytesMax <= figures.capacityBytes * (1 + EXCESS_SHARE_MAX) && memory.excessMsMax <= EXCESS_MS_MAX,
    },
    {
      sentence: 'p95 of |private bytes − ledger| is at most 15 %',
      shown: `${percent(memory.differenceP95)} of ${memory.samples} samples, median ${percent(memory.differenceMedian)}`,
      holds: memory.differenceP95 <= LEDGER_DIFFERENCE_MAX,
    },
    {
      sentence: 'after unloading all, memory is within 10 % of the empty runtime + 32 MiB',
      shown: `${mebibytes(figures.bytesAfterUnload)}, bound ${mebibytes(bound)}`,
      holds: figures.bytesAfterUnload <= bound,
    },
    {
      sentence: 'no model is loaded twice',
      shown: copies.doubleLoads.length === 0 ? `never in ${copies.loads} loads` : copies.doubleLoads.join(', '),
      holds: copies.loads > 0 && copies.doubleLoads.length === 0,
    },
    {
      sentence: 'no load fails',
      shown: `${copies.failedLoads} failed, ${copies.recycles} recycles of the runtime`,
      holds: copies.failedLoads === 0,
    },
  ];
}

/** The claims and the figures beside them, as a table. */
export function overcommitTable(figures: OvercommitFigures): Table {
  const { grpcMs, restMs, copies } = figures;
  const latency = (ms: typeof grpcMs): string => `${digits(ms.p50, 1)} / ${digits(ms.p95, 1)} / ${digits(ms.p99, 1)} ms`;
  const plain: readonly (readonly Cell[])[] = [
    ['hit rate', percent(figures.hitRate)],
    ['loads, evictions', `${copies.loads}, ${copies.evictions}`],
    [
      'a load / its turn / an unload',
      [figures.loadMsMean, figures.queueMsMean, figures.unloadMsMean].map((ms) => `${digits(ms, 0)} ms`).join(' / '),
    ],
    ['calls a second', digits(figures.callsPerSecond, 0)],
    ['gRPC p50 / p95 / p99', latency(grpcMs)],
    ['REST p50 / p95 / p99', latency(restMs)],
    ['booked, median', `${percent(figures.memory.bookedShareMedian)} of the room`],
    ['held by models at most', mebibytes(figures.memory.heldBytesMax)],
  ];
  return {
    title: `${figures.models} models of ${mebibytes(figures.fleetBytes)}, room for ${mebibytes(figures.capacityBytes)}`,
    columns: ['', 'shown'],
    rows: [...claimsOf(figures).map(({ sentence, shown, holds }) => [sentence, judged(shown, holds)]), ...plain],
  };
}

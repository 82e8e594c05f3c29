import { digits, judged, mebibytes, type Table } from '../figures/index.ts';
import type { ColdBurstFigures } from './cold-burst.ts';
import type { StalledBurstFigures } from './stalled-burst.ts';

/** What a burst may take beyond the load, in bursts at a warm model. */
export const BEYOND_LOAD_MAX = 1.5;
/** How much slower the slowest hundredth of another model's calls may be. */
export const OTHER_P99_MAX = 1.5;
/** What the node may grow by while calls wait, beyond the windows of their streams. */
export const GROWTH_BEYOND_WINDOWS_MAX = 64 << 20;
/**
 * What counts as flat beside a thousand waiting messages of a mebibyte: under the other model's calls alone a node moves up and down by 25 MiB as its
 * garbage is collected, and comes back (300 000 calls).
 */
export const FLAT_BYTES_MAX = 32 << 20;

/** One sentence that a run must make true. */
export interface BurstClaim {
  readonly sentence: string;
  readonly shown: string;
  readonly holds: boolean;
}

/** What a burst at a cold model must show; figures of speed may miss their aim by `leeway`. */
export const coldClaims = (figures: ColdBurstFigures, leeway = 1): readonly BurstClaim[] => [
  {
    sentence: `${figures.calls} first calls at once make one load`,
    shown: figures.loadsEach.join(', '),
    holds: figures.loadsEach.length > 0 && figures.loadsEach.every((loads) => loads === 1),
  },
  {
    sentence: 'all are answered within the load + 1.5 × the same burst warm',
    shown: `${digits(figures.coldMs, 0)} ms = ${figures.loadMs} + ${digits(figures.beyondLoad)} × ${digits(figures.warmMs, 0)}`,
    holds: figures.beyondLoad <= BEYOND_LOAD_MAX * leeway,
  },
];

/** What large calls that wait must show; figures of speed may miss their aim by `leeway`. */
export function stalledClaims(figures: StalledBurstFigures, leeway = 1): readonly BurstClaim[] {
  const { otherRatio: ratio, loadsEach } = figures;
  return [
    { sentence: 'one load', shown: loadsEach.join(', '), holds: loadsEach.length > 0 && loadsEach.every((loads) => loads === 1) },
    {
      sentence: 'waiting calls hold no more than their windows',
      shown: `${mebibytes(figures.grownWhileWaiting)}, windows ${mebibytes(figures.windowBytes)}`,
      holds: figures.grownWhileWaiting <= figures.windowBytes + GROWTH_BEYOND_WINDOWS_MAX,
    },
    {
      sentence: 'memory is flat while they wait',
      shown: mebibytes(figures.grownInSecondHalf),
      holds: figures.grownInSecondHalf <= FLAT_BYTES_MAX,
    },
    {
      sentence: 'another model on the same connections keeps its p99 within 1.5 × while they wait',
      shown: `${digits(ratio)} (${digits(figures.otherDuringP99Ms, 1)} and ${digits(figures.otherQuietP99Ms, 1)} ms)`,
      holds: ratio <= OTHER_P99_MAX * leeway,
    },
  ];
}

/** The claims of both bursts. */
export function burstTable(cold: ColdBurstFigures, stalled: StalledBurstFigures): Table {
  const rows = [...coldClaims(cold), ...stalledClaims(stalled)].map(({ sentence, shown, holds }) => [
    sentence,
    judged(shown, holds),
  ]);
  return {
    title: `${cold.calls} first calls at once`,
    columns: ['', 'shown'],
    rows: [
      ...rows,
      ['its p99 while the clients send', `${digits(stalled.otherOpeningP99Ms, 1)} ms`],
      ['grown until all were answered', mebibytes(stalled.grownAtMost)],
    ],
  };
}

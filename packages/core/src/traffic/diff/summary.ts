import type { DurationMs } from '../../units.ts';
import type { Comparison } from './comparer.ts';
import { type Latencies, mergeLatencies, NO_LATENCIES, withLatency } from './latencies.ts';

/** Why a call that was to be mirrored was not. */
export const SHADOW_DROPS = [
  /** Its request or answer is larger than one call may keep. */
  'call-bytes',
  /** The bytes that calls keep for shadows have reached the worker's limit. */
  'worker-bytes',
  /** As many calls wait for their shadow as may. */
  'queue-full',
  /** The shadow has no copy, and none can be loaded without pushing another one out. */
  'no-free-room',
  /** The shadow's model is not registered, or could not be loaded. */
  'no-model',
  /** The copy was busy, away, or gone whenever it was asked: the call was never run. */
  'not-taken',
  /** The caller went away before the live call ended. */
  'live-cancelled',
  /** The node shuts down. */
  'closing',
] as const;
/** One of {@link SHADOW_DROPS}. */
export type ShadowDrop = (typeof SHADOW_DROPS)[number];

/** How the two calls of a pair ended. */
export const PAIR_STATUSES = ['both-ok', 'live-only', 'shadow-only', 'both-failed'] as const;
/** One of {@link PAIR_STATUSES}; `live-only`: the live call succeeded and its shadow did not. */
export type PairStatus = (typeof PAIR_STATUSES)[number];

/** How one call of a pair ended. */
export interface CallEnd {
  /** gRPC code; 0: OK. */
  readonly code: number;
  readonly tookMs: DurationMs;
}

/** A live call and its shadow, both over. */
export interface AnswerPair {
  readonly live: CallEnd;
  readonly shadow: CallEnd;
  /** Of two answers that could be compared; `null`: one of them failed, or they could not. */
  readonly comparison: Comparison | null;
  /** Why two answers could not be compared; `null`: they were, or one of them failed. */
  readonly incomparable: string | null;
}

/** Sums over pairs; mergeable. Everything is a number that grows, or a smallest or largest value. */
export interface DiffSummary {
  /** Calls of which both are over. */
  readonly pairs: number;
  readonly statuses: Readonly<Record<PairStatus, number>>;
  /** Pairs that failed with the same code, or both succeeded. */
  readonly sameCode: number;
  readonly compared: number;
  readonly incomparable: number;
  readonly equal: number;
  /** Pairs with at least one row of another class. */
  readonly flipped: number;
  readonly rows: number;
  readonly flips: number;
  readonly elements: number;
  readonly differing: number;
  readonly largestDifference: number;
  readonly topKPairs: number;
  /** Sum of the agreements; the mean is this by `topKPairs`. */
  readonly topKTotal: number;
  readonly cosinePairs: number;
  readonly cosineTotal: number;
  /** 1 before there is one. */
  readonly cosineLeast: number;
  readonly live: Latencies;
  readonly shadow: Latencies;
  readonly dropped: Readonly<Record<ShadowDrop, number>>;
}

const zeros = <Name extends string>(names: readonly Name[]): Readonly<Record<Name, number>> =>
  Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;

/** Nothing seen yet. */
export const EMPTY_SUMMARY: DiffSummary = Object.freeze({
  pairs: 0,
  statuses: zeros(PAIR_STATUSES),
  sameCode: 0,
  compared: 0,
  incomparable: 0,
  equal: 0,
  flipped: 0,
  rows: 0,
  flips: 0,
  elements: 0,
  differing: 0,
  largestDifference: 0,
  topKPairs: 0,
  topKTotal: 0,
  cosinePairs: 0,
  cosineTotal: 0,
  cosineLeast: 1,
  live: NO_LATENCIES,
  shadow: NO_LATENCIES,
  dropped: zeros(SHADOW_DROPS),
});

/** How the two calls of a pair ended. */
export function statusOf({ live, shadow }: Pick<AnswerPair, 'live' | 'shadow'>): PairStatus {
  if (live.code === 0) return shadow.code === 0 ? 'both-ok' : 'live-only';
  return shadow.code === 0 ? 'shadow-only' : 'both-failed';
}

/** With one more pair. */
export function withPair(sums: DiffSummary, pair: AnswerPair): DiffSummary {
  const { live, shadow, comparison, incomparable } = pair;
  const status = statusOf(pair);
  const counted: DiffSummary = {
    ...sums,
    pairs: sums.pairs + 1,
    statuses: { ...sums.statuses, [status]: sums.statuses[status] + 1 },
    sameCode: sums.sameCode + Number(live.code === shadow.code),
    incomparable: sums.incomparable + Number(incomparable !== null),
    live: withLatency(sums.live, live.tookMs),
    shadow: withLatency(sums.shadow, shadow.tookMs),
  };
  return comparison === null ? counted : withComparison(counted, comparison);
}

function withComparison(sums: DiffSummary, found: Comparison): DiffSummary {
  return {
    ...sums,
    compared: sums.compared + 1,
    equal: sums.equal + Number(found.equal),
    flipped: sums.flipped + Number(found.flips > 0),
    rows: sums.rows + found.rows,
    flips: sums.flips + found.flips,
    elements: sums.elements + found.elements,
    differing: sums.differing + found.differing,
    largestDifference: Math.max(sums.largestDifference, found.largestDifference),
    topKPairs: sums.topKPairs + Number(found.topK !== null),
    topKTotal: sums.topKTotal + (found.topK ?? 0),
    cosinePairs: sums.cosinePairs + Number(found.cosine !== null),
    cosineTotal: sums.cosineTotal + (found.cosine ?? 0),
    cosineLeast: Math.min(sums.cosineLeast, found.cosine ?? 1),
  };
}

/** With one more call that was not mirrored. */
export const withDrop = (sums: DiffSummary, cause: ShadowDrop): DiffSummary => ({
  ...sums,
  dropped: { ...sums.dropped, [cause]: sums.dropped[cause] + 1 },
});

/** Those of both. */
export function mergeSummaries(a: DiffSummary, b: DiffSummary): DiffSummary {
  return {
    pairs: a.pairs + b.pairs,
    statuses: added(PAIR_STATUSES, a.statuses, b.statuses),
    sameCode: a.sameCode + b.sameCode,
    compared: a.compared + b.compared,
    incomparable: a.incomparable + b.incomparable,
    equal: a.equal + b.equal,
    flipped: a.flipped + b.flipped,
    rows: a.rows + b.rows,
    flips: a.flips + b.flips,
    elements: a.elements + b.elements,
    differing: a.differing + b.differing,
    largestDifference: Math.max(a.largestDifference, b.largestDifference),
    topKPairs: a.topKPairs + b.topKPairs,
    topKTotal: a.topKTotal + b.topKTotal,
    cosinePairs: a.cosinePairs + b.cosinePairs,
    cosineTotal: a.cosineTotal + b.cosineTotal,
    cosineLeast: Math.min(a.cosineLeast, b.cosineLeast),
    live: mergeLatencies(a.live, b.live),
    shadow: mergeLatencies(a.shadow, b.shadow),
    dropped: added(SHADOW_DROPS, a.dropped, b.dropped),
  };
}

const added = <Name extends string>(
  names: readonly Name[],
  a: Readonly<Record<Name, number>>,
  b: Readonly<Record<Name, number>>,
): Readonly<Record<Name, number>> =>
  // Another version of the program may count causes that this one does not know, and the other way round.
  Object.fromEntries(names.map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)])) as Record<Name, number>;

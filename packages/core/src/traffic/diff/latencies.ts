import { type DurationMs, durationMs } from '../../units.ts';

/** Upper bounds of the buckets, in milliseconds; the last bucket is open. */
export const DIFF_LATENCY_BOUNDS_MS = [
  0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000,
] as const;

/** Times of many calls, mergeable. */
export interface Latencies {
  readonly count: number;
  /** Sum of all, in milliseconds. */
  readonly totalMs: number;
  /** Calls by the bucket of their time: as many as bounds, and one more. */
  readonly buckets: readonly number[];
}

/** No calls yet. */
export const NO_LATENCIES: Latencies = Object.freeze({
  count: 0,
  totalMs: 0,
  buckets: Object.freeze(new Array<number>(DIFF_LATENCY_BOUNDS_MS.length + 1).fill(0)),
});

/** With one more call. */
export function withLatency({ count, totalMs, buckets }: Latencies, tookMs: DurationMs): Latencies {
  const found = DIFF_LATENCY_BOUNDS_MS.findIndex((bound) => tookMs <= bound);
  const at = found < 0 ? DIFF_LATENCY_BOUNDS_MS.length : found;
  return { count: count + 1, totalMs: totalMs + tookMs, buckets: buckets.with(at, (buckets[at] ?? 0) + 1) };
}

/** Those of both. */
export const mergeLatencies = (a: Latencies, b: Latencies): Latencies => ({
  count: a.count + b.count,
  totalMs: a.totalMs + b.totalMs,
  buckets: NO_LATENCIES.buckets.map((_, at) => (a.buckets[at] ?? 0) + (b.buckets[at] ?? 0)),
});

/** The time that the share `q` of the calls stayed within, straight between the bounds of its bucket; `null` without calls. */
export function latencyQuantile({ count, buckets }: Latencies, q: number): DurationMs | null {
  if (count === 0) return null;
  const wanted = q * count;
  let before = 0;
  for (const [at, inside] of buckets.entries()) {
    if (inside === 0 || before + inside < wanted) {
      before += inside;
      continue;
    }
    const from = at === 0 ? 0 : (DIFF_LATENCY_BOUNDS_MS[at - 1] ?? 0);
    const to = DIFF_LATENCY_BOUNDS_MS[at] ?? from;
    return durationMs(from + ((to - from) * Math.max(0, wanted - before)) / inside);
  }
  return durationMs(DIFF_LATENCY_BOUNDS_MS.at(-1) ?? 0);
}

import { type DiffSummary, type Latencies, latencyQuantile, type MirrorDiff } from '@modelmesh/core/traffic';
import type { DiffSampleView, DiffsView, DiffTimesView, SegmentDiffView } from '@modelmesh/sdk/client';
import { z } from 'zod';
import type { MeshDiffs } from '../../node/index.ts';

/** How the answers of an endpoint's shadows compare, as callers see it. */
export const diffsView = (endpoint: string, { mirrors, unanswered }: MeshDiffs): DiffsView => ({
  endpoint,
  mirrors: mirrors.map(({ mirror, revision, segments, samples }) => ({
    mirror,
    revision,
    segments: segments.map(({ segment, summary }) => ({ segment, ...summaryView(summary) })),
    samples: samples.map(sampleView),
  })),
  unanswered: [...unanswered],
});

function summaryView(summary: DiffSummary): Omit<SegmentDiffView, 'segment'> {
  const { pairs, statuses, compared, incomparable, equal, flipped, rows, flips, elements, differing, largestDifference } =
    summary;
  const { topKPairs, topKTotal, cosinePairs, cosineTotal, cosineLeast, live, shadow, dropped } = summary;
  return {
    ...{ pairs, compared, incomparable, equal, flipped, rows, flips, elements, differing, largestDifference },
    bothOk: statuses['both-ok'],
    liveOnly: statuses['live-only'],
    shadowOnly: statuses['shadow-only'],
    bothFailed: statuses['both-failed'],
    topKAgreement: meanOf(topKTotal, topKPairs),
    cosineMean: meanOf(cosineTotal, cosinePairs),
    cosineLeast: cosinePairs === 0 ? null : cosineLeast,
    live: timesView(live),
    shadow: timesView(shadow),
    dropped: Object.fromEntries(Object.entries(dropped).filter(([, count]) => count > 0)),
  };
}

const meanOf = (total: number, count: number): number | null => (count === 0 ? null : total / count);

const timesView = (times: Latencies): DiffTimesView => ({
  meanMs: meanOf(times.totalMs, times.count),
  p50Ms: latencyQuantile(times, 0.5),
  p99Ms: latencyQuantile(times, 0.99),
});

const sampleView = ({
  kind,
  atMs,
  requestId,
  segment,
  because,
  live,
  shadow,
}: MirrorDiff['samples'][number]): DiffSampleView => ({
  ...{ kind, requestId, segment, because },
  at: new Date(atMs).toISOString(),
  liveCode: live.code,
  shadowCode: shadow.code,
  liveMs: live.tookMs,
  shadowMs: shadow.tookMs,
});

const count = z.int().nonnegative();
const amount = z.number().nonnegative();
const times = z.strictObject({ meanMs: amount.nullable(), p50Ms: amount.nullable(), p99Ms: amount.nullable() });

const segmentDiff = z.strictObject({
  segment: z.string().nullable(),
  pairs: count,
  bothOk: count,
  liveOnly: count,
  shadowOnly: count,
  bothFailed: count,
  compared: count,
  incomparable: count,
  equal: count,
  flipped: count,
  rows: count,
  flips: count,
  elements: count,
  differing: count,
  largestDifference: amount,
  topKAgreement: amount.nullable(),
  cosineMean: z.number().nullable(),
  cosineLeast: z.number().nullable(),
  live: times,
  shadow: times,
  dropped: z.record(z.string(), count),
});

const sample = z.strictObject({
  kind: z.enum(['incomparable', 'differs', 'flip', 'status']),
  at: z.iso.datetime(),
  requestId: z.string().nullable(),
  segment: z.string().nullable(),
  because: z.string(),
  liveCode: count,
  shadowCode: count,
  liveMs: amount,
  shadowMs: amount,
});

/** What OpenAPI says of {@link diffsView}. */
export const diffs = z.strictObject({
  endpoint: z.string(),
  mirrors: z.array(
    z.strictObject({ mirror: z.string(), revision: count, segments: z.array(segmentDiff), samples: z.array(sample) }),
  ),
  unanswered: z.array(z.string()),
}) satisfies z.ZodType<DiffsView>;

import { durationMs, endpointId, epochMs } from '@modelmesh/core';
import {
  type CallEnd,
  type DiffSample,
  type DiffSummary,
  EMPTY_SUMMARY,
  type Latencies,
  type MirrorDiff,
  SAMPLE_KINDS,
  type SegmentDiff,
} from '@modelmesh/core/traffic';

/** What the diffs of one answer weigh at most, in characters of JSON: those of older revisions are left out. */
export const DIFF_CHARACTERS_MAX = 128 * 1024;

/** The first of these diffs that one answer holds. */
export function diffMessages(diffs: readonly MirrorDiff[]): string[] {
  const messages: string[] = [];
  let characters = 0;
  for (const diff of diffs) {
    const text = JSON.stringify(diff);
    characters += text.length;
    if (messages.length > 0 && characters > DIFF_CHARACTERS_MAX) break;
    messages.push(text);
  }
  return messages;
}

/** What a peer saw. Sums that it does not know are zero, and what is no diff is left out. */
export const readDiffs = (texts: readonly string[]): readonly MirrorDiff[] => texts.flatMap((text) => readDiff(text) ?? []);

function readDiff(text: string): MirrorDiff | undefined {
  const { endpoint, revision, mirror, segments, samples } = fieldsOf(parsed(text));
  if (typeof endpoint !== 'string' || endpoint === '' || typeof mirror !== 'string') return undefined;
  return {
    endpoint: endpointId(endpoint),
    revision: numberOf(revision),
    mirror,
    segments: listOf(segments).map(readSegment),
    samples: listOf(samples).flatMap((sample) => readSample(sample) ?? []),
  };
}

function readSegment(value: unknown): SegmentDiff {
  const { segment, summary } = fieldsOf(value);
  return { segment: textOf(segment), summary: readSummary(fieldsOf(summary)) };
}

/** Whatever this version counts, as far as the other one did. */
function readSummary(told: Fields): DiffSummary {
  const { live, shadow, statuses, dropped, ...numbers } = EMPTY_SUMMARY;
  const read = Object.fromEntries(Object.entries(numbers).map(([name, none]) => [name, numberOf(told[name], none)]));
  return {
    ...numbers,
    ...read,
    statuses: readCounts(statuses, told.statuses),
    dropped: readCounts(dropped, told.dropped),
    live: readLatencies(live, told.live),
    shadow: readLatencies(shadow, told.shadow),
  };
}

function readCounts<Name extends string>(none: Readonly<Record<Name, number>>, value: unknown): Readonly<Record<Name, number>> {
  const told = fieldsOf(value);
  const counts: Record<Name, number> = { ...none };
  for (const name in counts) counts[name] = numberOf(told[name]);
  return counts;
}

function readLatencies({ buckets: none }: Latencies, value: unknown): Latencies {
  const { count, totalMs, buckets } = fieldsOf(value);
  const told = listOf(buckets);
  return { count: numberOf(count), totalMs: numberOf(totalMs), buckets: none.map((_, at) => numberOf(told[at])) };
}

function readSample(value: unknown): DiffSample | undefined {
  const { kind, atMs, requestId, segment, because, live, shadow, luck } = fieldsOf(value);
  const known = SAMPLE_KINDS.find((one) => one === kind);
  if (known === undefined) return undefined;
  return {
    kind: known,
    atMs: epochMs(numberOf(atMs)),
    requestId: textOf(requestId),
    segment: textOf(segment),
    because: textOf(because) ?? '',
    live: readEnd(live),
    shadow: readEnd(shadow),
    luck: numberOf(luck),
  };
}

function readEnd(value: unknown): CallEnd {
  const { code, tookMs } = fieldsOf(value);
  return { code: numberOf(code), tookMs: durationMs(numberOf(tookMs)) };
}

type Fields = Readonly<Record<string, unknown>>;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const numberOf = (value: unknown, otherwise = 0): number =>
  typeof value === 'number' && Number.isFinite(value) ? value : otherwise;

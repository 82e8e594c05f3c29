import type { ComparePolicy } from '../../records/index.ts';
import type { AnswerMessage } from './answer.ts';
import { bytes } from './compare-bytes.ts';
import { tensors } from './compare-tensors.ts';
import { type Comparer, type Comparison, NOTHING_COMPARED } from './comparer.ts';

/** The comparers that are always there. */
export const COMPARERS = { tensors, bytes } as const satisfies Readonly<Record<string, Comparer>>;

/** Messages of one answer that are compared; of a longer stream the first ones. */
export const MESSAGES_COMPARED_MAX = 1024;

/** Compares whole answers, message by message; streams of another length differ. @throws as the comparer does. */
export function compareAnswers(
  live: readonly AnswerMessage[],
  shadow: readonly AnswerMessage[],
  policy: ComparePolicy,
  comparer: Comparer,
): Comparison {
  const count = Math.min(live.length, shadow.length, MESSAGES_COMPARED_MAX);
  let all: Comparison = NOTHING_COMPARED;
  for (let at = 0; at < count; at++)
    all = joined(all, comparer.compare(live[at] as AnswerMessage, shadow[at] as AnswerMessage, policy), at);
  if (live.length === shadow.length) return all;
  const because = all.because ?? `the shadow gave ${shadow.length} messages instead of ${live.length}`;
  return { ...all, equal: false, because };
}

/** What two comparisons say together; `before` of them are in the first. */
function joined(a: Comparison, b: Comparison, before: number): Comparison {
  if (before === 0) return b;
  return {
    equal: a.equal && b.equal,
    because: a.because ?? b.because,
    elements: a.elements + b.elements,
    differing: a.differing + b.differing,
    largestDifference: Math.max(a.largestDifference, b.largestDifference),
    rows: a.rows + b.rows,
    flips: a.flips + b.flips,
    topK: meanOf(a.topK, b.topK, before),
    cosine: meanOf(a.cosine, b.cosine, before),
  };
}

const meanOf = (a: number | null, b: number | null, before: number): number | null =>
  a === null || b === null ? (a ?? b) : (a * before + b) / (before + 1);

import type { ComparePolicy } from '../../records/index.ts';
import type { AnswerMessage } from './answer.ts';

/** What the comparison of two messages says. */
export interface Comparison {
  /** Nothing differs by more than the policy tolerates. */
  readonly equal: boolean;
  /** The first difference as a sentence; `null`: none. */
  readonly because: string | null;
  /** Elements that were looked at, and those that differ by more than the tolerance. */
  readonly elements: number;
  readonly differing: number;
  /** The largest difference of two numbers, relative to the larger of 1 and the live value. */
  readonly largestDifference: number;
  /** Rows of scores, and those whose class is another one. */
  readonly rows: number;
  readonly flips: number;
  /** Share of the highest elements that both have among theirs, 0 to 1, as the mean over rows; `null`: not looked at. */
  readonly topK: number | null;
  /** Cosine of the scores of all rows, −1 to 1; `null`: no scores, or one of them is no finite number. */
  readonly cosine: number | null;
}

/** Compares the answers of a live call and of its shadow, one pair of messages at a time. Pure: the same pair always compares alike. */
export interface Comparer {
  readonly name: string;
  /** @throws when the two cannot be compared; the pair then counts as such. */
  compare(live: AnswerMessage, shadow: AnswerMessage, policy: ComparePolicy): Comparison;
}

/** A comparison that found nothing to look at. */
export const NOTHING_COMPARED: Comparison = Object.freeze({
  equal: true,
  because: null,
  elements: 0,
  differing: 0,
  largestDifference: 0,
  rows: 0,
  flips: 0,
  topK: null,
  cosine: null,
});

/** The door of the room: how the answers of a shadow differ from those of the live calls. */
export { type AnswerMessage, type AnswerTensor, type Elements, lengthOfElements } from './answer.ts';
export { comparisonProblem } from './checked-comparison.ts';
export { COMPARERS, compareAnswers, MESSAGES_COMPARED_MAX } from './compare-answers.ts';
export { compareTensors } from './compare-tensors.ts';
export { type Comparer, type Comparison, NOTHING_COMPARED } from './comparer.ts';
export {
  DIFF_MIRRORS_MAX,
  DIFF_SEGMENTS_MAX,
  DIFFS_TOLD_MAX,
  DiffBook,
  type MirrorDiff,
  type MirrorRef,
  mergeDiffs,
  OTHER_SEGMENTS,
  type PairOrigin,
  SEGMENT_NAME_MAX,
  type SegmentDiff,
} from './diff-book.ts';
export { DIFF_LATENCY_BOUNDS_MS, type Latencies, latencyQuantile } from './latencies.ts';
export { DIFF_SAMPLES_MAX, type DiffSample, SAMPLE_KINDS, SAMPLE_TEXT_MAX, type SampleKind } from './samples.ts';
export {
  type AnswerPair,
  type CallEnd,
  type DiffSummary,
  EMPTY_SUMMARY,
  mergeSummaries,
  PAIR_STATUSES,
  type PairStatus,
  SHADOW_DROPS,
  type ShadowDrop,
  statusOf,
} from './summary.ts';

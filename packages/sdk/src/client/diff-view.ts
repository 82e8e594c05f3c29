/** Times of one side of the pairs, in milliseconds; `null`: there was none. */
export interface DiffTimesView {
  readonly meanMs: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** How the answers of a shadow compare, over the pairs of one segment. */
export interface SegmentDiffView {
  /** As the policy sorts calls into segments; `null`: it does not. */
  readonly segment: string | null;
  /** Live calls of which the shadow's is over too. */
  readonly pairs: number;
  /** How the two calls ended, in pairs. */
  readonly bothOk: number;
  readonly liveOnly: number;
  readonly shadowOnly: number;
  readonly bothFailed: number;
  /** Pairs whose answers were compared, and those whose answers could not be. */
  readonly compared: number;
  readonly incomparable: number;
  /** Pairs in which nothing differs by more than is tolerated. */
  readonly equal: number;
  /** Pairs in which a class is another one; rows of scores, and those whose class is another one. */
  readonly flipped: number;
  readonly rows: number;
  readonly flips: number;
  readonly elements: number;
  readonly differing: number;
  /** Relative to the larger of 1 and the live value. */
  readonly largestDifference: number;
  /** Mean share of the highest that both have; `null`: not looked at. */
  readonly topKAgreement: number | null;
  readonly cosineMean: number | null;
  readonly cosineLeast: number | null;
  readonly live: DiffTimesView;
  readonly shadow: DiffTimesView;
  /** Calls that the shadow did not get, by cause; causes without any are left out. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** A pair that differs. */
export interface DiffSampleView {
  readonly kind: 'incomparable' | 'differs' | 'flip' | 'status';
  readonly at: string;
  readonly requestId: string | null;
  readonly segment: string | null;
  readonly because: string;
  /** gRPC codes, and times in milliseconds. */
  readonly liveCode: number;
  readonly shadowCode: number;
  readonly liveMs: number;
  readonly shadowMs: number;
}

/** What is known of one shadow under one revision of its endpoint's policy. */
export interface MirrorDiffView {
  /** Name of the variant that is the shadow. */
  readonly mirror: string;
  readonly revision: number;
  readonly segments: readonly SegmentDiffView[];
  /** Some of the pairs that differ, the worst first. */
  readonly samples: readonly DiffSampleView[];
}

/** How the answers of an endpoint's shadows compare, since the nodes started. */
export interface DiffsView {
  readonly endpoint: string;
  /** The newest revision first. */
  readonly mirrors: readonly MirrorDiffView[];
  /** Ids of the instances that did not answer: what they saw is missing. */
  readonly unanswered: readonly string[];
}

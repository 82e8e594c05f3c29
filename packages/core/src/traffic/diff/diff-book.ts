import type { Random } from '../../random.ts';
import type { EndpointId, EpochMs } from '../../units.ts';
import { belongsTo, type DiffSample, type SampleKind, sampleText, worstSamples } from './samples.ts';
import {
  type AnswerPair,
  type DiffSummary,
  EMPTY_SUMMARY,
  mergeSummaries,
  type ShadowDrop,
  statusOf,
  withDrop,
  withPair,
} from './summary.ts';

/** Segments of one mirror that are told apart; the others are one. */
export const DIFF_SEGMENTS_MAX = 32;
/** Characters of a segment's name; what is longer is cut. */
export const SEGMENT_NAME_MAX = 64;
/** Mirrors, in each of their revisions, that one book holds; beyond, the one that was longest without a call is forgotten. */
export const DIFF_MIRRORS_MAX = 256;
/** Mirrors that a question about an endpoint is answered with, each in one revision: the newest. */
export const DIFFS_TOLD_MAX = 16;
/** Name of all segments beyond {@link DIFF_SEGMENTS_MAX} together. */
export const OTHER_SEGMENTS = '(others)';

/** One shadow of an endpoint under one revision of its policy. */
export interface MirrorRef {
  readonly endpoint: EndpointId;
  readonly revision: number;
  /** Name of the variant that is the shadow. */
  readonly mirror: string;
}

/** Sums of one segment; `null`: of calls that have none. */
export interface SegmentDiff {
  readonly segment: string | null;
  readonly summary: DiffSummary;
}

/** What is known of one mirror; plain, and mergeable. */
export interface MirrorDiff extends MirrorRef {
  readonly segments: readonly SegmentDiff[];
  /** The worst pairs, the very worst first. */
  readonly samples: readonly DiffSample[];
}

/** What a sample says of its call. */
export interface PairOrigin {
  readonly segment: string | null;
  readonly requestId: string | null;
  readonly atMs: EpochMs;
}

interface Page {
  readonly ref: MirrorRef;
  readonly segments: Map<string | null, DiffSummary>;
  samples: readonly DiffSample[];
}

/** Keeps what comparisons say, by mirror and segment, within bounds. One for each worker; books are merged when somebody asks. */
export class DiffBook {
  /** By {@link keyOf}, in the order of their last call. */
  readonly #pages = new Map<string, Page>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Mirrors that are kept. */
  get size(): number {
    return this.#pages.size;
  }

  /** Both calls of a pair are over. */
  add(ref: MirrorRef, pair: AnswerPair, origin: PairOrigin): void {
    const page = this.#page(ref);
    const segment = this.#segment(page, origin.segment);
    page.segments.set(segment, withPair(page.segments.get(segment) ?? EMPTY_SUMMARY, pair));
    const worth = worthOf(pair);
    if (worth === null) return;
    const luck = this.#random.unit();
    if (!belongsTo(page.samples, { kind: worth.kind, luck })) return;
    const requestId = origin.requestId === null ? null : sampleText(origin.requestId);
    const { live, shadow } = pair;
    const { kind, because } = worth;
    const sample = { kind, atMs: origin.atMs, requestId, segment, because: sampleText(because), live, shadow, luck };
    page.samples = worstSamples([...page.samples, sample]);
  }

  /** A call was not mirrored. */
  drop(ref: MirrorRef, segment: string | null, cause: ShadowDrop): void {
    const page = this.#page(ref);
    const name = this.#segment(page, segment);
    page.segments.set(name, withDrop(page.segments.get(name) ?? EMPTY_SUMMARY, cause));
  }

  /** What is known of an endpoint's mirrors. */
  of(endpoint: EndpointId): readonly MirrorDiff[] {
    return [...this.#pages.values()].filter(({ ref }) => ref.endpoint === endpoint).map(diffOf);
  }

  #page(ref: MirrorRef): Page {
    const key = keyOf(ref);
    const page = this.#pages.get(key) ?? { ref, segments: new Map(), samples: [] };
    this.#pages.delete(key);
    this.#pages.set(key, page);
    if (this.#pages.size > DIFF_MIRRORS_MAX) {
      const [oldest] = this.#pages.keys();
      if (oldest !== undefined) this.#pages.delete(oldest);
    }
    return page;
  }

  #segment(page: Page, segment: string | null): string | null {
    const name = segment?.slice(0, SEGMENT_NAME_MAX) ?? null;
    return page.segments.has(name) || page.segments.size < DIFF_SEGMENTS_MAX ? name : OTHER_SEGMENTS;
  }
}

/** What makes a pair a sample; `null`: nothing differs. */
function worthOf(pair: AnswerPair): { readonly kind: SampleKind; readonly because: string } | null {
  const { live, shadow, comparison, incomparable } = pair;
  if (live.code !== shadow.code) {
    const because = `the live call ended with code ${live.code} and its shadow with code ${shadow.code} (${statusOf(pair)})`;
    return { kind: 'status', because };
  }
  if (incomparable !== null) return { kind: 'incomparable', because: incomparable };
  if (comparison === null || comparison.equal) return null;
  return { kind: comparison.flips > 0 ? 'flip' : 'differs', because: comparison.because ?? 'the answers differ' };
}

const keyOf = ({ endpoint, revision, mirror }: MirrorRef): string => JSON.stringify([endpoint, revision, mirror]);

const diffOf = ({ ref, segments, samples }: Page): MirrorDiff => ({
  endpoint: ref.endpoint,
  revision: ref.revision,
  mirror: ref.mirror,
  segments: [...segments].map(([segment, summary]) => ({ segment, summary })),
  samples,
});

/** What several books say of the same mirrors, the newest revision first, at most {@link DIFFS_TOLD_MAX}; again within the bounds of one. */
export function mergeDiffs(books: readonly (readonly MirrorDiff[])[]): readonly MirrorDiff[] {
  const pages = new Map<string, Page>();
  for (const diff of books.flat()) {
    const key = keyOf(diff);
    const { endpoint, revision, mirror } = diff;
    const page = pages.get(key) ?? { ref: { endpoint, revision, mirror }, segments: new Map(), samples: [] };
    pages.set(key, page);
    for (const { segment, summary } of diff.segments) {
      const known = page.segments.has(segment) || page.segments.size < DIFF_SEGMENTS_MAX;
      const name = known ? segment : OTHER_SEGMENTS;
      page.segments.set(name, mergeSummaries(page.segments.get(name) ?? EMPTY_SUMMARY, summary));
    }
    page.samples = worstSamples([...page.samples, ...diff.samples]);
  }
  return [...pages.values()]
    .map(diffOf)
    .toSorted((a, b) => b.revision - a.revision || (a.mirror < b.mirror ? -1 : Number(a.mirror > b.mirror)))
    .slice(0, DIFFS_TOLD_MAX);
}

import type { EpochMs } from '../../units.ts';
import type { CallEnd } from './summary.ts';

/** Samples that are kept of one mirror. */
export const DIFF_SAMPLES_MAX = 20;
/** Characters of a sentence in a sample, and of a request's id: the bytes of samples are bounded. */
export const SAMPLE_TEXT_MAX = 256;

/** What makes a pair worth keeping, the worst last. */
export const SAMPLE_KINDS = ['incomparable', 'differs', 'flip', 'status'] as const;
/** One of {@link SAMPLE_KINDS}. */
export type SampleKind = (typeof SAMPLE_KINDS)[number];

/** A pair that differs. */
export interface DiffSample {
  readonly kind: SampleKind;
  readonly atMs: EpochMs;
  readonly requestId: string | null;
  readonly segment: string | null;
  readonly because: string;
  readonly live: CallEnd;
  readonly shadow: CallEnd;
  /** By chance, 0 to 1: of pairs that are equally bad each is as likely to stay, however long ago it was. */
  readonly luck: number;
}

/** A text that fits into a sample. */
export const sampleText = (text: string): string =>
  text.length <= SAMPLE_TEXT_MAX ? text : `${text.slice(0, SAMPLE_TEXT_MAX - 1)}…`;

/** The worst of both, the very worst first. Keeping the worst of the worst is keeping the worst of all, so that it can be done at every step. */
export function worstSamples(samples: readonly DiffSample[]): readonly DiffSample[] {
  return samples.toSorted((a, b) => badness(b) - badness(a) || b.luck - a.luck).slice(0, DIFF_SAMPLES_MAX);
}

/** Whether a sample would stay among those that are kept. */
export function belongsTo(kept: readonly DiffSample[], { kind, luck }: Pick<DiffSample, 'kind' | 'luck'>): boolean {
  const last = kept.at(-1);
  if (last === undefined || kept.length < DIFF_SAMPLES_MAX) return true;
  const worse = SAMPLE_KINDS.indexOf(kind) - badness(last);
  return worse > 0 || (worse === 0 && luck > last.luck);
}

const badness = ({ kind }: DiffSample): number => SAMPLE_KINDS.indexOf(kind);

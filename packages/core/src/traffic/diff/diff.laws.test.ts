import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { durationMs, endpointId, epochMs, SeededRandom } from '../../index.ts';
import type { ComparePolicy } from '../../records/index.ts';
import {
  type AnswerPair,
  type AnswerTensor,
  compareTensors,
  DIFF_MIRRORS_MAX,
  DIFF_SAMPLES_MAX,
  DIFF_SEGMENTS_MAX,
  DiffBook,
  type DiffSummary,
  EMPTY_SUMMARY,
  latencyQuantile,
  mergeDiffs,
  mergeSummaries,
  NOTHING_COMPARED,
  OTHER_SEGMENTS,
  SAMPLE_KINDS,
} from './index.ts';

const POLICY: ComparePolicy = { tolerance: 0, topK: 3, output: null, segment: null, comparer: 'tensors' };
const ENDPOINT = endpointId('fraud');
const REF = { endpoint: ENDPOINT, revision: 1, mirror: 'shadow' };

const aMatrix = fc
  .record({ rows: fc.integer({ min: 1, max: 4 }), classes: fc.integer({ min: 1, max: 6 }) })
  .chain(({ rows, classes }) =>
    fc
      .array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: rows * classes, maxLength: rows * classes })
      .map((values) => ({ shape: [rows, classes], values })),
  );
const tensorOf = (shape: readonly number[], values: readonly number[]): AnswerTensor => ({
  name: 'y',
  datatype: 'FP64',
  shape,
  elements: { kind: 'float', values },
});

const aComparison = fc
  .record({ flips: fc.nat(3), more: fc.nat(5), differing: fc.nat(9), size: fc.double({ min: 0, max: 100, noNaN: true }) })
  .chain(({ flips, more, differing, size }) =>
    fc.option(fc.double({ min: -1, max: 1, noNaN: true }), { nil: null }).map((cosine) => ({
      ...NOTHING_COMPARED,
      equal: flips + differing === 0,
      because: flips + differing === 0 ? null : 'it differs',
      elements: differing + more,
      differing,
      largestDifference: size,
      rows: flips + more,
      flips,
      topK: cosine === null ? null : (cosine + 1) / 2,
      cosine,
    })),
  );
const anEnd = fc.record({
  code: fc.constantFrom(0, 0, 0, 4, 14),
  tookMs: fc.double({ min: 0, max: 1e6, noNaN: true }).map(durationMs),
});
const aPair: fc.Arbitrary<AnswerPair> = fc.record({ live: anEnd, shadow: anEnd, comparison: aComparison }).map((pair) => {
  const isComparable = pair.live.code === 0 && pair.shadow.code === 0;
  return { ...pair, comparison: isComparable ? pair.comparison : null, incomparable: null };
});
const origin = (segment: string | null, at = 0) => ({ segment, requestId: `r-${at}`, atMs: epochMs(at) });
const bookOf = (pairs: readonly AnswerPair[], seed = 1): DiffBook => {
  const book = new DiffBook(new SeededRandom(seed));
  for (const [at, pair] of pairs.entries()) book.add(REF, pair, origin(null, at));
  return book;
};
const summaryOf = (book: DiffBook): DiffSummary => book.of(ENDPOINT)[0]?.segments[0]?.summary ?? EMPTY_SUMMARY;

/** Sums of doubles depend on their order in the last digits. */
function assertSameSums(a: DiffSummary, b: DiffSummary): void {
  const round = ({ topKTotal, cosineTotal, live, shadow, ...rest }: DiffSummary) => ({
    ...rest,
    doubles: [topKTotal, cosineTotal].map((one) => one.toFixed(6)),
    times: [live, shadow].map(({ totalMs, ...others }) => ({ ...others, total: totalMs.toPrecision(9) })),
  });
  assert.deepEqual(round(a), round(b));
}

test('law: an answer equals itself, whatever it holds', () => {
  const anything = fc.array(fc.double(), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(anything, (values) => {
      const found = compareTensors([tensorOf([values.length], values)], [tensorOf([values.length], [...values])], POLICY);
      assert.deepEqual([found.equal, found.differing, found.flips, found.largestDifference], [true, 0, 0, 0]);
    }),
  );
});

test('law: what is changed by no more than the tolerance does not differ, and what is changed by more does', () => {
  fc.assert(
    fc.property(aMatrix, fc.double({ min: 1e-6, max: 0.5, noNaN: true }), fc.nat(), ({ shape, values }, tolerance, place) => {
      const at = place % values.length;
      const live = values[at] as number;
      const changed = (by: number) => tensorOf(shape, values.with(at, live + by * tolerance * Math.max(1, Math.abs(live))));
      const compare = (by: number) => compareTensors([tensorOf(shape, values)], [changed(by)], { ...POLICY, tolerance });
      assert.equal(compare(0.999).differing, 0);
      assert.equal(compare(1.001).differing, 1);
    }),
  );
});

test('law: classes, the highest k and the cosine do not depend on the scale of the scores', () => {
  const scales = fc.constantFrom(2, 8, 1024, 65_536);
  fc.assert(
    fc.property(aMatrix, scales, ({ shape, values }, scale) => {
      const found = compareTensors(
        [tensorOf(shape, values)],
        [
          tensorOf(
            shape,
            values.map((one) => one * scale),
          ),
        ],
        POLICY,
      );
      assert.deepEqual([found.flips, found.topK ?? 1], [0, 1]);
      assert.ok((found.cosine ?? 0) > 1 - 1e-9);
    }),
  );
});

test('law: swapping live and shadow swaps nothing but what is relative to the live value', () => {
  fc.assert(
    fc.property(aMatrix, fc.integer(), ({ shape, values }, seed) => {
      const random = new SeededRandom(seed);
      const [live, shadow] = [
        tensorOf(shape, values),
        tensorOf(
          shape,
          values.map((one) => one + random.below(3) - 1),
        ),
      ];
      const one = compareTensors([live], [shadow], POLICY);
      const other = compareTensors([shadow], [live], POLICY);
      assert.deepEqual([one.differing, one.flips, one.rows], [other.differing, other.flips, other.rows]);
      assert.deepEqual([one.topK?.toFixed(9), one.cosine?.toFixed(9)], [other.topK?.toFixed(9), other.cosine?.toFixed(9)]);
    }),
  );
});

test('law: the sums of the parts are the sums of the whole, in whatever order they are merged', () => {
  fc.assert(
    fc.property(fc.array(aPair, { maxLength: 30 }), fc.nat(30), (pairs, cut) => {
      const [left, right] = [summaryOf(bookOf(pairs.slice(0, cut))), summaryOf(bookOf(pairs.slice(cut)))];
      const whole = summaryOf(bookOf(pairs));
      assertSameSums(mergeSummaries(left, right), whole);
      assertSameSums(mergeSummaries(right, left), whole);
      assertSameSums(mergeSummaries(EMPTY_SUMMARY, whole), whole);
      assert.equal(
        Object.values(whole.statuses).reduce((sum, one) => sum + one, 0),
        pairs.length,
      );
      assert.equal(whole.live.count, pairs.length);
    }),
  );
});

test('law: samples are the worst pairs, bounded, and merging parts keeps the worst of all', () => {
  fc.assert(
    fc.property(fc.array(aPair, { maxLength: 80 }), fc.nat(80), fc.nat(1000), (pairs, cut, seed) => {
      const parts = [bookOf(pairs.slice(0, cut), seed).of(ENDPOINT), bookOf(pairs.slice(cut), seed + 1).of(ENDPOINT)];
      const [merged] = mergeDiffs(parts);
      const kept = merged?.samples ?? [];
      const badness = pairs
        .flatMap((pair) => {
          if (pair.live.code !== pair.shadow.code) return 'status' as const;
          if (pair.comparison === null || pair.comparison.equal) return [];
          return pair.comparison.flips > 0 ? ('flip' as const) : ('differs' as const);
        })
        .map((kind) => SAMPLE_KINDS.indexOf(kind))
        .toSorted((a, b) => b - a);
      assert.deepEqual(
        kept.map(({ kind }) => SAMPLE_KINDS.indexOf(kind)),
        badness.slice(0, DIFF_SAMPLES_MAX),
      );
    }),
  );
});

test('law: a quantile lies within the times that were measured, bucket by bucket', () => {
  fc.assert(
    fc.property(fc.array(anEnd, { minLength: 1, maxLength: 40 }), fc.double({ min: 0, max: 1, noNaN: true }), (ends, q) => {
      const { live } = summaryOf(bookOf(ends.map((end) => ({ live: end, shadow: end, comparison: null, incomparable: null }))));
      const found = latencyQuantile(live, q) ?? Number.NaN;
      assert.ok(found >= 0 && found <= 300_000);
      const [low, high] = [latencyQuantile(live, q / 2) ?? Number.NaN, latencyQuantile(live, 1) ?? Number.NaN];
      assert.ok(low <= found && found <= high, `${low} ${found} ${high}`);
    }),
  );
});

test('segments and mirrors are bounded: what is beyond is one segment, and the mirror without calls for longest is forgotten', () => {
  const book = new DiffBook(new SeededRandom(1));
  const end = { code: 0, tookMs: durationMs(1) };
  const pair: AnswerPair = { live: end, shadow: end, comparison: NOTHING_COMPARED, incomparable: null };
  for (let at = 0; at < DIFF_SEGMENTS_MAX + 10; at++) book.add(REF, pair, origin(`segment ${at}`));
  book.drop(REF, 'one more', 'queue-full');
  const [diff] = book.of(ENDPOINT);
  assert.equal(diff?.segments.length, DIFF_SEGMENTS_MAX + 1);
  const others = diff?.segments.find(({ segment }) => segment === OTHER_SEGMENTS)?.summary;
  assert.deepEqual([others?.pairs, others?.dropped['queue-full']], [10, 1]);
  const [merged] = mergeDiffs([book.of(ENDPOINT), book.of(ENDPOINT)]);
  assert.equal(merged?.segments.find(({ segment }) => segment === OTHER_SEGMENTS)?.summary.pairs, 20);

  for (let revision = 2; revision <= DIFF_MIRRORS_MAX + 1; revision++) book.add({ ...REF, revision }, pair, origin(null));
  assert.equal(book.size, DIFF_MIRRORS_MAX);
  assert.equal(
    book.of(ENDPOINT).some(({ revision }) => revision === 1),
    false,
  );
  assert.deepEqual(mergeDiffs([book.of(ENDPOINT)])[0]?.revision, DIFF_MIRRORS_MAX + 1, 'the newest first');
});

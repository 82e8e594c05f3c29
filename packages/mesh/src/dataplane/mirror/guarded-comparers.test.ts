import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs } from '@modelmesh/core';
import type { ComparePolicy } from '@modelmesh/core/records';
import { FakeClock } from '@modelmesh/core/testing';
import { type AnswerMessage, type Comparer, type Comparison, NOTHING_COMPARED } from '@modelmesh/core/traffic';
import { COMPARE_WITHIN_MS, GuardedComparers, SLOW_IN_A_ROW_MAX } from './guarded-comparers.ts';

const POLICY: ComparePolicy = { tolerance: 0, topK: 0, output: null, segment: null, comparer: 'own' };
const MESSAGE: AnswerMessage = { bytes: new Uint8Array(), tensors: () => [] };

function guarded(compare: () => unknown): { readonly ask: () => Comparison; readonly clock: FakeClock } {
  const clock = new FakeClock();
  // A plug-in in JavaScript gives what it likes.
  const comparer: Comparer = { name: 'own', compare: () => compare() as Comparison };
  const own = new GuardedComparers(new Map([['own', comparer]]), clock).of('own');
  return { ask: () => own.compare(MESSAGE, MESSAGE, POLICY), clock };
}

describe('a comparer of a plug-in', () => {
  it('is asked, and what it gives counts', () => {
    const found = { ...NOTHING_COMPARED, elements: 3, topK: 1, cosine: -1 };
    assert.deepEqual(guarded(() => found).ask(), found);
  });

  it('fails in its own words, and where it gives what is no comparison', () => {
    const throws = guarded(() => {
      throw new Error('a fault of the plug-in');
    });
    assert.throws(throws.ask, /the comparer own failed: a fault of the plug-in/);
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [undefined, /no comparison/],
      [{ ...NOTHING_COMPARED, equal: 'yes' }, /equal must be/],
      [{ ...NOTHING_COMPARED, because: 1 }, /because must be/],
      [{ ...NOTHING_COMPARED, flips: -1 }, /flips must be/],
      [{ ...NOTHING_COMPARED, elements: 1.5 }, /elements must be/],
      [{ ...NOTHING_COMPARED, largestDifference: Number.NaN }, /largestDifference must be/],
      [{ ...NOTHING_COMPARED, topK: 2 }, /topK must be/],
      [{ ...NOTHING_COMPARED, cosine: -2 }, /cosine must be/],
    ];
    for (const [value, why] of wrong) assert.throws(guarded(() => value).ask, why);
  });

  it('is not asked any more once it was slow so many times in a row', () => {
    let asked = 0;
    let tookMs = COMPARE_WITHIN_MS + 1;
    const { ask, clock } = guarded(() => {
      asked += 1;
      clock.advance(tookMs);
      return NOTHING_COMPARED;
    });
    for (let turn = 1; turn < SLOW_IN_A_ROW_MAX; turn++) ask();
    tookMs = durationMs(1);
    ask();
    tookMs = COMPARE_WITHIN_MS + 1;
    for (let turn = 1; turn <= SLOW_IN_A_ROW_MAX; turn++) ask();
    const before = asked;
    assert.throws(ask, /not asked any more: 3 times in a row/);
    assert.equal(asked, before);
  });

  it('has another name than those that are always there, which win', () => {
    const tensors: Comparer = { name: 'tensors', compare: () => assert.fail('the own one is asked') };
    const comparers = new GuardedComparers(new Map([['tensors', tensors]]), new FakeClock());
    assert.equal(comparers.of('tensors').compare(MESSAGE, MESSAGE, POLICY).equal, true);
    const late = new Map<string, Comparer>();
    const later = new GuardedComparers(late, new FakeClock());
    assert.throws(() => later.of('own'), /no comparer "own"/);
    late.set('own', { name: 'own', compare: () => NOTHING_COMPARED });
    assert.equal(later.of('own'), later.of('own'), 'found once its plug-in is loaded, and its time is that of one');
    assert.throws(() => comparers.of('nobody'), /no comparer "nobody" at this node/);
  });
});

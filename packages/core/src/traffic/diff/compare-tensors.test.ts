import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ComparePolicy } from '../../records/index.ts';
import {
  type AnswerMessage,
  type AnswerTensor,
  COMPARERS,
  compareAnswers,
  compareTensors,
  type Elements,
  MESSAGES_COMPARED_MAX,
} from './index.ts';

const POLICY: ComparePolicy = { tolerance: 0, topK: 0, output: null, segment: null, comparer: 'tensors' };

const floats = (name: string, shape: readonly number[], values: readonly number[]): AnswerTensor => ({
  name,
  datatype: 'FP64',
  shape,
  elements: { kind: 'float', values },
});

const of = (name: string, datatype: string, elements: Elements): AnswerTensor => ({
  name,
  datatype,
  shape: [elements.values.length],
  elements,
});

const message = (tensors: readonly AnswerTensor[], bytes = new Uint8Array()): AnswerMessage => ({
  bytes,
  tensors: () => tensors,
});

describe('comparing tensors', () => {
  it('says nothing differs where nothing does, and tells elements', () => {
    const answer = [
      floats('scores', [1, 3], [0.1, 0.7, 0.2]),
      of('label', 'BYTES', { kind: 'bytes', values: [Buffer.from('b')] }),
    ];
    assert.deepEqual(compareTensors(answer, structuredClone(answer), { ...POLICY, topK: 2 }), {
      equal: true,
      because: null,
      elements: 4,
      differing: 0,
      largestDifference: 0,
      rows: 1,
      flips: 0,
      topK: 1,
      cosine: 1,
    });
  });

  it('tolerates differences relative to the larger of 1 and the live value, up to and with the bound', () => {
    const diff = (live: number, shadow: number, tolerance: number) =>
      compareTensors([floats('y', [1], [live])], [floats('y', [1], [shadow])], { ...POLICY, tolerance });
    assert.equal(diff(100, 101, 0.01).equal, true);
    assert.equal(diff(100, 101.1, 0.01).equal, false);
    assert.equal(diff(0, 0.01, 0.01).equal, true, 'a small value is measured by 1');
    assert.equal(diff(-100, -101, 0.01).equal, true);
    const found = diff(0.5, 0.75, 0.01);
    assert.equal(found.largestDifference, 0.25);
    assert.equal(found.because, 'output y at [0] is 0.75 instead of 0.5');
  });

  it('takes NaN for NaN alone, and an infinity for itself alone, whatever the tolerance', () => {
    const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
    const live = floats('y', [6], [nan, nan, 1, inf, inf, inf]);
    const shadow = floats('y', [6], [nan, 1, nan, inf, -inf, 1]);
    const found = compareTensors([live], [shadow], { ...POLICY, tolerance: 1e9 });
    assert.deepEqual([found.differing, found.largestDifference], [4, Number.MAX_VALUE]);
    assert.equal(found.cosine, null, 'no vector of finite numbers');
  });

  it('tells integers of 64 bits apart that are one number as doubles', () => {
    const big = 2n ** 60n;
    const found = compareTensors(
      [of('id', 'INT64', { kind: 'integer64', values: [big, 1n] })],
      [of('id', 'INT64', { kind: 'integer64', values: [big + 1n, 1n] })],
      POLICY,
    );
    assert.deepEqual([found.equal, found.differing], [false, 1]);
    assert.equal(found.largestDifference, 1 / Number(big));
  });

  it('counts an output that is missing, new, or of another form as one that differs in whole', () => {
    const live = [floats('a', [2], [1, 2]), floats('b', [2, 2], [1, 2, 3, 4])];
    const other = compareTensors(live, [floats('b', [4], [1, 2, 3, 4]), floats('c', [3], [0, 0, 0])], POLICY);
    assert.deepEqual([other.elements, other.differing, other.equal], [9, 9, false]);
    assert.equal(other.because, 'the shadow has no output a');
    const form = compareTensors([live[1] as AnswerTensor], [floats('b', [4], [1, 2, 3, 4])], POLICY);
    assert.equal(form.because, 'output b is FP64 [4] instead of FP64 [2,2]');
    const type = { ...floats('b', [2, 2], [1, 2, 3, 4]), datatype: 'FP32' };
    assert.equal(compareTensors([live[1] as AnswerTensor], [type], POLICY).differing, 4);
  });

  it('finds the row whose class is another one, even within the tolerance', () => {
    const found = compareTensors(
      [floats('scores', [3, 2], [0.9, 0.1, 0.501, 0.499, 0.2, 0.8])],
      [floats('scores', [3, 2], [0.9, 0.1, 0.499, 0.501, 0.2, 0.8])],
      { ...POLICY, tolerance: 0.1 },
    );
    assert.deepEqual([found.rows, found.flips, found.differing, found.equal], [3, 1, 0, false]);
    assert.equal(found.because, 'the class of row 1 of output scores is another one');
  });

  it('looks for classes in the named output: scores, or names of classes', () => {
    const answer = (label: string): readonly AnswerTensor[] => [
      floats('embedding', [2], [3, 4]),
      of('label', 'BYTES', { kind: 'bytes', values: [Buffer.from(label), Buffer.from('same')] }),
    ];
    const found = compareTensors(answer('cat'), answer('dog'), { ...POLICY, output: 'label' });
    assert.deepEqual([found.rows, found.flips, found.cosine], [2, 1, null]);
    assert.match(found.because ?? '', /row 0 of output label/);
    assert.equal(compareTensors(answer('cat'), answer('dog'), { ...POLICY, output: 'nothing' }).rows, 0);
  });

  it('tells how many of the k highest both have, as the mean over rows', () => {
    const live = floats('s', [2, 4], [4, 3, 2, 1, 4, 3, 2, 1]);
    const shadow = floats('s', [2, 4], [4, 2, 3, 1, 1, 2, 3, 4]);
    assert.equal(compareTensors([live], [shadow], { ...POLICY, topK: 2 }).topK, (0.5 + 0) / 2);
    assert.equal(compareTensors([live], [shadow], { ...POLICY, topK: 9 }).topK, 1, 'all of them are all of them');
    assert.equal(compareTensors([live], [shadow], POLICY).topK, null);
  });

  it('tells the cosine of vectors of any size', () => {
    const cosine = (a: readonly number[], b: readonly number[]) =>
      compareTensors([floats('e', [a.length], a)], [floats('e', [b.length], b)], POLICY).cosine;
    assert.equal(cosine([1, 0], [0, 1]), 0);
    assert.equal(cosine([1, 0], [-1, 0]), -1);
    assert.equal(cosine([0, 0], [0, 0]), 1);
    assert.equal(cosine([0, 0], [0, 1]), 0);
    assert.equal(cosine([1e200, 1e200], [1e-200, 1e-200])?.toFixed(9), '1.000000000');
  });
});

describe('comparing whole answers', () => {
  it('joins what all messages of a stream say, and counts one that is missing', () => {
    const messages = [1, 2, 3].map((value) => message([floats('y', [2], [value, 0])]));
    const same = compareAnswers(messages, messages, POLICY, COMPARERS.tensors);
    assert.deepEqual([same.equal, same.elements, same.rows, same.cosine], [true, 6, 3, 1]);
    const shorter = compareAnswers(messages, messages.slice(0, 2), POLICY, COMPARERS.tensors);
    assert.deepEqual([shorter.equal, shorter.because], [false, 'the shadow gave 2 messages instead of 3']);
  });

  it('looks at so many messages of a long stream, and at its length', () => {
    const same = message([floats('y', [1], [1])]);
    const other = message([floats('y', [1], [2])]);
    const long = (last: AnswerMessage): readonly AnswerMessage[] => [...new Array(MESSAGES_COMPARED_MAX).fill(same), last];
    const compare = (shadow: readonly AnswerMessage[]) => compareAnswers(long(same), shadow, POLICY, COMPARERS.tensors);
    assert.equal(compare(long(other)).elements, MESSAGES_COMPARED_MAX);
    assert.equal(compare(long(other).toSpliced(0, 1, other)).differing, 1);
    assert.equal(compare([...long(same), same]).equal, false);
  });

  it('compares bytes where there are no tensors', () => {
    const bytes = (text: string): AnswerMessage => ({
      bytes: Buffer.from(text),
      tensors: () => {
        throw new Error('nobody asked for tensors');
      },
    });
    const compare = (live: string, shadow: string) => compareAnswers([bytes(live)], [bytes(shadow)], POLICY, COMPARERS.bytes);
    assert.equal(compare('same', 'same').equal, true);
    assert.deepEqual([compare('abcd', 'axcy').differing, compare('abcd', 'axcy').elements], [2, 4]);
    assert.match(compare('abcd', 'ab').because ?? '', /from byte 2 .*2 bytes instead of 4/);
  });
});

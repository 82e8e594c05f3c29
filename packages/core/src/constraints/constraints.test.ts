import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { problemText } from '../manifest/index.ts';
import { CONSTRAINED_TYPES_MAX, parseConstraints, RULE_LABELS_MAX, TypeConstraints } from './index.ts';

const labels = (...names: readonly string[]): ReadonlySet<string> => new Set(names);

function parsed(value: unknown): TypeConstraints {
  const result = parseConstraints(JSON.stringify(value));
  assert.ok(result.ok, result.ok ? '' : result.problems.map(problemText).join('\n'));
  return result.constraints;
}

const problems = (text: string): readonly string[] => {
  const result = parseConstraints(text);
  assert.ok(!result.ok);
  return result.problems.map(problemText);
};

describe('§6.1: type constraints', () => {
  const constraints = parsed({
    vision: { required: ['gpu', 'big'], preferred: ['ssd', 'fast'] },
    text: { preferred: ['ssd'] },
    _default: { required: ['plain'] },
  });

  it('allowed is an instance with all required labels', () => {
    assert.equal(constraints.allowed('vision', labels('gpu', 'big', 'other')), true);
    assert.equal(constraints.allowed('vision', labels('gpu')), false);
    assert.equal(constraints.allowed('text', labels()), true);
  });

  it('preferred is an instance with any preferred label, also when it satisfies what is required', () => {
    assert.equal(constraints.preferred('vision', labels('fast')), true);
    assert.equal(constraints.preferred('vision', labels('gpu', 'big', 'fast')), true);
    assert.equal(constraints.preferred('vision', labels('gpu', 'big')), false);
    assert.deepEqual(constraints.standing(labels('gpu', 'big', 'fast')), {
      prohibited: ['_default'],
      preferredBy: labels('vision'),
      generality: 3,
    });
  });

  it('a type that is not listed follows _default, one that is listed does not', () => {
    assert.deepEqual(
      ['other', 'text'].map((type) => constraints.ruleOf(type)),
      ['_default', 'text'],
    );
    assert.equal(constraints.allowed('other', labels('gpu')), false);
    assert.equal(constraints.allowed('other', labels('plain')), true);
    assert.equal(parsed({ vision: {} }).ruleOf('other'), null);
  });

  it('preferred labels that are required too are dropped', () => {
    const one = parsed({ vision: { required: ['gpu'], preferred: ['gpu', 'ssd'] } });
    assert.deepEqual([...one.wanted('vision')], ['ssd']);
    assert.equal(one.preferred('vision', labels('gpu')), false);
  });

  it('generality is four times the rules that prohibit an instance less those that prefer it', () => {
    assert.equal(constraints.standing(labels()).generality, 8);
    assert.equal(constraints.standing(labels('plain', 'ssd')).generality, 2);
    assert.equal(constraints.standing(labels('gpu', 'big', 'ssd', 'plain')).generality, -2);
  });

  it('null and absent fields ask for nothing, labels are trimmed, unknown fields are ignored with a warning', () => {
    const result = parseConstraints('{"vision": {"required": [" gpu "], "preferred": null, "requried": ["x"], "note": 1}}');
    assert.ok(result.ok);
    assert.deepEqual([...result.constraints.required('vision')], ['gpu']);
    assert.deepEqual(result.warnings.map(problemText), [
      'vision.requried: got a list of 1, expected required or preferred: it is ignored; did you mean required?',
      'vision.note: got 1, expected required or preferred: it is ignored',
    ]);
  });
});

describe('a text that is wrong', () => {
  it('is refused whole, with every problem by its path and what was expected', () => {
    const text = JSON.stringify({
      vision: { required: 'gpu', preferred: ['ok', 7, ''] },
      'a/b': [],
      text: { required: ['a,b'] },
    });
    assert.deepEqual(problems(text), [
      'vision.required: got "gpu", expected a list of at most 64 labels',
      'vision.preferred[1]: got 7, expected a label: a text without commas that is not empty',
      'vision.preferred[2]: got "", expected a label: a text without commas that is not empty',
      '["a/b"]: got a list of 0, expected an object with required or preferred labels',
      'text.required[0]: got "a,b", expected a label: a text without commas that is not empty',
    ]);
  });

  it('says where JSON ends, and that a list or null is no set of rules', () => {
    assert.match(problems('{"vision": ')[0] ?? '', /expected JSON: .*JSON/);
    for (const text of ['[]', 'null', '7']) assert.match(problems(text)[0] ?? '', /expected an object with a rule for each type/);
  });

  it('has too many types or labels', () => {
    const types = Object.fromEntries(Array.from({ length: CONSTRAINED_TYPES_MAX + 1 }, (_, at) => [`t${at}`, {}]));
    assert.match(problems(JSON.stringify(types))[0] ?? '', /expected at most 4096 types, not 4097/);
    const many = Array.from({ length: RULE_LABELS_MAX + 1 }, (_, at) => `l${at}`);
    assert.match(problems(JSON.stringify({ t: { required: many } }))[0] ?? '', /expected a list of at most 64 labels/);
  });
});

const someLabels = fc.subarray(['a', 'b', 'c', 'd']);
const someRules = fc.dictionary(
  fc.constantFrom('t', 'u', '_default', '__proto__'),
  fc.record({ required: someLabels, preferred: someLabels }),
  { maxKeys: 4 },
);

test('law: a standing says of each rule what allowed and preferred say, whatever the order of the labels', () => {
  fc.assert(
    fc.property(someRules, someLabels, (rules, some) => {
      const constraints = parsed(rules);
      const standing = constraints.standing(new Set(some));
      assert.equal(constraints.standing(new Set([...some].reverse())), standing);
      for (const type of constraints.rules.keys()) {
        assert.equal(standing.prohibited.includes(type), !constraints.allowed(type, new Set(some)), type);
        assert.equal(standing.preferredBy.has(type), constraints.preferred(type, new Set(some)), type);
      }
    }),
  );
});

test('law: any text is either understood or refused with a reason; it never throws', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const result = parseConstraints(text);
      assert.ok(result.ok ? result.constraints instanceof TypeConstraints : result.problems.length > 0);
    }),
  );
});

test('law: more labels never allow less, and never prefer less', () => {
  fc.assert(
    fc.property(someRules, someLabels, someLabels, fc.constantFrom('t', 'u', 'other'), (rules, few, more, type) => {
      const constraints = parsed(rules);
      const [small, large] = [new Set(few), new Set([...few, ...more])];
      assert.ok(!constraints.allowed(type, small) || constraints.allowed(type, large));
      assert.ok(!constraints.preferred(type, small) || constraints.preferred(type, large));
    }),
  );
});

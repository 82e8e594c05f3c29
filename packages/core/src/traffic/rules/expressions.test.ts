import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newEndpointPolicy, newVariant, type PayloadField } from '../../records/index.ts';
import { epochMs, modelKey } from '../../units.ts';
import type { PayloadValue, RequestFacts } from '../request-facts.ts';
import { factsOf } from '../testing/index.ts';
import {
  type CelEngine,
  compileCondition,
  compilePolicyExpressions,
  compileText,
  EXPRESSION_LIMITS,
  isProblem,
  JSON_PATH_STEPS_MAX,
  PROTO_PATH_NUMBERS_MAX,
} from './index.ts';

const field = (name: string, type: PayloadField['type']): PayloadField => ({
  name,
  type,
  json: name,
  parameter: null,
  proto: null,
});
const PAYLOAD = [field('country', 'string'), field('amount', 'int'), field('score', 'double'), field('vip', 'bool')];
const VALUES: Readonly<Record<string, PayloadValue>> = { country: 'de', amount: 7n, score: 1.5, vip: true };

/** Says which part came to it instead of running it. */
const foreign: CelEngine = {
  condition: ({ source }) => ({ message: `engine: ${source}`, at: 0 }),
  text: ({ source }) => ({ message: `engine: ${source}`, at: 0 }),
};
const context = { engine: foreign, payload: PAYLOAD };

/** Sunday, 29 November 2026, 18:05:07.250. */
const NOW = epochMs(Date.UTC(2026, 10, 29, 18, 5, 7, 250));

const FACTS: RequestFacts = {
  ...factsOf({ headers: { 'x-tier': 'gold', 'x-region': 'eu-west', a: 'same', b: 'same' } }),
  query: (name) => (name === 'debug' ? '1' : undefined),
  path: '/v2/models/fraud/infer',
  tenant: 'acme',
  nowMs: NOW,
  payload: (name) => VALUES[name],
};

function outcomeOf(source: string): unknown {
  const condition = compileCondition(source, context);
  if (isProblem(condition)) return `${condition.at}: ${condition.message}`;
  assert.equal(condition.holds(FACTS), condition.test(FACTS) === true, source);
  return condition.test(FACTS);
}

describe('conditions of our own', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['true', true],
    ['tenant == "acme"', true],
    ['"acme" != tenant', false],
    ['header["x-tier"] == "gold" && tenant == "acme"', true],
    ['header.a == header["b"]', true],
    ['header["x-region"].startsWith("eu-")', true],
    ['path.endsWith("/infer") && path.contains("/fraud/")', true],
    ['header["x-tier"] in ["silver", "gold"]', true],
    ['payload.amount in [1, 7]', true],
    ['payload.amount == 7 && payload.amount < 8 && payload.amount >= 6.5', true],
    ['payload.amount <= 9223372036854775807', true],
    ['payload.amount > -9223372036854775808', true],
    ['payload.score < payload.amount', true],
    ['payload.vip', true],
    ['payload.vip == false', false],
    ['payload.vip ? tenant == "acme" : tenant == "other"', true],
    ['query.debug == "1"', true],
    ['"x-tier" in header && !("x-none" in header)', true],
    ['has(header.a) && !has(query.none) && has(payload.vip)', true],
    ['time >= timestamp("2026-11-29T18:05:07.25Z")', true],
    ['time < timestamp("2026-11-29T19:05:07.250+01:00")', false],
    ['time.getFullYear() == 2026 && time.getMonth() == 10 && time.getDate() == 29', true],
    ['time.getDayOfWeek() == 0 && time.getDayOfMonth() == 28 && time.getDayOfYear() == 332', true],
    ['time.getHours() in [17, 18] && time.getMinutes() == 5', true],
    ['time.getSeconds() == 7 && time.getMilliseconds() == 250', true],
    ['"b" > "a" && !("b" < "a")', true],
    ["r'\\d' == '\\\\d' && '''a'b''' == \"a'b\" && '\\u00e4\\x41\\101' == 'äAA'", true],
    ['header.none == "a"', 'no-such-key'],
    ['!(header.none == "a")', 'no-such-key'],
    ['header.none == "a" || true', true],
    ['true || header.none == "a"', true],
    ['header.none == "a" && false', false],
    ['false && header.none == "a"', false],
    ['header.none == "a" && true', 'no-such-key'],
    ['header.none == "a" || false', 'no-such-key'],
    ['header.none == "a" ? true : true', 'no-such-key'],
    ['header.none in ["a"]', 'no-such-key'],
  ];
  for (const [source, expected] of cases) {
    it(`${source} is ${expected}`, () => assert.equal(outcomeOf(source), expected));
  }

  it('a payload value of another type than the declared one is not there', () => {
    const condition = compileCondition('payload.amount == 7', context);
    assert.ok(!isProblem(condition));
    assert.equal(condition.test({ ...FACTS, payload: () => '7' }), 'no-such-key');
  });

  it('what they cannot express is cut out and given to the engine, at its place', () => {
    assert.equal(outcomeOf('tenant == "acme" && (size(path) > 3 || true)'), '21: engine: size(path) > 3');
  });
});

describe('expressions that are refused', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /^0: expected a value, found the end/],
    ['tenant', /^0: a bool is needed here, the expression gives string/],
    ['tenant == 1', /^7: there is no == for string and int/],
    ['1 == 1.0', /^2: there is no == for int and double; write 1\.0 for a double/],
    ['tennant == "a"', /^0: unknown variable tennant; there are header, query/],
    ['tenant == "acme', /^10: the text is never closed/],
    ['tenant == "a\\q"', /^12: unknown escape \\q/],
    ['header["X-Tier"] == "a"', /^7: names of headers are in lower case here: x-tier/],
    ['"X-Tier" in header', /^0: names of headers/],
    ['payload.other == 1', /^8: the payload field other is not declared/],
    ['tenant == "a" &&', /^16: expected a value, found the end/],
    ['tenant == "a")', /^13: expected an operator or the end, found \)/],
    ['tenant == tenant == true', /^17: comparisons in a row need parentheses/],
    ['tenant.startsWith(1)', /^7: string\.startsWith\(string\) cannot take \(int\)/],
    ['tenant.reverse() == "a"', /^7: there is no function string\.reverse/],
    ['tenant.matches(path)', /^7: string\.matches\(literal\) cannot take/],
    ['time > timestamp("2026-02-30T00:00:00Z")', /^17: a timestamp is written like/],
    ['payload.amount / 0 == 1', /^17: integers are divided by a literal/],
    ['-payload.amount == 1', /^1: there is no - for int; write 0 - /],
    ['["a", 1] == ["b"]', /^6: expected string, found int/],
    ['{"a": 1} == 1', /^0: maps cannot be written/],
    ['null == null', /^0: null is not supported/],
    ['b"a" == b"a"', /^0: byte strings/],
    ['1u == 1u', /^0: unsigned integers/],
    ['18446744073709551616 == 1', /^0: the number does not fit in 64 bits/],
    ['header.exists(tenant, true)', /^14: tenant has a meaning already/],
    ['tenant # "a"', /^7: unexpected "#"/],
    [`tenant == "${'x'.repeat(100 * 1024)}"`, /^4096: the expression has 102412 characters, at most 4096/],
    [`${'('.repeat(100)}true${')'.repeat(100)}`, /^32: the expression is nested deeper than 32/],
    [`${'!'.repeat(100)}true`, /nested deeper than 32/],
    [`${'['.repeat(100)}1${']'.repeat(100)} == [1]`, /nested deeper than 32/],
    [`tenant${'.a'.repeat(100)}`, /nested deeper than 32/],
    ['header.exists(a, header.exists(b, a == b))', /^0: the expression may take \d+ steps, at most 50000/],
    ['header.all(a, header[a].matches("(x{100}y{100}){10}"))', /^0: the expression may take \d+ steps/],
    [`["aaaa"]${'.map(x, x + x)'.repeat(25)}[0] == "a"`, /^0: the expression may take \d+ steps/],
  ];
  for (const [source, expected] of cases) {
    it(source.length > 80 ? `${source.slice(0, 60)}… of ${source.length} characters` : source, () =>
      assert.match(String(outcomeOf(source)), expected),
    );
  }

  it('the limits can be set', () => {
    const limits = { ...EXPRESSION_LIMITS, charsMax: 4 };
    assert.ok(isProblem(compileCondition('true || true', { ...context, limits })));
    assert.ok(!isProblem(compileCondition('true', { ...context, limits })));
  });
});

describe('expressions that give a text', () => {
  const read = (source: string): unknown => {
    const text = compileText(source, context);
    return isProblem(text) ? `${text.at}: ${text.message}` : text.read(FACTS);
  };

  it('a header, a query parameter, a payload field or who calls', () => {
    assert.equal(read('header["x-tier"]'), 'gold');
    assert.equal(read('query.debug'), '1');
    assert.equal(read('payload.country'), 'de');
    assert.equal(read('tenant'), 'acme');
  });

  it('is no text where the part is not there', () => assert.equal(read('header.none'), undefined));

  it('anything but a text is refused', () => {
    assert.equal(read('payload.amount'), '0: a string is needed here, the expression gives int');
  });

  it('the rest is for the engine', () => assert.equal(read('header.a + tenant'), '0: engine: header.a + tenant'));
});

describe('expressions of a policy', () => {
  const variants = [newVariant({ name: 'v', model: modelKey('m') })];
  const rule = (when: string, at = 0) => ({ name: `r${at}`, when, to: { kind: 'variant', variant: 'v' } as const });
  const compare = { tolerance: 0, topK: 0, output: null, segment: 'payload.country', comparer: 'tensors' };
  const policy = newEndpointPolicy({
    variants,
    defaultVariant: 'v',
    payload: PAYLOAD,
    rules: [rule('tenant == "other"'), rule('payload.vip'), rule('header.none == "a"')],
    sticky: { salt: 's', unit: { kind: 'expression', by: 'header["x-tier"]' } },
    mirrors: [
      { to: 'v', percent: 1, compare },
      { to: 'v', percent: 1, compare: { ...compare, segment: null } },
    ],
  });

  it('are compiled together, and say what of the payload they read', () => {
    const result = compilePolicyExpressions(policy, { engine: foreign });
    assert.ok(result.kind === 'compiled');
    const { rules, stickyBy, segments, payloadNames } = result.expressions;
    assert.equal(rules.first(FACTS), 1);
    assert.deepEqual(rules.explain(FACTS), ['not-matched', 'matched', 'no-such-key']);
    assert.equal(stickyBy?.read(FACTS), 'gold');
    assert.deepEqual(
      segments.map((segment) => segment?.read(FACTS)),
      ['de', undefined],
    );
    assert.deepEqual(payloadNames, ['vip', 'country']);
  });

  it('tell all that is wrong with them at once, and where', () => {
    const broken = {
      ...policy,
      rules: [rule('true'), rule('tenant == 1'), rule('tenant ==')],
      sticky: { salt: 's', unit: { kind: 'expression', by: 'time' } as const },
      mirrors: [{ to: 'v', percent: 1, compare: { ...compare, segment: 'payload.none' } }],
    };
    const result = compilePolicyExpressions(broken, { engine: foreign });
    assert.ok(result.kind === 'refused');
    assert.deepEqual(
      result.problems.map(({ where, at }) => `${where} ${at}`),
      ['spec.rules[1].when 7', 'spec.rules[2].when 9', 'spec.sticky.by 0', 'spec.mirror[0].compare.segment 8'],
    );
  });

  it('are refused with payload fields whose names are no expressions', () => {
    const refused = (change: Partial<typeof policy>): string => {
      const result = compilePolicyExpressions({ ...policy, ...change }, { engine: foreign });
      return result.kind === 'refused' ? result.problems.map(({ where, message }) => `${where}: ${message}`).join('; ') : 'none';
    };
    assert.match(
      refused({ payload: [...PAYLOAD, field('constructor', 'int')] }),
      /^spec\.payload\[4\]\.name: "constructor" is no name/,
    );
    assert.match(refused({ payload: [...PAYLOAD, field('a-b', 'int')] }), /"a-b" is no name/);
  });

  it('are refused with payload fields that stand nowhere', () => {
    const refused = (change: Partial<PayloadField>): string => {
      const payload = [{ ...field('one', 'int'), json: null, ...change }];
      const result = compilePolicyExpressions({ ...policy, rules: [], mirrors: [], payload }, { engine: foreign });
      return result.kind === 'refused' ? result.problems.map(({ where, message }) => `${where}: ${message}`).join('; ') : 'none';
    };
    assert.match(refused({}), /^spec\.payload\[0\]: it says nowhere where/);
    for (const json of ['', 'a..b', '[0].a', 'a[', 'a[-1]', 'a["\\x"]', 'a b', `a${'.a'.repeat(JSON_PATH_STEPS_MAX)}`]) {
      assert.match(refused({ json }), /^spec\.payload\[0\]\.json: /, json);
    }
    for (const json of [
      'a',
      'parameters.country',
      'instances[0].x-y',
      'a["b.c"][12].d',
      `a${'.a'.repeat(JSON_PATH_STEPS_MAX - 1)}`,
    ]) {
      assert.equal(refused({ json }), 'none', json);
    }
    for (const proto of [[], [0], [1.5], [2 ** 29], Array.from({ length: PROTO_PATH_NUMBERS_MAX + 1 }, () => 1)]) {
      assert.match(refused({ proto }), /^spec\.payload\[0\]\.proto: a path has 1 to 16 field numbers/);
    }
    assert.equal(refused({ proto: [1, 2 ** 29 - 1] }), 'none');
    assert.equal(refused({ parameter: 'any name' }), 'none');
  });
});

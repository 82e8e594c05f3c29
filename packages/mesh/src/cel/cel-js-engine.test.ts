import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  compileCondition,
  compileText,
  EXPRESSION_NAME_CHARS_MAX,
  EXPRESSION_NAMES_MAX,
  EXPRESSION_TEXT_CHARS_MAX,
  isProblem,
  type RequestFacts,
} from '@modelmesh/core/traffic';
import { factsOfCall, GENERATED_PAYLOAD, wholePart } from '@modelmesh/core/traffic/rules/testing';
import { createCelEngine } from './index.ts';

const engine = createCelEngine();
const context = { engine, payload: GENERATED_PAYLOAD };

const factsOf = (headers: Readonly<Record<string, string>>): RequestFacts =>
  factsOfCall({
    headers,
    query: {},
    payload: { country: 'de', amount: 7n },
    tenant: 'acme',
    nowMs: Date.UTC(2026, 10, 29, 18, 5),
  });
const FACTS = factsOf({ 'x-region': 'eu-west', 'x-user': '42' });

/** What the engine alone says, with no part taken out. */
function outcomeOf(source: string, facts: RequestFacts = FACTS): unknown {
  const condition = engine.condition(wholePart(source, GENERATED_PAYLOAD));
  return isProblem(condition) ? `${condition.at}: ${condition.message}` : condition.test(facts);
}

describe('the engine', () => {
  it('evaluates what closures of our own cannot', () => {
    assert.equal(outcomeOf('header["x-region"].matches("^eu-(west|north)$")'), true);
    assert.equal(outcomeOf('int(header["x-user"]) % 10 == 2'), true);
    assert.equal(outcomeOf('header.exists(k, k.startsWith("x-u"))'), true);
    assert.equal(outcomeOf('size(header) == 2 && size(payload.country) == 2'), true);
    assert.equal(outcomeOf('time.getDayOfYear() == 332 && double(payload.amount) < 7.5'), true);
  });

  it('says why there is no value', () => {
    assert.equal(outcomeOf('header.none.size() == 1'), 'no-such-key');
    assert.equal(outcomeOf('payload.city.size() == 1'), 'no-such-key');
    assert.equal(outcomeOf('[1, 2][payload.amount] == 1'), 'no-such-key');
    assert.equal(outcomeOf('int(header["x-region"]) == 1'), 'other');
    for (const text of ['', ' 1', '0x10', '1e3', '9223372036854775808', `${'0'.repeat(70)}1`]) {
      assert.equal(outcomeOf('int(header.n) == 1', factsOf({ n: text })), 'other', text);
    }
    for (const text of ['', ' 1', '0x10', 'Infinity', '1e999']) {
      assert.equal(outcomeOf('double(header.n) == 1.0', factsOf({ n: text })), 'other', text);
    }
    assert.equal(outcomeOf('payload.amount + 9223372036854775807 == 0'), 'other');
  });

  it('serves one call after another, whatever they hold', () => {
    const condition = engine.condition(wholePart('header["x-user"].size() == 2', GENERATED_PAYLOAD));
    assert.ok(!isProblem(condition));
    const said = ['42', '4', undefined, '42'].map((user) =>
      condition.test(factsOf(user === undefined ? {} : { 'x-user': user })),
    );
    assert.deepEqual(said, [true, false, 'no-such-key', true]);
  });

  it('takes names that objects have a meaning for as names', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'size', 'get']) {
      assert.equal(outcomeOf(`header["${name}"].size() > 0`), 'no-such-key', name);
      assert.equal(outcomeOf(`"${name}" in header`), false, name);
      const facts = { ...FACTS, header: (asked: string) => (asked === name ? 'there' : undefined) };
      assert.equal(outcomeOf(`header["${name}"].size() == 5`, facts), true, name);
    }
  });

  it('asks a call for the headers that are named, not for all', () => {
    const asked: string[] = [];
    const facts = {
      ...FACTS,
      header: (name: string) => {
        asked.push(name);
        return 'x';
      },
      headerNames: () => assert.fail('all headers were asked for'),
    };
    assert.equal(outcomeOf('header["a"].size() == 1 && header.b.size() == 1', facts), true);
    assert.deepEqual(asked, ['a', 'b']);
  });
});

describe('limits of an evaluation', () => {
  const headers = (count: number): Readonly<Record<string, string>> =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`h${at}`, 'v']));

  it('a call with more headers, or longer names of them, than an expression may go through has no value for it', () => {
    assert.equal(outcomeOf('header.all(k, k.size() > 1)', factsOf(headers(EXPRESSION_NAMES_MAX))), true);
    assert.equal(outcomeOf('header.all(k, k.size() > 1)', factsOf(headers(EXPRESSION_NAMES_MAX + 1))), 'cost-exceeded');
    assert.equal(outcomeOf('size(header) > 0', factsOf(headers(EXPRESSION_NAMES_MAX + 1))), 'cost-exceeded');
    const named = (chars: number) => factsOf({ ['h'.repeat(chars)]: 'v' });
    assert.equal(outcomeOf('header.all(k, k.size() > 1)', named(EXPRESSION_NAME_CHARS_MAX)), true);
    assert.equal(outcomeOf('header.all(k, k.size() > 1)', named(EXPRESSION_NAME_CHARS_MAX + 1)), 'cost-exceeded');
    assert.equal(outcomeOf('header.h3.size() == 1', factsOf(headers(EXPRESSION_NAMES_MAX + 1))), true);
  });

  it('nor has a call for one that looks at a longer text than it may', () => {
    const long = (chars: number) => factsOf({ a: 'x'.repeat(chars) });
    assert.equal(outcomeOf('header.a.matches("^x*$")', long(EXPRESSION_TEXT_CHARS_MAX)), true);
    assert.equal(outcomeOf('header.a.matches("^x*$")', long(EXPRESSION_TEXT_CHARS_MAX + 1)), 'cost-exceeded');
    const unit = compileText('header.a + tenant', context);
    assert.ok(!isProblem(unit));
    assert.equal(unit.read(long(2)), 'xxacme');
    assert.equal(unit.read(long(EXPRESSION_TEXT_CHARS_MAX + 1)), undefined);
  });

  it('each time is counted', () => {
    let reached = 0;
    const counting = createCelEngine({ costExceeded: () => reached++ });
    const condition = counting.condition(wholePart('size(header) > 0', GENERATED_PAYLOAD));
    assert.ok(!isProblem(condition));
    condition.test(FACTS);
    assert.equal(reached, 0);
    condition.test(factsOf(headers(EXPRESSION_NAMES_MAX + 1)));
    assert.equal(reached, 1);
  });

  it('a pattern that makes JavaScript try every way takes time linear in the text', () => {
    // Backtracking would take 2^4000 steps: that this comes back at all is the proof.
    assert.equal(outcomeOf('header.a.matches("^(x+x+)+y$")', factsOf({ a: `${'x'.repeat(4000)}yz` })), false);
  });
});

describe('what the engine does not like', () => {
  const problemAt = (source: string): unknown => {
    const condition = compileCondition(source, context);
    return isProblem(condition) ? `${condition.at}: ${condition.message}` : 'none';
  };

  it('is told with its position in the whole expression', () => {
    assert.match(String(problemAt('tenant == "acme" && tenant.matches("(")')), /^35: error parsing regexp/);
    assert.match(String(problemAt('tenant.matches("a(?=b)")')), /^15: error parsing regexp/);
  });

  it('is nothing that the checks before it let through', () => {
    assert.equal(problemAt('size(tenant) * 2 > 3'), 'none');
  });
});

describe('texts', () => {
  const read = (source: string): string | undefined => {
    const text = compileText(source, context);
    return isProblem(text) ? assert.fail(text.message) : text.read(FACTS);
  };

  it('may be put together', () => {
    assert.equal(read('tenant + "/" + header["x-user"]'), 'acme/42');
    assert.equal(read('has(header.none) ? header.none : client'), 'eu-west');
    assert.equal(read('string(payload.amount)'), '7');
    assert.equal(read('header.none + "x"'), undefined);
  });
});

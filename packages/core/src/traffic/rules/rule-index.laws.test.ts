import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { RequestFacts } from '../request-facts.ts';
import { type CelEngine, type CompiledCondition, compileCondition, isProblem, RULE_INDEX_NODES_MAX, RuleIndex } from './index.ts';
import { calls, factsOfCall, GENERATED_PAYLOAD, NO_LIMITS, ownConditions } from './testing/index.ts';

const SEED = 20261130;
const nothing: CelEngine = {
  condition: () => ({ message: 'no engine', at: 0 }),
  text: () => ({ message: 'no engine', at: 0 }),
};

function compiled(source: string): CompiledCondition {
  const condition = compileCondition(source, { engine: nothing, payload: GENERATED_PAYLOAD, limits: NO_LIMITS });
  return isProblem(condition) ? assert.fail(`${source}: ${condition.message}`) : condition;
}

/** Rules as people write them: a few fields against a few values, and something more. */
const equality = fc
  .tuple(
    fc.constantFrom('header.a', 'header["x-tier"]', 'query.b', 'tenant', 'payload.city'),
    fc.constantFrom('gold', 'silver', '7', ''),
  )
  .map(([field, value]) => `${field} == "${value}"`);
const number = fc.constantFrom('payload.count == 7', 'payload.count in [0, 42]', '7 == payload.count', 'payload.score == 1.5');
const oneOf = fc
  .tuple(fc.constantFrom('header.a', 'tenant'), fc.subarray(['"gold"', '"silver"', '"7"'], { minLength: 1 }))
  .map(([field, values]) => `${field} in [${values.join(', ')}]`);
const either = fc.tuple(equality, equality).map(([left, right]) => `(${left} || ${right})`);
const rule = fc.oneof(
  fc.array(fc.oneof(equality, number, oneOf, either), { minLength: 1, maxLength: 3 }).map((parts) => parts.join(' && ')),
  fc.tuple(fc.oneof(equality, oneOf), ownConditions).map(([left, right]) => `${left} && ${right}`),
  ownConditions,
);

/** One after the other. */
const tried = (conditions: readonly CompiledCondition[], facts: RequestFacts): number =>
  conditions.findIndex((condition) => condition.test(facts) === true);

describe('laws of the index of rules', () => {
  it('the rule it finds is the one that trying all in order finds', () => {
    let found = 0;
    fc.assert(
      fc.property(
        fc.array(rule, { minLength: 1, maxLength: 20 }),
        fc.array(calls, { minLength: 4, maxLength: 4 }),
        (sources, several) => {
          const conditions = sources.map(compiled);
          const index = new RuleIndex(conditions);
          for (const facts of several.map(factsOfCall)) {
            const place = index.first(facts);
            if (place > 0) found++;
            assert.equal(place, tried(conditions, facts), sources.join('\n'));
          }
        },
      ),
      { seed: SEED, numRuns: 800 },
    );
    assert.ok(found > 200, `only ${found} calls had a rule behind the first`);
  });

  it('so it is where the tree would be too large, and rules are tried instead', () => {
    const count = RULE_INDEX_NODES_MAX / 16;
    const sources = Array.from({ length: count }, (_, at) => {
      const values = Array.from({ length: 40 }, (_, one) => `"${at}-${one}"`);
      return `tenant in ["all", ${values.join(', ')}] && header.a == "${at}"`;
    });
    const conditions = sources.map(compiled);
    const index = new RuleIndex(conditions);
    for (const at of [0, 1, 100, count - 1]) {
      for (const tenant of ['all', `${at}-39`, 'none']) {
        const facts = factsOfCall({ headers: { a: String(at) }, query: {}, payload: {}, tenant, nowMs: 0 });
        assert.equal(index.first(facts), tenant === 'none' ? -1 : at);
      }
    }
  });
});

describe('the index of rules', () => {
  const calm = { headers: {}, query: {}, payload: {}, tenant: 'acme', nowMs: 0 };

  it('asks for a field once, and tries only rules that its value leaves', () => {
    let reads = 0;
    let tests = 0;
    const counted = (condition: CompiledCondition): CompiledCondition => ({
      ...condition,
      holds: (facts) => {
        tests++;
        return condition.holds(facts);
      },
    });
    const conditions = Array.from({ length: 50 }, (_, at) =>
      counted(compiled(`header["x-user"] == "u${at}" && tenant == "acme"`)),
    );
    const index = new RuleIndex(conditions);
    const facts = {
      ...factsOfCall(calm),
      header: () => {
        reads++;
        return 'u49';
      },
    };
    assert.equal(index.first(facts), 49);
    assert.deepEqual({ reads, tests }, { reads: 2, tests: 1 });
  });

  it('of no rule finds none', () => assert.equal(new RuleIndex([]).first(factsOfCall(calm)), -1));
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CelResult, CelScalar, celEnv, isCelError, mapType, parse, plan } from '@bufbuild/cel';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { compileCondition, compileText, isProblem, type Outcome } from '@modelmesh/core/traffic';
import {
  anyConditions,
  anyTexts,
  calls,
  factsOfCall,
  GENERATED_PAYLOAD,
  type GeneratedCall,
  NO_LIMITS,
  ownConditions,
  wholePart,
} from '@modelmesh/core/traffic/rules/testing';
import fc from 'fast-check';
import { createCelEngine } from './index.ts';

const SEED = 20261129;
const engine = createCelEngine();
const context = { engine, payload: GENERATED_PAYLOAD, limits: NO_LIMITS };

const texts = mapType(CelScalar.STRING, CelScalar.STRING);
const environment = celEnv({ variables: { header: texts, query: texts, payload: mapType(CelScalar.STRING, CelScalar.DYN) } });

/** What an implementation that shares nothing with ours says. */
function judged(source: string, call: GeneratedCall): boolean | 'error' {
  const result = judgedValue(source, call);
  return typeof result === 'boolean' ? result : isCelError(result) ? 'error' : assert.fail(`${source} gives ${result}`);
}

function judgedValue(source: string, { headers, query, payload, tenant, nowMs }: GeneratedCall): CelResult {
  const bindings = {
    header: new Map(Object.entries(headers)),
    query: new Map(Object.entries(query)),
    payload: new Map(Object.entries(payload)),
    path: '/v2/models/fraud/infer',
    method: 'POST',
    tenant,
    client: 'eu-west',
    time: timestampFromMs(nowMs),
  };
  return plan(environment, parse(source))(bindings);
}

const known = (outcome: Outcome): boolean | 'error' => (typeof outcome === 'boolean' ? outcome : 'error');

function agree(source: string, call: GeneratedCall): void {
  const facts = factsOfCall(call);
  const compiled = compileCondition(source, context);
  assert.ok(!isProblem(compiled), `${source}: ${JSON.stringify(compiled)}`);
  const alone = engine.condition(wholePart(source, GENERATED_PAYLOAD));
  assert.ok(!isProblem(alone), `${source}: ${JSON.stringify(alone)}`);
  const outcome = compiled.test(facts);
  const said = { ours: known(outcome), engine: known(alone.test(facts)), judge: judged(source, call) };
  assert.deepEqual(said, { ours: said.judge, engine: said.judge, judge: said.judge }, source);
  assert.equal(compiled.holds(facts), outcome === true, source);
}

describe('laws of expressions', () => {
  it('closures of our own, the engine and an independent implementation agree, errors included', () => {
    fc.assert(fc.property(ownConditions, calls, agree), { seed: SEED, numRuns: 1500 });
  });

  it('so they do on expressions of which we run a part', () => {
    fc.assert(fc.property(anyConditions, calls, agree), { seed: SEED, numRuns: 1000 });
  });

  it('so they do on texts', () => {
    fc.assert(
      fc.property(anyTexts, calls, (source, call) => {
        const compiled = compileText(source, context);
        assert.ok(!isProblem(compiled), `${source}: ${JSON.stringify(compiled)}`);
        const judge = judgedValue(source, call);
        assert.equal(compiled.read(factsOfCall(call)), typeof judge === 'string' ? judge : undefined, source);
      }),
      { seed: SEED, numRuns: 800 },
    );
  });

  it('so they do on what a literal text means, wherever we take it for one', () => {
    const mark = fc.constantFrom(
      '"',
      "'",
      '\\',
      'n',
      'x',
      'u',
      'U',
      '4',
      '1',
      '0',
      '7',
      'a',
      'é',
      '🜚',
      '\n',
      '?',
      '`',
      '\\x41',
      '\\u00e9',
      '\\101',
    );
    const literal = fc
      .tuple(fc.constantFrom('', '', 'r', 'R'), fc.constantFrom('"', "'", '"""', "'''"), fc.array(mark, { maxLength: 6 }))
      .map(([prefix, quotes, marks]) => `${prefix}${quotes}${marks.join('')}${quotes}`);
    let accepted = 0;
    fc.assert(
      fc.property(literal, fc.constant({ headers: {}, query: {}, payload: {}, tenant: '', nowMs: 0 }), (source, call) => {
        const compiled = compileText(source, context);
        if (isProblem(compiled)) return;
        accepted++;
        const meaning = compiled.read(factsOfCall(call));
        assert.equal(judgedValue(source, call), meaning, source);
        const alone = engine.text(wholePart(source, GENERATED_PAYLOAD));
        assert.equal(isProblem(alone) ? alone.message : alone.read(factsOfCall(call)), meaning, source);
      }),
      { seed: SEED, numRuns: 3000 },
    );
    assert.ok(accepted > 500, `only ${accepted} literals were taken`);
  });

  it('an evaluation looks at the call no more often than its bound says', () => {
    fc.assert(
      fc.property(anyConditions, calls, (source, call) => {
        const compiled = compileCondition(source, context);
        assert.ok(!isProblem(compiled));
        let looks = 0;
        const facts = factsOfCall(call);
        const counted = <Value>(value: Value): Value => {
          looks++;
          return value;
        };
        compiled.test({
          ...facts,
          header: (name) => counted(facts.header(name)),
          query: (name) => counted(facts.query(name)),
          payload: (name) => counted(facts.payload(name)),
          headerNames: () => counted(facts.headerNames()),
          queryNames: () => counted(facts.queryNames()),
        });
        assert.ok(looks <= compiled.cost, `${looks} looks, ${compiled.cost} steps: ${source}`);
      }),
      { seed: SEED, numRuns: 600 },
    );
  });

  it('what generated expressions of our own need no engine for has no part for one', () => {
    fc.assert(
      fc.property(ownConditions, (source) => {
        const compiled = compileCondition(source, context);
        assert.ok(!isProblem(compiled) && compiled.indexable, source);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CelScalar, celEnv, isCelError, mapType, parse, plan } from '@bufbuild/cel';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { compileCondition, isProblem, type Outcome } from '@modelmesh/core/traffic';
import {
  anyConditions,
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
function judged(source: string, { headers, query, payload, tenant, nowMs }: GeneratedCall): boolean | 'error' {
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
  const result = plan(environment, parse(source))(bindings);
  return typeof result === 'boolean' ? result : isCelError(result) ? 'error' : assert.fail(`${source} gives ${result}`);
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

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PAYLOAD_FIELDS_MAX, parseManifest, RULES_MAX } from '@modelmesh/core/manifest';
import {
  compileCondition,
  compilePolicyExpressions,
  EXPRESSION_CHARS_MAX,
  EXPRESSION_COST_MAX,
  EXPRESSION_DEPTH_MAX,
  EXPRESSION_NAME_CHARS_MAX,
  EXPRESSION_NAMES_MAX,
  EXPRESSION_TEXT_CHARS_MAX,
  isProblem,
} from '@modelmesh/core/traffic';
import { createCelEngine } from '@modelmesh/mesh/cel';
import { PAYLOAD_SEARCH_BYTES_MAX } from '@modelmesh/wire/payload-fields';
import { parse } from 'yaml';
import { ROOT } from '../run-steps.ts';

const guide = readFileSync(`${ROOT}/docs/guides/rules.md`, 'utf8');
const engine = createCelEngine();

test('the endpoint of the guide of rules is read, and its expressions compile', () => {
  const source = /```yaml\n([\s\S]*?)```/.exec(guide)?.[1] ?? assert.fail('the guide has no manifest');
  const result = parseManifest(parse(source));
  assert.ok(result.ok && result.resource.kind === 'Endpoint', JSON.stringify(result));
  const { policy } = result.resource;
  assert.ok(policy.rules.length > 0 && policy.payload.length > 0);
  assert.equal(compilePolicyExpressions(policy, { engine }).kind, 'compiled');
});

test('every expression in the sentences of the guide is what they say: accepted, or refused', () => {
  const payload = [{ name: 'country', type: 'string', json: 'parameters.country', parameter: null, proto: null }] as const;
  const taken = (source: string): boolean => !isProblem(compileCondition(source, { engine, payload }));
  const said = (source: string): void => assert.ok(guide.includes(source), `the guide does not say ${source}`);
  for (const source of [
    'has(payload.country)',
    '"x-tier" in header',
    'header.beta == "1" || tenant == "acme"',
    'tenant in ["acme", "beta"]',
    'header.exists(k, k.startsWith("x-debug-"))',
    '1.0 == double(1)',
  ]) {
    said(source);
    assert.ok(taken(source), source);
  }
  said('1 == 1.0');
  assert.ok(!taken('1 == 1.0'));
  said('header["X-Tier"]');
  assert.ok(!taken('header["X-Tier"] == "a"'));
});

test('the limits in the guide of rules are those in force', () => {
  const rows = [...guide.matchAll(/^\| (.+?) +\| ([\d ]+?) +\| .*\|$/gm)].map(([, limit, value]) => [
    limit,
    Number(value?.replace(/ /g, '')),
  ]);
  assert.deepEqual(rows, [
    ['characters of an expression', EXPRESSION_CHARS_MAX],
    ['nesting', EXPRESSION_DEPTH_MAX],
    ['steps at worst', EXPRESSION_COST_MAX],
    ['rules of a policy', RULES_MAX],
    ['payload fields of a policy', PAYLOAD_FIELDS_MAX],
    ['headers or parameters that one walk goes through', EXPRESSION_NAMES_MAX],
    ['characters of a name in such a walk', EXPRESSION_NAME_CHARS_MAX],
    ['characters of a text that the CEL library looks at', EXPRESSION_TEXT_CHARS_MAX],
    ['bytes of a request in which payload fields are looked for', PAYLOAD_SEARCH_BYTES_MAX],
  ]);
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type EndpointPolicy, newEndpointPolicy, newVariant } from '../../records/index.ts';
import { durationMs, modelKey } from '../../units.ts';
import { parseManifest, problemText } from '../index.ts';
import {
  MIRRORS_MAX,
  PAYLOAD_FIELDS_MAX,
  RULES_MAX,
  SALT_CHARS_MAX,
  VARIANT_LABELS_MAX,
  VARIANTS_MAX,
  VERSIONS_KEPT_MAX,
} from './index.ts';

type Fields = Record<string, unknown>;
const stable = { name: 'stable', model: 'fraud@3', weight: 90 };
const canary = { name: 'canary', model: 'fraud@4', weight: 10, label: 'candidate' };
const shadow = { name: 'shadow', model: 'fraud@5', weight: 0 };
const parse = (spec: Fields) =>
  parseManifest({
    apiVersion: 'modelmesh.io/v1alpha1',
    kind: 'Endpoint',
    metadata: { name: 'fraud' },
    spec: { variants: [stable, canary, shadow], ...spec },
  });
const policyOf = (spec: Fields): EndpointPolicy => {
  const result = parse(spec);
  assert.ok(result.ok, result.ok ? '' : result.problems.map(problemText).join('\n'));
  assert.ok(result.resource.kind === 'Endpoint');
  return result.resource.policy;
};
const problems = (spec: Fields): string[] => {
  const result = parse(spec);
  assert.ok(!result.ok, 'no problem found');
  return result.problems.map(problemText);
};
const paths = (spec: Fields): string[] => problems(spec).map((text) => text.slice(0, text.indexOf(': ')));

describe('the policy of an Endpoint', () => {
  it('is read whole', () => {
    const policy = policyOf({
      default: 'canary',
      rules: [
        { name: 'acme', when: 'tenant == "acme"', to: 'canary' },
        { name: 'eu', when: 'header["x-region"].startsWith("eu-")', split: { canary: 1, stable: 2.5 } },
      ],
      payload: [{ name: 'country', type: 'string', json: 'parameters.country', parameter: 'country', proto: [5, 2] }],
      sticky: { by: 'header["x-user-id"]', salt: 'fraud-1' },
      strategy: { name: 'thompson', config: { latencyTargetMs: 20, nested: [{ a: null }] } },
      mirror: [{ to: 'shadow', percent: 0.5, compare: { tolerance: 1e-3, topK: 5, output: 'scores', segment: 'tenant' } }],
      fallback: { on: ['timeout', 'error'], to: 'stable', timeout: '200ms' },
      versions: { keep: 'latest', count: 3 },
      allowVariantHeader: true,
    });
    assert.deepEqual(
      policy,
      newEndpointPolicy({
        variants: [
          newVariant({ name: 'stable', model: modelKey('fraud@3'), weight: 90 }),
          newVariant({ name: 'canary', model: modelKey('fraud@4'), weight: 10, labels: ['candidate'] }),
          newVariant({ name: 'shadow', model: modelKey('fraud@5'), weight: 0 }),
        ],
        defaultVariant: 'canary',
        rules: [
          { name: 'acme', when: 'tenant == "acme"', to: { kind: 'variant', variant: 'canary' } },
          {
            name: 'eu',
            when: 'header["x-region"].startsWith("eu-")',
            to: {
              kind: 'split',
              shares: [
                { variant: 'stable', weight: 2.5 },
                { variant: 'canary', weight: 1 },
              ],
            },
          },
        ],
        payload: [{ name: 'country', type: 'string', json: 'parameters.country', parameter: 'country', proto: [5, 2] }],
        sticky: { unit: { kind: 'expression', by: 'header["x-user-id"]' }, salt: 'fraud-1' },
        strategy: { name: 'thompson', config: { latencyTargetMs: 20, nested: [{ a: null }] } },
        mirrors: [
          {
            to: 'shadow',
            percent: 0.5,
            compare: { tolerance: 1e-3, topK: 5, output: 'scores', segment: 'tenant', comparer: 'tensors' },
          },
        ],
        fallback: { on: ['error', 'timeout'], to: 'stable', timeoutMs: durationMs(200) },
        versions: { kind: 'latest', count: 3 },
        callerChooses: true,
      }),
    );
  });

  it('has a default for all that is left out: the first variant, full weight, the endpoint’s name as salt', () => {
    const policy = policyOf({
      variants: [
        { name: 'a', model: 'm', labels: ['x', 'y'], concurrency: 4 },
        { name: 'b', model: 'n' },
      ],
      sticky: { token: {} },
      mirror: [{ to: 'b' }],
      fallback: { to: 'b' },
    });
    assert.deepEqual([policy.defaultVariant, policy.variants.map(({ weight }) => weight)], ['a', [100, 100]]);
    assert.deepEqual([policy.variants[0]?.labels, policy.variants[0]?.concurrencyMax], [['x', 'y'], 4]);
    const lifetimeMs = durationMs(2_592_000_000);
    assert.deepEqual(policy.sticky, { unit: { kind: 'token', header: 'mm-sticky', cookie: null, lifetimeMs }, salt: 'fraud' });
    const compare = { tolerance: 1e-5, topK: 0, output: null, segment: null, comparer: 'tensors' };
    assert.deepEqual(policy.mirrors, [{ to: 'b', percent: 100, compare }]);
    assert.deepEqual(policy.fallback, { on: ['error', 'timeout'], to: 'b', timeoutMs: null });
    assert.deepEqual([policy.strategy, policy.versions], [{ name: 'weighted', config: {} }, { kind: 'all' }]);
  });
});

describe('the variants of an Endpoint', () => {
  it('have weights that are amounts, of which one at least is above zero', () => {
    for (const weight of [-1, Number.NaN, Number.POSITIVE_INFINITY, '10', true]) {
      assert.deepEqual(paths({ variants: [stable, { ...canary, weight }] }), ['spec.variants[1].weight']);
    }
    const none = [
      { ...stable, weight: 0 },
      { ...canary, weight: 0 },
    ];
    assert.deepEqual(problems({ variants: none }), [
      'spec.variants: got a list of 2, expected at least one weight above zero, and weights whose sum is a finite number',
    ]);
    const endless = [
      { ...stable, weight: Number.MAX_VALUE },
      { ...canary, weight: Number.MAX_VALUE },
    ];
    assert.deepEqual(paths({ variants: endless }), ['spec.variants']);
    assert.equal(policyOf({ variants: [{ ...stable, weight: 1e-300 }] }).variants[0]?.weight, 1e-300);
  });

  it('have names that no other has, by labels neither', () => {
    assert.deepEqual(problems({ variants: [stable, { ...canary, name: 'stable' }] }), [
      'spec.variants[1].name: got "stable", expected a name that no other variant has',
    ]);
    assert.deepEqual(problems({ variants: [{ ...stable, label: 'candidate' }, canary] }), [
      'spec.variants[1].label: got "candidate", expected a label of one variant: it is a label of stable',
    ]);
    assert.deepEqual(problems({ variants: [{ ...stable, labels: ['x', 'canary'] }, canary] }), [
      'spec.variants[0].labels: got "canary", expected a label of one variant: it is the name of canary',
    ]);
    assert.deepEqual(policyOf({ variants: [{ ...stable, label: 'stable', labels: ['stable'] }] }).variants[0]?.labels, [
      'stable',
    ]);
    assert.deepEqual(paths({ variants: [{ ...stable, labels: ['a b', 1] }] }), [
      'spec.variants[0].labels[0]',
      'spec.variants[0].labels[1]',
    ]);
  });

  it('are so many at most, with so many labels', () => {
    const many = (count: number) => Array.from({ length: count }, (_, at) => ({ name: `v${at}`, model: 'm' }));
    assert.equal(policyOf({ variants: many(VARIANTS_MAX) }).variants.length, VARIANTS_MAX);
    assert.deepEqual(paths({ variants: many(VARIANTS_MAX + 1) }), ['spec.variants']);
    const labels = Array.from({ length: VARIANT_LABELS_MAX }, (_, at) => `l${at}`);
    assert.deepEqual(paths({ variants: [{ ...stable, label: 'one-more', labels }] }), ['spec.variants[0].labels']);
    assert.deepEqual(paths({ variants: [{ ...stable, concurrency: 0 }] }), ['spec.variants[0].concurrency']);
  });
});

describe('references within a policy', () => {
  it('name a variant that is there, and what was probably meant is said', () => {
    const texts = problems({
      default: 'canry',
      rules: [
        { name: 'a', when: 'true', to: 'stabel' },
        { name: 'b', when: 'true', split: { canary: 1, other: 1 } },
      ],
      mirror: [{ to: 'shado' }],
      fallback: { to: 'x' },
    });
    assert.deepEqual(texts, [
      'spec.default: got "canry", expected the name of a variant, of stable, canary, shadow; did you mean canary?',
      'spec.rules[0].to: got "stabel", expected the name of a variant, of stable, canary, shadow; did you mean stable?',
      'spec.rules[1].split.other: got 1, expected the name of a variant, of stable, canary, shadow',
      'spec.mirror[0].to: got "shado", expected the name of a variant, of stable, canary, shadow; did you mean shadow?',
      'spec.fallback.to: got "x", expected the name of a variant, of stable, canary, shadow',
    ]);
  });

  it('are not reported where the variants are what is wrong', () => {
    assert.deepEqual(paths({ variants: [], default: 'a', fallback: { to: 'b' } }), ['spec.variants']);
    assert.deepEqual(paths({ variants: [stable, { ...canary, model: 7 }], default: 'canary' }), ['spec.variants[1].model']);
  });
});

describe('the rules of a policy', () => {
  const rule = { name: 'r', when: 'true', to: 'stable' };

  it('have a name of their own, an expression, and one of to and split', () => {
    assert.deepEqual(paths({ rules: [rule, rule] }), ['spec.rules[1].name']);
    assert.deepEqual(paths({ rules: [{ to: 'stable' }] }), ['spec.rules[0].name', 'spec.rules[0].when']);
    assert.deepEqual(paths({ rules: [{ ...rule, split: { stable: 1 } }] }), ['spec.rules[0].split']);
    assert.deepEqual(paths({ rules: [{ name: 'r', when: 'true' }] }), ['spec.rules[0].to']);
    assert.deepEqual(paths({ rules: [{ ...rule, when: '', unless: 1 }] }), ['spec.rules[0].when', 'spec.rules[0].unless']);
  });

  it('split by amounts of which one at least is above zero', () => {
    const split = (shares: unknown) => ({ rules: [{ name: 'r', when: 'true', split: shares }] });
    for (const shares of [{}, { stable: 0, canary: 0 }]) assert.deepEqual(paths(split(shares)), ['spec.rules[0].split']);
    assert.deepEqual(paths(split({ stable: -1, canary: 1 })), ['spec.rules[0].split.stable']);
    assert.deepEqual(paths(split([1])), ['spec.rules[0].split', 'spec.rules[0].split']);
  });

  it('are so many at most, and read so many payload fields', () => {
    const rules = Array.from({ length: RULES_MAX + 1 }, (_, at) => ({ ...rule, name: `r${at}` }));
    assert.equal(policyOf({ rules: rules.slice(1) }).rules.length, RULES_MAX);
    assert.deepEqual(paths({ rules }), ['spec.rules']);
    const payload = Array.from({ length: PAYLOAD_FIELDS_MAX + 1 }, (_, at) => ({ name: `f${at}`, type: 'int', json: 'a' }));
    assert.deepEqual(paths({ payload }), ['spec.payload']);
  });

  it('read payload fields that have a type and a place', () => {
    assert.deepEqual(paths({ payload: [{ name: 'a-b', type: 'text' }] }), [
      'spec.payload[0].name',
      'spec.payload[0].type',
      'spec.payload[0].json',
    ]);
    const field = { name: 'a', type: 'int', json: 'a' };
    assert.deepEqual(paths({ payload: [field, field] }), ['spec.payload[1].name']);
    const numbers = (proto: unknown) => paths({ payload: [{ name: 'a', type: 'int', proto }] });
    assert.deepEqual(
      numbers([0, 1.5, 2 ** 29]),
      [0, 1, 2].map((at) => `spec.payload[0].proto[${at}]`),
    );
    assert.deepEqual(numbers([]), ['spec.payload[0].proto']);
    assert.deepEqual(numbers(Array(9).fill(1)), ['spec.payload[0].proto']);
  });
});

describe('what keeps calls together', () => {
  it('is one of an expression and a token', () => {
    assert.deepEqual(paths({ sticky: {} }), ['spec.sticky.by']);
    assert.deepEqual(paths({ sticky: { by: 'tenant', token: {} } }), ['spec.sticky.token']);
    const token = { header: 'X-Group', cookie: 'group', lifetime: '12h' };
    const unit = { kind: 'token', header: 'x-group', cookie: 'group', lifetimeMs: 43_200_000 };
    assert.deepEqual(policyOf({ sticky: { token, salt: 's' } }).sticky, { unit, salt: 's' });
  });

  it('has a salt of bounded length, and tokens in a header and for a time that make sense', () => {
    for (const salt of ['', 'x'.repeat(SALT_CHARS_MAX + 1), '\ud800']) {
      assert.deepEqual(paths({ sticky: { by: 'tenant', salt } }), ['spec.sticky.salt']);
    }
    for (const header of ['a b', ':path', 'grpc-timeout', 'mesh-hop', 'x-bin', 'Cookie', '']) {
      assert.deepEqual(paths({ sticky: { token: { header } } }), ['spec.sticky.token.header']);
    }
    assert.deepEqual(paths({ sticky: { token: { cookie: 'a;b', lifetime: '0s' } } }), [
      'spec.sticky.token.cookie',
      'spec.sticky.token.lifetime',
    ]);
  });
});

describe('strategy, shadows, fallback and versions', () => {
  it('a strategy has a name and a config of plain JSON', () => {
    assert.deepEqual(paths({ strategy: { config: {} } }), ['spec.strategy.name']);
    const cyclic: Fields = {};
    Object.assign(cyclic, { self: cyclic });
    const bomb = Array.from({ length: 40 }, () => Array.from({ length: 40 }, () => 1));
    for (const config of [[], 'x', { at: new Date(0) }, { f: () => 1 }, { n: Number.NaN }, cyclic, { bomb }]) {
      assert.deepEqual(paths({ strategy: { name: 'own', config } }), ['spec.strategy.config']);
    }
    assert.deepEqual(paths({ strategy: { name: 'sticky' } }), ['spec.strategy.name']);
    assert.equal(policyOf({ strategy: { name: 'sticky' }, sticky: { by: 'tenant' } }).strategy.name, 'sticky');
  });

  it('a shadow has a share of nothing to all, and is not the only variant that answers', () => {
    for (const percent of [-1, 100.1, Number.NaN, '5']) {
      assert.deepEqual(paths({ mirror: [{ to: 'shadow', percent }] }), ['spec.mirror[0].percent']);
    }
    assert.deepEqual(paths({ mirror: [{ to: 'shadow' }, { to: 'shadow' }] }), ['spec.mirror[1].to']);
    assert.deepEqual(paths({ mirror: [{}] }), ['spec.mirror[0].to']);
    assert.deepEqual(paths({ variants: [stable, shadow], mirror: [{ to: 'stable' }] }), ['spec.mirror[0].to']);
    assert.deepEqual(paths({ mirror: [{ to: 'shadow', compare: { tolerance: -1, topK: 1.5, comparer: '', x: 1 } }] }), [
      'spec.mirror[0].compare.tolerance',
      'spec.mirror[0].compare.topK',
      'spec.mirror[0].compare.comparer',
      'spec.mirror[0].compare.x',
    ]);
    const mirror = Array.from({ length: MIRRORS_MAX + 1 }, () => ({ to: 'shadow' }));
    assert.deepEqual(paths({ mirror }), ['spec.mirror']);
  });

  it('a fallback names causes and another variant', () => {
    assert.deepEqual(paths({ fallback: {} }), ['spec.fallback.to']);
    assert.deepEqual(paths({ variants: [stable], fallback: { to: 'stable' } }), ['spec.fallback.to']);
    assert.deepEqual(policyOf({ fallback: { on: [], to: 'stable' } }).fallback?.on, []);
    assert.deepEqual(paths({ fallback: { on: 'error', to: 'stable' } }), ['spec.fallback.on']);
    assert.deepEqual(paths({ fallback: { on: ['error', 'fire'], to: 'stable' } }), ['spec.fallback.on[1]']);
    assert.deepEqual(paths({ fallback: { on: ['error'], to: 'stable', timeout: '1s' } }), ['spec.fallback.timeout']);
    assert.deepEqual(paths({ fallback: { to: 'stable', timeout: '0ms' } }), ['spec.fallback.timeout']);
  });

  it('versions are all, so many of the newest, or some by name', () => {
    assert.deepEqual(policyOf({ versions: { keep: 'all' } }).versions, { kind: 'all' });
    assert.deepEqual(policyOf({ versions: { keep: 'specific', names: ['3', '4', '3'] } }).versions, {
      kind: 'specific',
      versions: ['3', '4'],
    });
    assert.deepEqual(paths({ versions: {} }), ['spec.versions.keep']);
    assert.deepEqual(paths({ versions: { keep: 'latest' } }), ['spec.versions.count']);
    assert.deepEqual(paths({ versions: { keep: 'latest', count: 0 } }), ['spec.versions.count']);
    assert.deepEqual(paths({ versions: { keep: 'specific' } }), ['spec.versions.names']);
    assert.deepEqual(paths({ versions: { keep: 'specific', names: [3, 'a b'] } }), [
      'spec.versions.names[0]',
      'spec.versions.names[1]',
    ]);
    const names = Array.from({ length: VERSIONS_KEPT_MAX + 1 }, (_, at) => String(at));
    assert.deepEqual(policyOf({ versions: { keep: 'specific', names: names.slice(1) } }).versions, {
      kind: 'specific',
      versions: names.slice(1),
    });
    assert.deepEqual(paths({ versions: { keep: 'specific', names } }), ['spec.versions.names']);
    assert.deepEqual(paths({ versions: { keep: 'all', count: 1, names: ['1'] } }), [
      'spec.versions.count',
      'spec.versions.names',
    ]);
  });
});

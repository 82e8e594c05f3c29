import fc from 'fast-check';
import { durationMs, modelKey } from '../../units.ts';
import {
  type EndpointPolicy,
  type FallbackCause,
  type FallbackPolicy,
  type MirrorPolicy,
  newEndpointPolicy,
  type PayloadField,
  type PolicyRule,
  type RuleTarget,
  type SlotAssignment,
  type StickyPolicy,
  type StrategyPolicy,
  type Variant,
  type VersionKeeping,
} from '../index.ts';

const plain = { noNullPrototype: true } as const;
const name = fc.stringMatching(/^[a-z0-9]([a-z0-9._-]{0,10}[a-z0-9])?$/);
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const maybeText = fc.option(text);
const positive = fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 1e-9, max: 1e9, noNaN: true }));
const weight = fc.oneof(fc.constant(0), positive);
const json = fc
  .dictionary(fc.string({ maxLength: 6 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
  .map((value): Readonly<Record<string, unknown>> => JSON.parse(JSON.stringify(value)));

/** Labels begin with a capital, which names do not, so that none is another variant's name. */
const variantNamed = (own: string, at: number): fc.Arbitrary<Variant> =>
  fc.record(
    {
      name: fc.constant(own),
      model: text.map(modelKey),
      weight: at === 0 ? positive : weight,
      labels: fc.uniqueArray(
        name.map((label) => `L${at}${label}`),
        { maxLength: 3 },
      ),
      concurrencyMax: fc.option(fc.integer({ min: 1, max: 1000 })),
    },
    plain,
  );

/** Some of the variants in their order, the first of them with a weight. */
const splitOf = (names: readonly string[]): fc.Arbitrary<RuleTarget> =>
  fc.subarray([...names], { minLength: 1 }).chain((some) =>
    fc.tuple(...some.map((_, at) => (at === 0 ? positive : weight))).map((weights) => ({
      kind: 'split' as const,
      shares: some.map((variant, at) => ({ variant, weight: weights[at] ?? 0 })),
    })),
  );

const rulesOf = (names: readonly string[]): fc.Arbitrary<readonly PolicyRule[]> => {
  const one = fc.constantFrom(...names).map((variant): RuleTarget => ({ kind: 'variant', variant }));
  const rule = fc.record({ name, when: text, to: fc.oneof(one, splitOf(names)) }, plain);
  return fc.uniqueArray(rule, { selector: (item) => item.name, maxLength: 4 });
};

const payload: fc.Arbitrary<readonly PayloadField[]> = fc.uniqueArray(
  fc.record(
    {
      name: fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,6}$/),
      type: fc.constantFrom('string' as const, 'int' as const, 'double' as const, 'bool' as const),
      json: text,
      parameter: maybeText,
      proto: fc.option(fc.array(fc.integer({ min: 1, max: 2 ** 29 - 1 }), { minLength: 1, maxLength: 8 })),
    },
    plain,
  ),
  { selector: (field) => field.name, maxLength: 3 },
);

const token = fc.record(
  {
    kind: fc.constant('token' as const),
    header: fc.stringMatching(/^[a-z]{1,6}-group$/),
    cookie: fc.option(fc.stringMatching(/^[a-zA-Z_]{1,8}$/)),
    lifetimeMs: fc.integer({ min: 1000, max: 1e11 }).map(durationMs),
  },
  plain,
);
const expression = fc.record({ kind: fc.constant('expression' as const), by: text }, plain);
const sticky: fc.Arbitrary<StickyPolicy | null> = fc.option(fc.record({ unit: fc.oneof(expression, token), salt: text }, plain));

/** Never to the first variant, which may be the only one with a weight. */
const mirrorsOf = (names: readonly string[]): fc.Arbitrary<readonly MirrorPolicy[]> => {
  if (names.length === 1) return fc.constant([]);
  const compare = fc.record(
    {
      tolerance: fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0),
      topK: fc.integer({ min: 0, max: 1000 }),
      output: maybeText,
      segment: maybeText,
      comparer: fc.oneof(fc.constant('tensors'), name),
    },
    plain,
  );
  const percent = fc.double({ min: 0, max: 100, noNaN: true }).map((value) => value + 0);
  const mirror = fc.record({ to: fc.constantFrom(...names.slice(1)), percent, compare }, plain);
  return fc.uniqueArray(mirror, { selector: ({ to }) => to, maxLength: 3 });
};

const fallbackOf = (names: readonly string[]): fc.Arbitrary<FallbackPolicy | null> => {
  if (names.length === 1) return fc.constant(null);
  const timeoutMs = fc.option(fc.integer({ min: 1, max: 3_600_000 }).map(durationMs));
  const causes: FallbackCause[] = ['error', 'timeout', 'overloaded'];
  return fc.option(
    fc
      .record({ on: fc.subarray(causes), to: fc.constantFrom(...names), timeoutMs }, plain)
      .map((policy) => (policy.on.includes('timeout') ? policy : { ...policy, timeoutMs: null })),
  );
};

const version = fc.stringMatching(/^[A-Za-z0-9._-]{1,8}$/);
const versions: fc.Arbitrary<VersionKeeping> = fc.oneof(
  fc.record({ kind: fc.constant('all' as const) }, plain),
  fc.record({ kind: fc.constant('latest' as const), count: fc.integer({ min: 1, max: 1000 }) }, plain),
  fc.record({ kind: fc.constant('specific' as const), versions: fc.uniqueArray(version, { minLength: 1, maxLength: 4 }) }, plain),
);

const strategyBeside = (unit: StickyPolicy | null): fc.Arbitrary<StrategyPolicy> =>
  fc.record({ name: fc.oneof(fc.constant('weighted'), name), config: json }, plain).map((strategy) => {
    return strategy.name === 'sticky' && unit === null ? { ...strategy, name: 'weighted' } : strategy;
  });

/** Any policy that can be applied. */
export const anyPolicy: fc.Arbitrary<EndpointPolicy> = fc
  .tuple(fc.uniqueArray(name, { minLength: 1, maxLength: 5 }), sticky)
  .chain(([names, unit]) =>
    fc.record(
      {
        variants: fc.tuple(...names.map(variantNamed)),
        defaultVariant: fc.constantFrom(...names),
        rules: rulesOf(names),
        payload,
        sticky: fc.constant(unit),
        strategy: strategyBeside(unit),
        mirrors: mirrorsOf(names),
        fallback: fallbackOf(names),
        versions,
        callerChooses: fc.boolean(),
      },
      plain,
    ),
  )
  .map(newEndpointPolicy);

const runs = fc.array(fc.record({ variant: name, count: fc.integer({ min: 1, max: 10_000 }) }, plain), { maxLength: 6 });

/** Any assignment of hash slots, of whatever policy. */
export const anySlots: fc.Arbitrary<SlotAssignment> = fc
  .array(fc.tuple(fc.oneof(fc.constant(''), name), runs), { maxLength: 3 })
  .map((splits) => new Map(splits));

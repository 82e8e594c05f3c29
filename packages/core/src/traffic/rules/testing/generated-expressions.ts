import fc from 'fast-check';
import type { PayloadField } from '../../../records/index.ts';
import { epochMs } from '../../../units.ts';
import type { PayloadValue, RequestFacts } from '../../request-facts.ts';

const field = (name: string, type: PayloadField['type']): PayloadField => ({
  name,
  type,
  json: name,
  parameter: null,
  proto: null,
});

/** Declared payload fields of generated expressions, two of each type. */
export const GENERATED_PAYLOAD: readonly PayloadField[] = [
  field('country', 'string'),
  field('city', 'string'),
  field('amount', 'int'),
  field('count', 'int'),
  field('score', 'double'),
  field('ratio', 'double'),
  field('vip', 'bool'),
  field('fresh', 'bool'),
];

const NAMES = ['a', 'b', 'x-tier', 'x-user'];
const TEXTS = [
  '',
  'gold',
  'silver',
  'eu-',
  'eu-west',
  '7',
  '42',
  '-1',
  'x7',
  'é',
  '🜚',
  'go',
  'a"b\\',
  '9223372036854775808',
  '1.5',
];
const INTS = [0n, 1n, 7n, 42n, -1n, (1n << 53n) + 1n, (1n << 63n) - 1n, -(1n << 63n) + 1n];
const DOUBLES = [0, 1, 1.5, -1, 7, 42, 1e300, 2 ** 53];
const INSTANTS = ['1970-01-01T00:00:00Z', '2026-02-28T23:59:59.999Z', '2026-11-29T18:05:07.25Z', '2024-02-29T12:00:00+05:30'];
const TIMES = [...INSTANTS.map((text) => Date.parse(text)), -1, 1, 253_402_300_799_999];

const quoted = (text: string): string => JSON.stringify(text);
const pick = <Value>(...values: readonly Value[]): fc.Arbitrary<Value> => fc.constantFrom(...values);
const doubleText = (value: number): string => (Number.isInteger(value) && value < 1e21 ? value.toFixed(1) : String(value));

const textLiteral = pick(...TEXTS).map(quoted);
const intLiteral = pick(...INTS).map(String);
const doubleLiteral = pick(...DOUBLES).map(doubleText);
const textLeaf = fc.oneof(
  fc.tuple(pick('header', 'query'), pick(...NAMES)).map(([map, name]) => `${map}[${quoted(name)}]`),
  fc.tuple(pick('header', 'query'), pick('a', 'b')).map(([map, name]) => `${map}.${name}`),
  pick('path', 'method', 'tenant', 'client', 'payload.country', 'payload.city'),
  textLiteral,
);
const timeLeaf = fc.oneof(
  fc.constant('time'),
  pick(...INSTANTS).map((text) => `timestamp(${quoted(text)})`),
);
const accessor = pick(
  'getFullYear',
  'getMonth',
  'getDate',
  'getDayOfMonth',
  'getDayOfWeek',
  'getDayOfYear',
  'getHours',
  'getMinutes',
  'getSeconds',
  'getMilliseconds',
);
const intLeaf = fc.oneof(
  pick('payload.amount', 'payload.count'),
  intLiteral,
  accessor.map((name) => `time.${name}()`),
);
// Beyond 2^53 the independent implementation rounds the int before it compares it with a double.
const smallIntLeaf = fc.oneof(
  pick('payload.count', '0', '7', '42', '-1'),
  accessor.map((name) => `time.${name}()`),
);
const doubleLeaf = fc.oneof(pick('payload.score', 'payload.ratio'), doubleLiteral);
const boolLeaf = fc.oneof(
  pick('payload.vip', 'payload.fresh', 'true', 'false', 'has(payload.amount)', 'has(header.a)', 'has(query.b)'),
  fc.tuple(pick(...NAMES), pick('header', 'query')).map(([name, map]) => `(${quoted(name)} in ${map})`),
);
const listOf = (element: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(element, { minLength: 1, maxLength: 3 }).map((elements) => `[${elements.join(', ')}]`);

interface Generated {
  readonly bool: string;
  readonly text: string;
  readonly int: string;
  readonly double: string;
}

/** What only a CEL engine runs. */
const foreign = (tie: fc.LetrecTypedTie<Generated>) => ({
  text: [
    fc.tuple(tie('text'), tie('text')).map(([left, right]) => `(${left} + ${right})`),
    tie('int').map((value) => `string(${value})`),
    fc.tuple(tie('bool'), tie('text'), tie('text')).map(([test, yes, no]) => `(${test} ? ${yes} : ${no})`),
    fc.tuple(listOf(textLeaf), pick('0', '1', '5')).map(([list, at]) => `${list}[${at}]`),
  ],
  int: [
    tie('text').map((text) => `size(${text})`),
    tie('text').map((text) => `${text}.size()`),
    pick('header', 'query').map((map) => `size(${map})`),
    fc.tuple(tie('int'), pick('+', '-', '*'), tie('int')).map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    fc.tuple(tie('int'), pick('/', '%'), pick('2', '7', '-3')).map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    // What BigInt takes beyond CEL, such as an empty text, is left out: the independent implementation takes it.
    pick('"7"', '"-1"', '"x7"', '"1.5"', '"9223372036854775808"', 'payload.country', 'header.a').map((text) =>
      text.startsWith('"') ? `int(${text})` : `(size(${text}) > 0 ? int(${text}) : 0)`,
    ),
  ],
  double: [
    fc
      .tuple(tie('double'), pick('+', '-', '*', '/'), tie('double'))
      .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    tie('int').map((value) => `double(${value})`),
    tie('double').map((value) => `(-(${value}))`),
  ],
  bool: [
    fc.tuple(tie('text'), pick('^go', 'ld$', '^(eu|us)-', '[0-9]+', '.')).map(([text, re]) => `${text}.matches(${quoted(re)})`),
    fc
      .tuple(pick('header', 'query', '["a", "gold", "7"]'), pick('all', 'exists', 'exists_one'), tie('bool'))
      .map(([range, macro, body]) => `${range}.${macro}(k, k == "a" || ${body})`),
    fc.tuple(tie('text'), listOf(tie('text'))).map(([text, list]) => `(${text} in ${list}.map(e, e + ""))`),
    fc.tuple(listOf(tie('text')), tie('text')).map(([list, text]) => `(${list}.filter(e, e != ${text}).size() > 1)`),
    fc.tuple(listOf(intLeaf), listOf(intLeaf)).map(([left, right]) => `(${left} == ${right})`),
  ],
});

const relation = (value: fc.Arbitrary<string>, other: fc.Arbitrary<string>, ...operators: readonly string[]) =>
  fc.tuple(value, pick(...operators), other).map(([left, operator, right]) => `(${left} ${operator} ${right})`);

function generated(withForeign: boolean): fc.LetrecValue<Generated> {
  return fc.letrec((tie: fc.LetrecTypedTie<Generated>) => {
    const more = withForeign ? foreign(tie) : { text: [], int: [], double: [], bool: [] };
    const [text, int, double, bool] = [tie('text'), tie('int'), tie('double'), tie('bool')];
    return {
      text: fc.oneof({ depthSize: 'small' }, textLeaf, ...more.text),
      int: fc.oneof({ depthSize: 'small' }, intLeaf, ...more.int),
      double: fc.oneof({ depthSize: 'small' }, doubleLeaf, ...more.double),
      bool: fc.oneof(
        { depthSize: 'small' },
        boolLeaf,
        relation(text, text, '==', '!=', '<', '<=', '>', '>='),
        relation(int, int, '==', '!=', '<', '<=', '>', '>='),
        relation(double, double, '==', '!=', '<', '<=', '>', '>='),
        relation(smallIntLeaf, double, '<', '<=', '>', '>='),
        relation(timeLeaf, timeLeaf, '==', '!=', '<', '<=', '>', '>='),
        relation(text, listOf(textLiteral), 'in'),
        relation(int, listOf(intLiteral), 'in'),
        relation(bool, bool, '==', '&&', '||', '&&', '||'),
        fc
          .tuple(text, pick('startsWith', 'endsWith', 'contains'), text)
          .map(([left, name, right]) => `${left}.${name}(${right})`),
        bool.map((value) => `!(${value})`),
        fc.tuple(bool, bool, bool).map(([test, yes, no]) => `(${test} ? ${yes} : ${no})`),
        ...more.bool,
      ),
    };
  });
}

/** Conditions that our own closures run alone. */
export const ownConditions: fc.Arbitrary<string> = generated(false).bool;

/** Conditions of everything that expressions may hold. */
export const anyConditions: fc.Arbitrary<string> = generated(true).bool;

/** Texts of everything that expressions may hold. */
export const anyTexts: fc.Arbitrary<string> = generated(true).text;

const optional = <Value>(values: readonly Value[]): fc.Arbitrary<Value | undefined> =>
  fc.option(pick(...values), { nil: undefined, freq: 3 });

/** A call that expressions look at, as plain values. */
export interface GeneratedCall {
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly payload: Readonly<Record<string, PayloadValue>>;
  readonly tenant: string;
  readonly nowMs: number;
}

const present = <Value>(fields: Readonly<Record<string, Value | undefined>>): Readonly<Record<string, Value>> =>
  Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, Value] => entry[1] !== undefined));

const named = (names: readonly string[]): fc.Arbitrary<Readonly<Record<string, string>>> =>
  fc.record(Object.fromEntries(names.map((name) => [name, optional(TEXTS)]))).map(present);

/** Calls in which any header, query parameter or payload field may be absent. */
export const calls: fc.Arbitrary<GeneratedCall> = fc.record({
  headers: named(NAMES),
  query: named(NAMES),
  payload: fc
    .record<Record<string, PayloadValue | undefined>>({
      country: optional<PayloadValue>(TEXTS),
      city: optional<PayloadValue>(TEXTS),
      amount: optional<PayloadValue>(INTS),
      count: optional<PayloadValue>([0n, 7n, 42n, -1n]),
      score: optional<PayloadValue>([...DOUBLES, Number.NaN, Number.POSITIVE_INFINITY, -0]),
      ratio: optional<PayloadValue>(DOUBLES),
      vip: optional<PayloadValue>([true, false]),
      fresh: optional<PayloadValue>([true, false]),
    })
    .map(present),
  tenant: pick(...TEXTS),
  nowMs: pick(...TIMES),
});

/** What a policy sees of a generated call. */
export const factsOfCall = ({ headers, query, payload, tenant, nowMs }: GeneratedCall): RequestFacts => ({
  header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
  headerNames: () => Object.keys(headers),
  query: (name) => (Object.hasOwn(query, name) ? query[name] : undefined),
  queryNames: () => Object.keys(query),
  path: '/v2/models/fraud/infer',
  method: 'POST',
  tenant,
  client: 'eu-west',
  nowMs: epochMs(nowMs),
  payload: (name) => payload[name],
  tokenUnit: undefined,
});

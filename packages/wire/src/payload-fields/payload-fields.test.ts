import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PayloadField } from '@modelmesh/core/records';
import { PAYLOAD_SEARCH_BYTES_MAX, type PayloadForm, PayloadPlan } from './index.ts';

const field = (name: string, fields: Partial<PayloadField> = {}): PayloadField => ({
  name,
  type: 'string',
  json: null,
  parameter: null,
  proto: null,
  ...fields,
});

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const lengthDelimited = (number: number, content: ArrayLike<number>): number[] => [
  number * 8 + 2,
  content.length,
  ...Array.from(content),
];

interface Search {
  readonly values: Readonly<Record<string, unknown>>;
  readonly decided: boolean;
  readonly truncated: boolean;
}

/** Looks through `bytes` without saying that they are all. */
function search(fields: readonly PayloadField[], form: PayloadForm, bytes: Uint8Array, bytesMax?: number): Search {
  const finder = new PayloadPlan(fields, bytesMax).finder(form);
  assert.ok(finder !== null);
  const decided = finder.push(bytes);
  assert.equal(finder.decided, decided);
  return { values: Object.fromEntries(finder.values), decided, truncated: finder.truncated };
}

describe('payload fields in JSON', () => {
  const country = field('country', { json: 'parameters.country' });
  const first = field('first', { json: 'instances[0].country', type: 'string' });

  it('are found by their paths, as soon as the last of them has come', () => {
    const body =
      '{"instances": [{"country": "fr", "x": [1, {"country": "no"}]}, 2], "parameters": {"a": "{", "country": "d\\u0065"}, "more": ';
    assert.deepEqual(search([country, first], 'json', utf8(body)), {
      values: { country: 'de', first: 'fr' },
      decided: true,
      truncated: false,
    });
  });

  it('are absent once the body has ended', () => {
    assert.deepEqual(search([country], 'json', utf8('{"parameters": {"other": 1}}')), {
      values: {},
      decided: true,
      truncated: false,
    });
  });

  it('of a request parameter stand under parameters, unless a path is given', () => {
    const body = utf8('{"parameters": {"a.b": 7, "c": true}, "c": 1.5}');
    const fields = [
      field('one', { parameter: 'a.b', type: 'int' }),
      field('two', { parameter: 'c', json: 'c', type: 'double' }),
      field('three', { parameter: 'c', type: 'bool' }),
    ];
    assert.deepEqual(search(fields, 'json', body).values, { one: 7n, two: 1.5, three: true });
  });

  it('count in their declared type alone', () => {
    const body = utf8('{"a": "1", "b": 1.5, "c": null, "d": [1], "e": 9223372036854775808, "f": 1e400, "g": "\\ud800"}');
    const fields = ['a', 'b', 'c', 'd', 'e'].map((json) => field(json, { json, type: 'int' }));
    assert.deepEqual(
      search([...fields, field('f', { json: 'f', type: 'double' }), field('g', { json: 'g' })], 'json', body).values,
      {},
    );
  });

  it('beyond the limit are not found, and that is told', () => {
    const body = (padding: number): Uint8Array => utf8(`{"pad": "${'x'.repeat(padding)}", "parameters": {"country": "de"}}`);
    const within = PAYLOAD_SEARCH_BYTES_MAX - body(0).length;
    assert.deepEqual(search([country], 'json', body(within)), { values: { country: 'de' }, decided: true, truncated: false });
    assert.deepEqual(search([country], 'json', body(within + 10)), { values: {}, decided: true, truncated: true });
    assert.deepEqual(search([country], 'json', body(0), 20), { values: {}, decided: true, truncated: true });
  });

  it('in a body of nothing but brackets end at the limit like others', () => {
    assert.deepEqual(search([country], 'json', utf8('['.repeat(100_000))), { values: {}, decided: true, truncated: true });
    assert.deepEqual(search([country], 'json', utf8('{"parameters":'.repeat(10_000))), {
      values: {},
      decided: true,
      truncated: true,
    });
  });
});

describe('payload fields in messages', () => {
  const country = field('country', { parameter: 'country', proto: [2, 1] });
  const parameter = (name: string, value: readonly number[]): number[] =>
    lengthDelimited(4, [...lengthDelimited(1, utf8(name)), ...lengthDelimited(2, value)]);
  const text = (value: string): number[] => lengthDelimited(3, utf8(value));

  it('of inference are request parameters, and nothing behind these is waited for', () => {
    const head = [...lengthDelimited(1, utf8('model')), ...parameter('a', text('x'))];
    const tensors = lengthDelimited(5, utf8('the first bytes of tensors'));
    assert.deepEqual(search([country], 'inference', Uint8Array.from([...head, ...parameter('country', text('de'))])), {
      values: { country: 'de' },
      decided: true,
      truncated: false,
    });
    assert.deepEqual(search([country], 'inference', Uint8Array.from([...head, ...tensors.slice(0, 1)])), {
      values: {},
      decided: true,
      truncated: false,
    });
  });

  it('of other methods stand at their field numbers', () => {
    const message = Uint8Array.from([...lengthDelimited(1, utf8('x')), ...lengthDelimited(2, lengthDelimited(1, utf8('fr')))]);
    assert.deepEqual(search([country], 'message', message).values, { country: 'fr' });
  });

  it('that are not declared for a form need no search', () => {
    const plan = new PayloadPlan([field('x', { json: 'x' })]);
    assert.equal(plan.finder('inference'), null);
    assert.equal(plan.finder('message'), null);
    assert.equal(new PayloadPlan([]).finder('json'), null);
  });

  it('a parameter whose value comes before its name is found', () => {
    const entry = lengthDelimited(4, [...lengthDelimited(2, text('de')), ...lengthDelimited(1, utf8('country'))]);
    assert.deepEqual(search([country], 'inference', Uint8Array.from(entry)).values, { country: 'de' });
  });

  it('the first of several counts, and a text must be UTF-8', () => {
    const twice = [...parameter('country', text('de')), ...parameter('country', text('fr'))];
    assert.deepEqual(search([country], 'inference', Uint8Array.from(twice)).values, { country: 'de' });
    const broken = parameter('country', lengthDelimited(3, [0xff]));
    assert.deepEqual(search([country], 'inference', Uint8Array.from([...broken, ...twice])).values, {});
  });

  it('beyond the limit are not found, and that is told', () => {
    const message = Uint8Array.from([...lengthDelimited(1, utf8('x'.repeat(100))), ...parameter('country', text('de'))]);
    assert.deepEqual(search([country], 'inference', message, message.length - 1), { values: {}, decided: true, truncated: true });
    assert.deepEqual(search([country], 'inference', message, message.length).values, { country: 'de' });
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatLogFields, PEER_LOG_FIELDS_BYTES_MAX, PEER_LOG_FIELDS_HEADER, readLogFields } from './index.ts';

const reader = (value: string | undefined) => ({
  get: (name: string) => (name === PEER_LOG_FIELDS_HEADER ? value : undefined),
  getAll: () => [],
});

test('law: fields of the log come out as they went in, as far as there is room', () => {
  const name = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => text !== '__proto__' && !/^\d+$/.test(text));
  const fields = fc.dictionary(name, fc.string({ maxLength: 256 }), { maxKeys: 40, noNullPrototype: true });
  fc.assert(
    fc.property(fields, (given) => {
      const read = readLogFields(reader(formatLogFields(given)));
      const entries = Object.entries(given);
      assert.deepEqual(Object.entries(read), entries.slice(0, Object.keys(read).length));
      assert.ok(Buffer.byteLength(JSON.stringify(read)) <= PEER_LOG_FIELDS_BYTES_MAX + 2);
      if (Buffer.byteLength(JSON.stringify(given)) < PEER_LOG_FIELDS_BYTES_MAX)
        assert.equal(Object.keys(read).length, entries.length);
    }),
  );
});

test('fields of the log that are malformed, or not there, are none', () => {
  const encoded = (text: string): string => Buffer.from(text).toString('base64');
  for (const value of [undefined, '', '?', encoded('no json'), encoded('[1]'), encoded('null')])
    assert.deepEqual(readLogFields(reader(value)), {});
  assert.deepEqual(readLogFields(reader(encoded('{"a":"x","b":1}'))), { a: 'x' });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError } from '@modelmesh/core';
import fc from 'fast-check';
import { JSON_LIMITS, type JsonValue, parseJson } from './index.ts';

const parse = (text: string | Uint8Array, limits = JSON_LIMITS): JsonValue =>
  parseJson(typeof text === 'string' ? Buffer.from(text) : text, limits);

/** What `JSON.parse` would have made of it. */
function plain(value: JsonValue): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, member]) => [key, plain(member)]));
  return value;
}

const refusal = (text: string | Uint8Array, limits = JSON_LIMITS): string => {
  try {
    parse(text, limits);
  } catch (error) {
    assert.ok(error instanceof MeshError, String(error));
    return `${error.kind}: ${error.message}`;
  }
  return 'accepted';
};

describe('the JSON reader', () => {
  it('agrees with JSON.parse on every document, however it is spaced', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 5, stringUnit: 'grapheme' }),
        fc.constantFrom(undefined, 1, '\t', '\r\n'),
        (text, space) => {
          const spaced = JSON.stringify(JSON.parse(text), null, space);
          assert.deepEqual(plain(parse(spaced)), JSON.parse(spaced));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('refuses every text that JSON.parse refuses', () => {
    const letters = fc.constantFrom(...'[]{}",:-+.eE0123tfnu\\alsr \n');
    fc.assert(
      fc.property(fc.string({ unit: letters, maxLength: 12 }), (text) => {
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          assert.match(refusal(text), /^invalid-argument: invalid JSON at line \d+, column \d+: /);
          return;
        }
        const repeated = /is repeated/.test(refusal(text));
        if (!repeated) assert.deepEqual(plain(parse(text)), expected);
      }),
      { numRuns: 3000 },
    );
  });

  it('answers arbitrary bytes with a value or a MeshError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        assert.match(refusal(bytes), /^(accepted$|invalid-argument: )/);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads numbers as JSON.parse does, to the last bit', () => {
    const token = fc
      .tuple(fc.constantFrom('', '-'), fc.bigInt(0n, 10n ** 25n), fc.nat(30), fc.integer({ min: -340, max: 330 }))
      .map(([sign, digits, places, exponent]) => {
        const text = digits.toString().padStart(places + 1, '0');
        const point = text.length - places;
        return `${sign}${BigInt(text.slice(0, point))}.${text.slice(point) || '0'}e${exponent}`;
      });
    fc.assert(
      fc.property(token, (text) => {
        const value = parse(text);
        assert.ok(Object.is(value, JSON.parse(text)), `${text} read as ${String(value)}`);
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps integers beyond 2^53 exact', () => {
    assert.equal(parse('9007199254740993'), 9007199254740993n);
    assert.equal(parse('-9223372036854775808'), -9223372036854775808n);
    assert.equal(parse('123456789012345678901234567890'), 123456789012345678901234567890n);
    assert.equal(parse('9007199254740991'), 9007199254740991);
  });

  it('says line and column, counted in characters', () => {
    assert.equal(
      refusal('{"inputs": [1,\n  "é€😀" 2]}'),
      'invalid-argument: invalid JSON at line 2, column 9: unexpected "2", expected "," or "]"',
    );
    assert.equal(refusal('[1,'), 'invalid-argument: invalid JSON at line 1, column 4: unexpected end, expected a value');
    assert.equal(refusal(''), 'invalid-argument: invalid JSON at line 1, column 1: unexpected end, expected a value');
    assert.equal(refusal('[01]'), 'invalid-argument: invalid JSON at line 1, column 2: a number must not begin with 0');
    assert.match(refusal('["a\nb"]'), /line 1, column 4: a control character/);
    assert.match(refusal('["\\x"]'), /column 3: unknown escape/);
    assert.match(refusal('[1] x'), /column 5: unexpected "x", expected the end of the document/);
  });

  it('refuses repeated keys, also where they are dropped', () => {
    assert.match(refusal('{"a": 1, "a": 2}'), /column 10: the key "a" is repeated/);
    assert.match(refusal('{"b": {"a": 1, "\\u0061": 2}}'), /the key "a" is repeated/);
    assert.deepEqual(plain(parse('{"__proto__": 1}')), JSON.parse('{"__proto__": 1}'));
  });

  it('refuses invalid UTF-8 with its position and takes a byte order mark', () => {
    for (const bad of [
      [0xff],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe2, 0x82],
      [0xf0, 0x80, 0x80, 0x80],
    ]) {
      const bytes = Buffer.concat([Buffer.from('["é\n'), Buffer.from(bad), Buffer.from('"]')]);
      assert.equal(refusal(bytes), 'invalid-argument: invalid JSON at line 2, column 1: not valid UTF-8');
    }
    assert.deepEqual(parse(Buffer.from('\ufeff[1]')), [1]);
    assert.match(refusal('\ufeff[x]'), /line 1, column 2: /);
  });

  it('refuses half of a surrogate pair, which no UTF-8 string can hold', () => {
    assert.match(refusal('["\\ud800"]'), /column 2: the string holds half of a surrogate pair/);
    assert.deepEqual(parse('["\\ud83d\\ude00"]'), ['😀']);
  });

  it('stops at its limits', () => {
    const limits = { bytesMax: 40, depthMax: 3, elementsMax: 5 };
    assert.equal(refusal(' '.repeat(41), limits), 'too-large: JSON body of 41 bytes; at most 40 are accepted');
    assert.equal(refusal('[[[[]]]]', limits), 'too-large: JSON nested deeper than 3 at line 1, column 4');
    assert.equal(refusal('{"a":{"b":{"c":{}}}}', limits), 'too-large: JSON nested deeper than 3 at line 1, column 16');
    assert.equal(refusal('[1,2,3,4,5,6]', limits), 'too-large: JSON body of more than 5 array elements and object members');
    assert.deepEqual(parse('[1,2,3,[4]]', limits), [1, 2, 3, [4]]);
    assert.match(refusal(`${'['.repeat(100_000)}`), /^too-large: JSON nested deeper than 64/);
  });
});

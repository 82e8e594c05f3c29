import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareKeys, prefixEnd } from './key-order.ts';

const text = fc.string({ unit: 'binary', maxLength: 8 });
const utf8 = (key: string): Buffer => Buffer.from(key, 'utf8');

describe('the order of keys', () => {
  it('is that of their UTF-8 bytes', () => {
    fc.assert(fc.property(text, text, (a, b) => Math.sign(compareKeys(a, b)) === Buffer.compare(utf8(a), utf8(b))));
    assert.ok(compareKeys('\uffff', '\u{10000}') < 0);
  });

  it('ends a prefix at the first text behind it', () => {
    fc.assert(
      fc.property(text, text, (prefix, other) => {
        const end = prefixEnd(prefix);
        const inside = compareKeys(prefix, other) <= 0 && (end === null || compareKeys(other, end) < 0);
        return inside === other.startsWith(prefix);
      }),
    );
    assert.equal(prefixEnd(''), null);
    assert.equal(prefixEnd('a\u{10ffff}'), 'b');
    assert.equal(prefixEnd('\ud7ff'), '\ue000');
    assert.equal(prefixEnd('\u{10ffff}'), null);
  });
});

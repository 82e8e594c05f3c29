import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KEY_BYTES_MAX, KEY_BYTES_MIN, KEY_ID_CHARS_MAX } from './index.ts';
import { parseTokenKeys } from './token-keys.ts';

const secretOf = (byteCount: number): string => Buffer.alloc(byteCount, 7).toString('base64');
const GOOD = secretOf(KEY_BYTES_MIN);

describe('keys as text', () => {
  it('stand in lines, the first one signs', () => {
    const keys = parseTokenKeys(`# comment\n\n 2026-11 : ${GOOD} \r\nk_2:${secretOf(KEY_BYTES_MAX)}`, 'f');
    assert.deepEqual(
      keys.map(({ id, secret }) => [id, secret.length]),
      [
        ['2026-11', KEY_BYTES_MIN],
        ['k_2', KEY_BYTES_MAX],
      ],
    );
  });

  it('that are wrong are refused with the line and what is wrong, and never shown', () => {
    const short = secretOf(KEY_BYTES_MIN - 1);
    for (const [text, why] of [
      ['', /f: there is no key/],
      [`a:${GOOD}\nb:${GOOD}\nc:${GOOD}`, /f: there are 3 keys: at most 2/],
      [`a:${GOOD}\na:${secretOf(40)}`, /f: two keys have the same id/],
      [`a:${GOOD}\n${GOOD}`, /f, line 2: expected id:base64/],
      [`a.b:${GOOD}`, /f, line 1: the id of a key/],
      [`${'a'.repeat(KEY_ID_CHARS_MAX + 1)}:${GOOD}`, /line 1: the id of a key is 1 to 32/],
      [`a:${short}`, /line 1: the secret of key a has 31 bytes: expected 32 to 1024/],
      [`a:${secretOf(KEY_BYTES_MAX + 1)}`, /has 1025 bytes/],
      [`a:${GOOD}!`, /line 1: the secret of key a is not base64/],
    ] as const)
      assert.throws(
        () => parseTokenKeys(text, 'f'),
        ({ kind, message }) => {
          assert.equal(kind, 'invalid-argument');
          assert.match(message, why);
          assert.ok(!message.includes(GOOD.slice(0, 8)), message);
          return true;
        },
      );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DurationMs, durationMs, endpointId, epochMs } from '@modelmesh/core';
import { SeededRandom } from '@modelmesh/core/testing';
import { headerBlock } from '@modelmesh/grpc/stream';
import { NO_TOKENS, SignedVault, type TokenUse, type TokenVault, tokenAnswerFields, tokenOfCall } from './index.ts';

const DAY_MS: DurationMs = durationMs(86_400_000);
const USE: TokenUse = { kind: 'token', header: 'mm-sticky', cookie: 'mm-sticky', lifetimeMs: DAY_MS };
const FRAUD = endpointId('fraud');
const NOW_MS = epochMs(1_800_000_000_000);

/** The tokens that are looked at where none of them counts. */
function tokensIn(fields: readonly (readonly [string, string])[], use = USE): readonly string[] {
  const seen: string[] = [];
  const vault: TokenVault = {
    readiness: { ready: true },
    issue: () => ({ token: 't', unit: 'u' }),
    verify: (text) => {
      seen.push(text);
      return { kind: 'refused', problem: 'forged' };
    },
  };
  tokenOfCall(vault, headerBlock(fields.flat()), use, FRAUD, NOW_MS);
  return seen;
}

describe('a token in a request', () => {
  it('stands in the header, else in the cookie', () => {
    assert.deepEqual(tokensIn([['mm-sticky', 'a']]), ['a']);
    assert.deepEqual(tokensIn([['cookie', 'mm-sticky=b']]), ['b']);
    const both = [['cookie', 'mm-sticky=b'] as const, ['mm-sticky', 'a'] as const];
    assert.deepEqual(tokensIn(both), ['a', 'b'], 'one that does not count leaves the other');
    assert.deepEqual(tokensIn([]), []);
  });

  it('is found among other cookies, in one field or several, with quotes or without', () => {
    for (const [cookies, wanted] of [
      [['x=1; mm-sticky=b; y=2'], ['b']],
      [['x=mm-sticky=a;mm-sticky=b'], ['b']],
      [['xmm-sticky=a', 'mm-sticky="b"'], ['b']],
      [['mm-sticky-2=a; mm-sticky=b'], ['b']],
      [[' ;; mm-sticky = a ;mm-sticky=b '], ['b']],
      [['mm-sticky='], ['']],
      [['mm-sticky', 'MM-STICKY=a', ''], []],
    ] as const)
      assert.deepEqual(tokensIn(cookies.map((cookie) => ['cookie', cookie] as const)), wanted, cookies.join(' | '));
  });

  it('is no cookie where the endpoint has none', () => {
    assert.deepEqual(tokensIn([['cookie', 'mm-sticky=b']], { ...USE, cookie: null }), []);
  });
});

describe('the token of a call', () => {
  const vault = new SignedVault({ rememberedMax: 10, random: new SeededRandom(1) });
  vault.use([{ id: 'k', secret: Buffer.alloc(32, 1) }]);
  const call = (token: string | null, nowMs = NOW_MS) =>
    tokenOfCall(vault, headerBlock(token === null ? [] : ['mm-sticky', token]), USE, FRAUD, nowMs);

  it('is new for a client without one, and for one whose token does not count', () => {
    for (const token of [null, 'nonsense', vault.issue(endpointId('other'), NOW_MS, DAY_MS).token]) {
      const given = call(token);
      assert.ok(given?.issued);
      assert.deepEqual(call(given.issued), { unit: given.unit, issued: null }, 'it counts from then on');
    }
  });

  it('is that of the cookie where the header brings one that does not count', () => {
    const { token, unit } = vault.issue(FRAUD, NOW_MS, DAY_MS);
    const headers = headerBlock(['mm-sticky', 'of old', 'cookie', `mm-sticky=${token}`]);
    assert.deepEqual(tokenOfCall(vault, headers, USE, FRAUD, NOW_MS), { unit, issued: null });
  });

  it('is replaced by one of the same unit when half of its life is over', () => {
    const given = call(null);
    const half = epochMs(NOW_MS + DAY_MS / 2);
    assert.deepEqual(call(given?.issued ?? '', half), { unit: given?.unit, issued: null });
    const renewed = call(given?.issued ?? '', epochMs(half + 1));
    assert.equal(renewed?.unit, given?.unit);
    const lateMs = epochMs(NOW_MS + DAY_MS + 1);
    assert.equal(call(renewed?.issued ?? '', lateMs)?.unit, given?.unit, 'when the first one is over');
    assert.notEqual(call(given?.issued ?? '', lateMs)?.unit, given?.unit);
  });

  it('is none where there are no keys', () => {
    assert.equal(tokenOfCall(NO_TOKENS, headerBlock([]), USE, FRAUD, NOW_MS), null);
  });
});

it('an answer brings a token in a header, and in a cookie that scripts do not see', () => {
  assert.deepEqual(tokenAnswerFields('t', { ...USE, cookie: null }, true), [['mm-sticky', 't']]);
  const attributes = 'Max-Age=86400; Path=/; HttpOnly; SameSite=Lax';
  assert.deepEqual(tokenAnswerFields('t', USE, false), [
    ['mm-sticky', 't'],
    ['set-cookie', `mm-sticky=t; ${attributes}`],
  ]);
  assert.deepEqual(tokenAnswerFields('t', USE, true)[1], ['set-cookie', `mm-sticky=t; ${attributes}; Secure`]);
});

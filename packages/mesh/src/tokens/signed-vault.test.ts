import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, endpointId, epochMs } from '@modelmesh/core';
import { SeededRandom } from '@modelmesh/core/testing';
import fc from 'fast-check';
import { SignedVault, TOKEN_CHARS_MAX, type TokenKey } from './index.ts';

const FRAUD = endpointId('fraud');
const SPAM = endpointId('spam');
const NOW_MS = epochMs(1_800_000_000_000);
const HOUR_MS = durationMs(3_600_000);
const LATER_MS = epochMs(NOW_MS + HOUR_MS);
const OLD: TokenKey = { id: 'old', secret: Buffer.alloc(32, 1) };
const NEW: TokenKey = { id: 'new', secret: Buffer.alloc(32, 2) };

function vaultOf(keys: readonly TokenKey[], rememberedMax = 100, seed = 1): SignedVault {
  const vault = new SignedVault({ rememberedMax, random: new SeededRandom(seed) });
  vault.use(keys);
  return vault;
}

const problemOf = (vault: SignedVault, token: string, endpoint = FRAUD, nowMs = NOW_MS): string => {
  const verdict = vault.verify(token, endpoint, nowMs);
  return verdict.kind === 'refused' ? verdict.problem : verdict.kind;
};

const outcomes = (vault: SignedVault): Readonly<Record<string, number>> => Object.fromEntries(vault.figures.outcomes);

describe('a token', () => {
  it('says its unit wherever the key is known, and the second time without its signature being looked at', () => {
    const { token, unit } = vaultOf([OLD]).issue(FRAUD, NOW_MS, HOUR_MS);
    const elsewhere = vaultOf([OLD], 100, 2);
    const verdict = { kind: 'verified', unit, expiresMs: LATER_MS };
    assert.deepEqual(elsewhere.verify(token, FRAUD, NOW_MS), verdict);
    const again = elsewhere.verify(token, FRAUD, NOW_MS);
    assert.deepEqual(again, verdict);
    assert.equal(elsewhere.verify(token, FRAUD, NOW_MS), again, 'the same value, nothing new');
    assert.deepEqual(outcomes(elsewhere), { verified: 1, remembered: 2 });
  });

  it('is of a form that others can rely on: version, key, payload, HMAC-SHA-256', () => {
    // Made with Python's hmac and base64 from the same key, expiry, unit and id.
    const token = '1.old.AaMYkz6AAAECAwQFBgcICQoLDA0OD2ZyYXVk.L57WeILbTbtE7phWHX0o2lT8ImGqKz7rdSybfeMCv3o';
    const { token: ours } = vaultOf([OLD]).issue(FRAUD, NOW_MS, HOUR_MS, 'AAECAwQFBgcICQoLDA0ODw');
    assert.equal(ours, token);
  });

  it('keeps its unit when it is given anew', () => {
    const vault = vaultOf([OLD]);
    const first = vault.issue(FRAUD, NOW_MS, HOUR_MS);
    const second = vault.issue(FRAUD, LATER_MS, HOUR_MS, first.unit);
    assert.equal(second.unit, first.unit);
    assert.deepEqual(vaultOf([OLD]).verify(second.token, FRAUD, LATER_MS), {
      kind: 'verified',
      unit: first.unit,
      expiresMs: LATER_MS + HOUR_MS,
    });
  });

  it('counts for nothing when it is expired, forged, of a retired key, of another endpoint or none', () => {
    const { token } = vaultOf([OLD]).issue(FRAUD, NOW_MS, HOUR_MS);
    const vault = vaultOf([OLD]);
    assert.equal(problemOf(vault, token, FRAUD, LATER_MS), 'expired');
    assert.equal(problemOf(vault, token, SPAM), 'other-endpoint');
    assert.equal(problemOf(vaultOf([NEW]), token), 'unknown-key');
    assert.equal(problemOf(vaultOf([{ id: 'old', secret: NEW.secret }]), token), 'forged');
    for (const text of [
      '',
      'x',
      '1.old',
      `2${token.slice(1)}`,
      `${token}=`,
      ` ${token}`,
      `${token}.x`,
      '1.old..',
      'x'.repeat(TOKEN_CHARS_MAX + 1),
    ])
      assert.equal(problemOf(vault, text), 'malformed', text);
    // Verified and remembered, it expires and stays with its endpoint all the same.
    assert.equal(problemOf(vault, token), 'verified');
    assert.equal(problemOf(vault, token, SPAM), 'other-endpoint');
    assert.equal(problemOf(vault, token, FRAUD, LATER_MS), 'expired');
  });

  it('signed by a key whose secret somebody guessed from its id is forged', () => {
    const { token } = vaultOf([{ id: 'old', secret: Buffer.from('old'.padEnd(32)) }]).issue(FRAUD, NOW_MS, HOUR_MS);
    assert.equal(problemOf(vaultOf([OLD, NEW]), token), 'forged');
  });

  it('outlives a rotation: both keys verify while both are there, the first signs', () => {
    const vault = vaultOf([OLD]);
    const { token: old } = vault.issue(FRAUD, NOW_MS, HOUR_MS);
    vault.use([OLD, NEW]);
    assert.match(vault.issue(FRAUD, NOW_MS, HOUR_MS).token, /^1\.old\./);
    vault.use([NEW, OLD]);
    const { token: young } = vault.issue(FRAUD, NOW_MS, HOUR_MS);
    assert.match(young, /^1\.new\./);
    assert.deepEqual([problemOf(vault, old), problemOf(vault, young)], ['verified', 'verified']);
    vault.use([NEW]);
    assert.deepEqual([problemOf(vault, old), problemOf(vault, young)], ['unknown-key', 'verified'], 'also what was remembered');
  });

  it('of which any character is changed, added or taken away never counts', () => {
    const endpoint = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' });
    fc.assert(
      fc.property(endpoint, fc.nat(), fc.constantFrom('change', 'add', 'remove'), fc.nat(), (id, at, how, other) => {
        const vault = vaultOf([OLD, NEW]);
        const { token } = vault.issue(endpointId(id), NOW_MS, HOUR_MS);
        const fresh = vaultOf([OLD, NEW]);
        assert.equal(problemOf(fresh, token, endpointId(id)), 'verified');
        const place = at % token.length;
        const letter = String.fromCharCode(0x20 + (other % 0x5f));
        const added = how === 'remove' ? '' : letter;
        const changed = token.slice(0, place) + added + token.slice(how === 'add' ? place : place + 1);
        if (changed === token) return;
        assert.notEqual(problemOf(fresh, changed, endpointId(id)), 'verified', changed);
      }),
      { seed: 6, numRuns: 3000 },
    );
    // Every bit of one token, the spare bits of the last character of the signature among them.
    const { token } = vaultOf([OLD]).issue(FRAUD, NOW_MS, HOUR_MS);
    const fresh = vaultOf([OLD]);
    for (let bit = 0; bit < token.length * 8; bit += 1) {
      const bytes = Buffer.from(token, 'latin1');
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.notEqual(problemOf(fresh, bytes.toString('latin1')), 'verified', `bit ${bit}`);
    }
  });

  it('of the longest id is short enough to be looked at', () => {
    const id = endpointId('é'.repeat(512));
    const { token } = vaultOf([{ id: 'k'.repeat(32), secret: OLD.secret }]).issue(id, NOW_MS, HOUR_MS);
    assert.ok(token.length <= TOKEN_CHARS_MAX, `${token.length}`);
  });
});

describe('tokens that are remembered', () => {
  it('are at most so many, and the one that did not come again makes room', () => {
    const giver = vaultOf([OLD]);
    const tokens = Array.from({ length: 4 }, () => giver.issue(FRAUD, NOW_MS, HOUR_MS).token);
    const vault = vaultOf([OLD], 3);
    for (const token of tokens.slice(0, 3)) problemOf(vault, token);
    problemOf(vault, tokens[0] ?? '');
    problemOf(vault, tokens[2] ?? '');
    problemOf(vault, tokens[3] ?? '');
    assert.equal(vault.figures.remembered, 3);
    assert.equal(vault.figures.forgotten, 1);
    const before = outcomes(vault).verified ?? 0;
    for (const at of [0, 2, 3]) problemOf(vault, tokens[at] ?? '');
    assert.equal(outcomes(vault).verified, before, 'these three are known');
    assert.equal(problemOf(vault, tokens[1] ?? ''), 'verified', 'the other is verified anew');
    assert.equal(outcomes(vault).verified, before + 1);
  });

  it('never exceed the bound, whatever comes', () => {
    const giver = vaultOf([OLD]);
    const tokens = Array.from({ length: 50 }, () => giver.issue(FRAUD, NOW_MS, HOUR_MS).token);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.array(fc.nat(49), { maxLength: 200 }), (max, order) => {
        const vault = vaultOf([OLD], max);
        for (const at of order) assert.equal(problemOf(vault, tokens[at] ?? ''), 'verified');
        assert.ok(vault.figures.remembered <= max);
        assert.equal(vault.figures.remembered, Math.min(max, new Set(order).size));
      }),
      { seed: 6 },
    );
  });
});

it('a vault without keys gives no token and says why', () => {
  const vault = new SignedVault({ rememberedMax: 1, random: new SeededRandom(1) });
  vault.lacksKeys('set tokens.keys');
  assert.deepEqual(vault.readiness, { ready: false, why: 'set tokens.keys' });
  assert.throws(() => vault.issue(FRAUD, NOW_MS, HOUR_MS), { kind: 'failed-precondition', message: 'set tokens.keys' });
  vault.use([OLD]);
  assert.deepEqual(vault.readiness, { ready: true });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type EndpointPolicy, newEndpointPolicy, newVariant, type PolicyRule } from '../records/index.ts';
import { SeededRandom } from '../testing/index.ts';
import { durationMs, modelKey } from '../units.ts';
import { assignSlots, CompiledPolicy, explainPick, type Live, type Pick, SLOTS, UnitHasher } from './index.ts';
import { compiledOf, factsOf, LIVE } from './testing/index.ts';

const variants = (weights: Readonly<Record<string, number>>): EndpointPolicy['variants'] =>
  Object.entries(weights).map(([name, weight]) => newVariant({ name, model: modelKey(`m@${name}`), weight }));
const policy = (weights: Readonly<Record<string, number>>, more: Partial<EndpointPolicy> = {}): EndpointPolicy =>
  newEndpointPolicy({ variants: variants(weights), defaultVariant: Object.keys(weights)[0] ?? '', ...more });
const liveWith = (more: Partial<Live>): Live => ({ ...LIVE, ...more });
const byHeader = { salt: 's', unit: { kind: 'expression', by: 'header["x-user"]' } } as const;
const rule = (name: string, value: string, to: PolicyRule['to']): PolicyRule => ({ name, when: `header["x"] == "${value}"`, to });
const named = (pick: Pick): string => pick.variant.name;

/** Whether counts may come from shares: χ² with its degrees of freedom, at a probability of one in a million. */
function follows(counts: readonly number[], shares: readonly number[], draws: number): boolean {
  let chi = 0;
  let free = -1;
  for (const [at, share] of shares.entries()) {
    if (share === 0) {
      if ((counts[at] ?? 0) > 0) return false;
      continue;
    }
    const expected = (draws * share) / SLOTS;
    chi += ((counts[at] ?? 0) - expected) ** 2 / expected;
    free += 1;
  }
  // Wilson and Hilferty: the cube root of χ²/k is nearly normal; 4.89 is the quantile of 1 − 1e-6/2.
  if (free <= 0) return true;
  const width = 2 / (9 * free);
  return (Math.cbrt(chi / free) - (1 - width)) / Math.sqrt(width) < 4.89;
}

describe('picking a variant', () => {
  it('law: by weights the split follows them', () => {
    const weights = fc.array(fc.nat(1000), { minLength: 1, maxLength: 8 }).filter((all) => all.some((one) => one >= 50));
    fc.assert(
      fc.property(weights, fc.nat(), (given, seed) => {
        const compiled = compiledOf(policy(Object.fromEntries(given.map((weight, at) => [`v${at}`, weight]))));
        const random = new SeededRandom(seed);
        const counts = given.map(() => 0);
        const draws = 40_000;
        const live = liveWith({ chance: () => random.unit() });
        for (let i = 0; i < draws; i++) {
          const { index } = compiled.pick(factsOf({}), live);
          counts[index] = (counts[index] ?? 0) + 1;
        }
        assert.ok(follows(counts, compiled.main.shares, draws), `${counts} for ${compiled.main.shares}`);
      }),
      { seed: 4, numRuns: 60 },
    );
  });

  it('law: units move only from a share that fell to one that rose, half of the change within 0.2 points', () => {
    const edit = fc
      .record({ a: fc.nat(100), b: fc.nat(100), c: fc.nat(100), d: fc.nat(100) })
      .filter(({ a, b, c, d }) => a + b + c + d > 0);
    // Two million units: their spread over the slots is 0.04 points, a fifth of what is allowed.
    const hasher = new UnitHasher('s');
    const units = 2_000_000;
    const unitsOfSlot = new Uint32Array(SLOTS);
    for (let at = 0; at < units; at++) {
      const slot = hasher.slot(`user-${at}`);
      unitsOfSlot[slot] = (unitsOfSlot[slot] ?? 0) + 1;
    }
    const some = Array.from({ length: 500 }, (_, at) => factsOf({ headers: { 'x-user': `user-${at}` } }));
    fc.assert(
      fc.property(edit, edit, (before, after) => {
        const first = policy(before, { sticky: byHeader });
        const second = policy(after, { sticky: byHeader });
        const slots = assignSlots(first, new Map());
        const [old, young] = [compiledOf(first, slots), compiledOf(second, assignSlots(second, slots))];
        let moved = 0;
        for (const [slot, count] of unitsOfSlot.entries()) {
          const [from, to] = [old.main.ownerOf(slot), young.main.ownerOf(slot)];
          if (from === to) continue;
          moved += count;
          assert.ok((young.main.shares[from] ?? 0) < (old.main.shares[from] ?? 0));
          assert.ok((young.main.shares[to] ?? 0) > (old.main.shares[to] ?? 0));
        }
        const change = old.main.shares.reduce((sum, share, at) => sum + Math.abs(share - (young.main.shares[at] ?? 0)), 0) / 2;
        assert.ok(Math.abs(moved / units - change / SLOTS) <= 0.002, `${moved} of ${units} for ${change} slots`);
        for (const facts of some) {
          const pick = young.pick(facts, LIVE);
          assert.deepEqual([pick.index, pick.reason.kind], [young.main.ownerOf(young.slotOf(facts)), 'sticky']);
        }
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  it('law: the first rule that matches decides, whatever comes behind it', () => {
    const values = fc.array(fc.constantFrom('p', 'q', 'r'), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(values, fc.constantFrom('p', 'q', 'r', 'z'), (all, value) => {
        const rules = all.map((one, at) => rule(`r${at}`, one, { kind: 'variant', variant: at % 2 === 0 ? 'b' : 'c' }));
        const pick = compiledOf(policy({ a: 100, b: 0, c: 0 }, { rules })).pick(factsOf({ headers: { x: value } }), LIVE);
        const at = all.indexOf(value as 'p');
        assert.equal(named(pick), at < 0 ? 'a' : at % 2 === 0 ? 'b' : 'c');
        assert.deepEqual(pick.reason, at < 0 ? { kind: 'weights' } : { kind: 'rule', rule: `r${at}` });
      }),
      { seed: 6 },
    );
  });

  it('gives nothing to weight 0 unless it is named: by a rule, a label, the caller, a fallback', () => {
    const rules = [rule('to-dark', 'dark', { kind: 'variant', variant: 'dark' })];
    const compiled = compiledOf(policy({ a: 1, dark: 0 }, { rules, fallback: { on: ['error'], to: 'dark', timeoutMs: null } }));
    for (let i = 0; i < 1000; i++) {
      assert.equal(
        named(compiled.pick(factsOf({}), liveWith({ chance: () => i / 1000, inFlight: (at) => (at === 0 ? 1e6 : 0) }))),
        'a',
      );
    }
    const pick = compiled.pick(factsOf({ headers: { x: 'dark' } }), LIVE);
    assert.equal(named(pick), 'dark');
    assert.equal(compiled.pickLabel('dark')?.variant.name, 'dark');
    assert.equal(compiled.pickNamed('dark')?.variant.name, 'dark');
    const failed = compiled.pick(factsOf({}), LIVE);
    assert.deepEqual(compiled.instead(failed, 'error', [0], LIVE, -1)?.reason, { kind: 'fallback', from: 'a', cause: 'error' });
    assert.equal(compiled.instead(failed, 'timeout', [0], LIVE, -1), undefined);
    assert.equal(compiled.instead(failed, 'error', [0, 1], LIVE, -1), undefined);
  });

  it('law: a variant that cannot be called gives its share to the others by theirs, and units of the others stay', () => {
    const compiled = compiledOf(policy({ a: 50, b: 30, c: 20, dark: 0 }, { sticky: byHeader }));
    const away = liveWith({ available: (index) => index !== 0 });
    const counts = [0, 0, 0, 0];
    for (let at = 0; at < 20_000; at++) {
      const facts = factsOf({ headers: { 'x-user': `u${at}` } });
      const [before, now] = [compiled.pick(facts, LIVE), compiled.pick(facts, away)];
      if (before.index !== 0) assert.equal(now, before);
      else {
        counts[now.index] = (counts[now.index] ?? 0) + 1;
        assert.deepEqual(now.reason, { kind: 'unavailable', from: 'a' });
      }
    }
    assert.equal((counts[0] ?? 0) + (counts[3] ?? 0), 0);
    const moved = (counts[1] ?? 0) + (counts[2] ?? 0);
    assert.ok(Math.abs((counts[1] ?? 0) / moved - 0.6) < 0.03, `${counts}`);
  });

  it('replaces a variant of a split by another one of it, and only where none of these can by one of the others', () => {
    const shares = ['c', 'd'].map((variant) => ({ variant, weight: 50 }));
    const rules = [rule('part', 'p', { kind: 'split', shares })];
    const compiled = compiledOf(policy({ a: 100, b: 100, c: 0, d: 0 }, { rules }));
    const facts = factsOf({ headers: { x: 'p' } });
    for (let chance = 0; chance < 1; chance += 0.01) {
      const without = (...places: number[]) => liveWith({ chance: () => chance, available: (at) => !places.includes(at) });
      const failed = compiled.pick(facts, LIVE);
      const other = failed.index === 2 ? 3 : 2;
      assert.equal(compiled.pick(facts, without(failed.index)).index, other);
      assert.equal(compiled.instead(failed, 'unavailable', [failed.index], without(), -1)?.index, other);
      assert.ok(compiled.pick(facts, without(2, 3)).index < 2);
      assert.ok((compiled.instead(failed, 'unavailable', [failed.index], without(2, 3), -1)?.index ?? 9) < 2);
    }
  });

  it('law: a unit whose variant fails during a call meets the one that its later calls are given', () => {
    const compiled = compiledOf(policy({ a: 50, b: 30, c: 20 }, { sticky: byHeader }));
    for (let at = 0; at < 2000; at++) {
      const facts = factsOf({ headers: { 'x-user': `u${at}` } });
      let slot = -2;
      const failed = compiled.pick(facts, liveWith({ sorted: (unitSlot) => (slot = unitSlot) }));
      const instead = compiled.instead(failed, 'unavailable', [failed.index], liveWith({ chance: () => 0 }), slot);
      assert.equal(instead, compiled.pick(facts, liveWith({ available: (index) => index !== failed.index })));
    }
  });

  it('sends to the fallback what cannot be called where there is one, and keeps the pick where nobody can', () => {
    const compiled = compiledOf(policy({ a: 50, b: 50, safe: 0 }, { fallback: { on: ['error'], to: 'safe', timeoutMs: null } }));
    const away = liveWith({ chance: () => 0, available: (index) => index !== 0 });
    assert.equal(named(compiled.pick(factsOf({}), away)), 'safe');
    assert.equal(named(compiled.pick(factsOf({}), liveWith({ chance: () => 0, available: () => false }))), 'a');
  });

  it('does not replace a variant that the caller named', () => {
    const compiled = compiledOf(policy({ a: 1, b: 1 }, { fallback: { on: ['error'], to: 'a', timeoutMs: null } }));
    const named = compiled.pickNamed('b');
    assert.ok(named !== undefined);
    assert.equal(compiled.instead(named, 'error', [1], LIVE, -1), undefined);
  });

  it('sends the least loaded the next call, by its share', () => {
    const compiled = compiledOf(policy({ a: 75, b: 25, dark: 0 }, { strategy: { name: 'least-loaded', config: {} } }));
    const inFlight = [0, 0, 0];
    for (let i = 0; i < 400; i++) {
      const { index } = compiled.pick(factsOf({}), liveWith({ inFlight: (at) => inFlight[at] ?? 0 }));
      inFlight[index] = (inFlight[index] ?? 0) + 1;
    }
    assert.deepEqual(inFlight, [300, 100, 0]);
  });

  it('takes the word of a plug-in only for variants with a weight', () => {
    const compiled = compiledOf(policy({ a: 1, b: 1, dark: 0 }, { strategy: { name: 'mine', config: {} } }));
    const asks = (answer: number | undefined): Pick =>
      compiled.pick(factsOf({}), liveWith({ plugin: () => answer, chance: () => 0 }));
    assert.deepEqual(asks(1).reason, { kind: 'strategy', strategy: 'mine' });
    for (const answer of [2, 7, undefined]) assert.equal(named(asks(answer)), 'a');
  });

  it('takes a token for the unit where the policy has tokens, and an empty unit for none', () => {
    const unit = { kind: 'token', header: 'mm-sticky', cookie: null, lifetimeMs: durationMs(1000) } as const;
    const compiled = compiledOf(policy({ a: 1, b: 1 }, { sticky: { salt: 's', unit } }));
    assert.equal(compiled.pick(factsOf({ tokenUnit: 'u' }), LIVE).reason.kind, 'sticky');
    assert.equal(compiled.pick(factsOf({ tokenUnit: '' }), LIVE).reason.kind, 'weights');
  });

  it('splits by a rule with slots of its own, sticky where the call has a unit', () => {
    const shares = [
      { variant: 'b', weight: 1 },
      { variant: 'c', weight: 1 },
    ];
    const rules = [rule('eu', 'eu', { kind: 'split', shares })];
    const compiled = compiledOf(policy({ a: 100, b: 0, c: 0 }, { rules, sticky: byHeader }));
    const seen = new Set<string>();
    for (let at = 0; at < 200; at++) {
      const facts = factsOf({ headers: { x: 'eu', 'x-user': `u${at}` } });
      const pick = compiled.pick(facts, LIVE);
      assert.deepEqual(pick.reason, { kind: 'rule-split', rule: 'eu', sticky: true });
      assert.equal(compiled.pick(facts, liveWith({ chance: () => 0.999 })), pick);
      seen.add(named(pick));
    }
    assert.deepEqual(seen, new Set(['b', 'c']));
  });

  it('mirrors its share, never onto the variant itself', () => {
    const compare = { tolerance: 0, topK: 0, output: null, segment: null, comparer: 'tensors' };
    const mirrors = [
      { to: 'a', percent: 100, compare },
      { to: 'shadow', percent: 25, compare },
    ];
    const compiled = compiledOf(policy({ a: 1, shadow: 0 }, { mirrors }));
    const pick = compiled.pick(factsOf({}), LIVE);
    assert.deepEqual(compiled.mirrorsOf(pick, liveWith({ chance: () => 0.249 })), [1]);
    assert.deepEqual(compiled.mirrorsOf(pick, liveWith({ chance: () => 0.25 })), []);
  });

  it('is explained by the same way', () => {
    const rules = [rule('one', 'p', { kind: 'variant', variant: 'b' }), rule('two', 'q', { kind: 'variant', variant: 'b' })];
    const compiled = compiledOf(policy({ a: 90, b: 10 }, { rules, sticky: byHeader }));
    const facts = factsOf({ headers: { x: 'q', 'x-user': '42' } });
    const told = explainPick(compiled, facts, LIVE);
    assert.equal(told.pick, compiled.pick(facts, LIVE));
    assert.deepEqual(
      told.rules.map(({ outcome }) => outcome),
      ['not-matched', 'matched'],
    );
    assert.deepEqual([told.unit, told.slot], ['42', compiled.slotOf(facts)]);
    assert.deepEqual(
      told.variants.map(({ percent }) => percent),
      [90, 10],
    );
  });

  it('refuses to be compiled without a variant', () => {
    assert.throws(
      () => new CompiledPolicy({ ...compiledOf(policy({ a: 1 })), policy: policy({}), slots: new Map(), published: null }),
      RangeError,
    );
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bytes, durationMs } from '@modelmesh/core';
import { createCachePolicy } from '@modelmesh/core/cache';
import { coldSaved, FAMILY_NAMES, makeTrace, replayTrace } from '@modelmesh/core/replay';
import { type FamilyVerdict, guideRows, guideShares, judgeFamilies, mayShip, RULE } from './index.ts';

const MIB = 2 ** 20;
const saved = (...shares: readonly number[]) => shares.map((savedMean) => ({ savedMean }));

test('the rule: enough on three of four families, and worse by more than a little on none', () => {
  assert.equal(mayShip(saved(0.15, 0.15, 0.15, -0.03)), true);
  assert.equal(mayShip(saved(0.15, 0.15, 0.149, 0.1)), false);
  assert.equal(mayShip(saved(0.5, 0.5, 0.5, -0.031)), false);
  assert.equal(mayShip(saved(0.5, 0.5, 0.5, 0.5)), true);
});

test('the order by cost is shipped by the rule: ten seeds a family, a quarter of the calls of the measurement', (context) => {
  const seeds = Array.from({ length: 10 }, (_, at) => 201 + at);
  const verdicts = judgeFamilies('cost-aware', seeds, { calls: 15_000 });
  for (const { family, savedMean, savedLeast, hitRates } of verdicts)
    context.diagnostic(
      `${family}: ${savedMean.toFixed(3)} saved, least ${savedLeast.toFixed(3)}, hits ${hitRates.map((rate) => rate.toFixed(3))}`,
    );
  assert.ok(mayShip(verdicts));
  for (const { family, savedLeast, failures } of verdicts) {
    assert.ok(savedLeast >= -RULE.lostMax, `${family} under its worst seed`);
    assert.deepEqual(failures, [0, 0]);
  }
});

test('what it saves does not hang on differences of cost: with models that are all alike it is a tenth or more in each family', (context) => {
  for (const family of FAMILY_NAMES) {
    const trace = makeTrace(family, { seed: 301, calls: 15_000 });
    const models = trace.models.map((model) => ({ ...model, bytes: bytes(64 * MIB), loadMs: durationMs(1000) }));
    const alike = { ...trace, models, cache: { ...trace.cache, capacity: bytes(60 * 64 * MIB) } };
    const [lru, cost] = (['lru', 'cost-aware'] as const).map((name) => replayTrace(alike, createCachePolicy(name)));
    assert.ok(lru !== undefined && cost !== undefined);
    context.diagnostic(`${family}: ${coldSaved(lru, cost).toFixed(3)} saved`);
    assert.ok(coldSaved(lru, cost) >= 0.1, family);
  }
});

test('the guide shows the figures that were kept, and the rule held for them', () => {
  const { figures } = JSON.parse(readFileSync(new URL('../../results/policies.json', import.meta.url), 'utf8')) as Kept;
  const guide = readFileSync(new URL('../../../../docs/guides/cache-policies.md', import.meta.url), 'utf8');
  assert.ok(mayShip(figures.families) && figures.mayShip);
  for (const row of guideRows(figures.families)) assert.ok(guide.includes(row), row);
  for (const { name, families } of figures.variations)
    assert.ok(guide.includes(guideShares(families)), `${name}: ${guideShares(families)}`);
});

interface Kept {
  readonly figures: {
    readonly mayShip: boolean;
    readonly families: readonly FamilyVerdict[];
    readonly variations: readonly { readonly name: string; readonly families: readonly FamilyVerdict[] }[];
  };
}

test('the default beside itself saves nothing, so that what is measured is the policy', () => {
  for (const verdict of judgeFamilies('lru', [1], { calls: 3000, models: 60 })) {
    assert.deepEqual([verdict.savedMean, verdict.savedLeast, verdict.savedMost], [0, 0, 0]);
    assert.equal(verdict.coldSeconds[0], verdict.coldSeconds[1]);
  }
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SUITE_LEEWAY } from '../figures/index.ts';
import { BESIDE_P99_MAX, ISOLATION, isolationClaim, runIsolation } from './index.ts';

describe('tiny models beside one that computes all the time', () => {
  it('keep their p99 within 2 ×', { timeout: 120_000 }, async (t) => {
    const figures = await runIsolation({ ...ISOLATION, rounds: 3, phaseMs: 1500 });
    const { sentence, ratio } = isolationClaim(figures);
    t.diagnostic(`${sentence}: ${JSON.stringify(figures)}`);
    assert.ok(ratio <= BESIDE_P99_MAX * SUITE_LEEWAY, `${sentence}: ${ratio}`);
  });
});

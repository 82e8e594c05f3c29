import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SUITE_LEEWAY } from '../figures/index.ts';
import { BESIDE_SHADOW_P99_MAX, LIVE_COST, runLiveCost } from './index.ts';

/** Runs that may miss the aim one after the other: the machine does other things too. */
const RUNS_MAX = 2;

describe('live calls of which all are mirrored to a shadow ten times slower', () => {
  it('keep their p99 within 1.1 ×', { timeout: 240_000 }, async (t) => {
    const ratios: number[] = [];
    do {
      const figures = await runLiveCost({ ...LIVE_COST, rounds: 20 });
      t.diagnostic(JSON.stringify(figures));
      assert.deepEqual([figures.pairs, figures.dropped], [figures.calls, 0], 'each of them was mirrored');
      ratios.push(figures.p99Ratio);
    } while (Math.min(...ratios) > BESIDE_SHADOW_P99_MAX * SUITE_LEEWAY && ratios.length < RUNS_MAX);
    assert.ok(Math.min(...ratios) <= BESIDE_SHADOW_P99_MAX * SUITE_LEEWAY, ratios.join(', '));
  });
});

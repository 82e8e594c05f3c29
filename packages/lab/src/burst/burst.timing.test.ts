import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SUITE_LEEWAY } from '../figures/index.ts';
import { COLD_BURST, coldClaims, runColdBurst, runStalledBurst, STALLED_BURST, stalledClaims } from './index.ts';

describe('a thousand first calls at once', () => {
  it('make one load and are answered soon after it', { timeout: 120_000 }, async (t) => {
    const figures = await runColdBurst(COLD_BURST);
    t.diagnostic(JSON.stringify(figures));
    assert.deepEqual(
      coldClaims(figures, SUITE_LEEWAY).filter(({ holds }) => !holds),
      [],
    );
  });

  it('of a mebibyte each hold no more than their windows, and leave other models alone', { timeout: 120_000 }, async (t) => {
    const figures = await runStalledBurst(STALLED_BURST);
    t.diagnostic(JSON.stringify(figures));
    assert.deepEqual(
      stalledClaims(figures, SUITE_LEEWAY).filter(({ holds }) => !holds),
      [],
    );
  });
});

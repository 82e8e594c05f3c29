import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COLD_BURST, coldClaims, runColdBurst } from './index.ts';

describe('bursts that are larger and come more often', () => {
  it('of five thousand first calls make one load each time', { timeout: 600_000 }, async (t) => {
    const figures = await runColdBurst({ ...COLD_BURST, calls: 5000, rounds: 10 });
    t.diagnostic(JSON.stringify(figures));
    assert.deepEqual(
      coldClaims(figures).filter(({ holds }) => !holds),
      [],
    );
  });
});

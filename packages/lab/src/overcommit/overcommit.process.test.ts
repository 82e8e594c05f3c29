import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { claimsOf, runOvercommit, SHORT_PLAN } from './index.ts';

describe('forty models with room for twenty-four', () => {
  it('are all answered rightly, within the bound, and leave no memory behind', { timeout: 120_000 }, async () => {
    const figures = await runOvercommit(SHORT_PLAN);
    assert.deepEqual(
      claimsOf(figures).filter(({ holds }) => !holds),
      [],
    );
    assert.ok(figures.copies.evictions > 0, 'nothing was evicted: the fleet fits');
  });
});

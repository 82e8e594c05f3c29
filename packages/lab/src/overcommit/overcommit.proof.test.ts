import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderTable } from '../figures/index.ts';
import { claimsOf, FULL_PLAN, overcommitTable, runOvercommit } from './index.ts';

describe('three hundred models with room for thirty', () => {
  it('are all answered rightly for a minute, within the bound, and leave no memory behind', { timeout: 900_000 }, async (t) => {
    const figures = await runOvercommit(FULL_PLAN);
    t.diagnostic(renderTable(overcommitTable(figures), false));
    assert.deepEqual(
      claimsOf(figures).filter(({ holds }) => !holds),
      [],
    );
    assert.ok(figures.copies.evictions > 100, `only ${figures.copies.evictions} evictions`);
  });
});

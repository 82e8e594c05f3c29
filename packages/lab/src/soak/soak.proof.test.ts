import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { writeResults } from '../figures/index.ts';
import { allFlat, runSoak, SOAK, soakTable } from './index.ts';

describe('a node under mixed load for twenty minutes', () => {
  it('has flat memory in the last ten', { timeout: 25 * 60_000 }, async (t) => {
    const figures = await runSoak(SOAK);
    writeResults('soak', figures);
    t.diagnostic(JSON.stringify(soakTable(figures).rows));
    assert.ok(allFlat(figures), JSON.stringify({ resident: figures.resident, heap: figures.heap, external: figures.external }));
  });
});

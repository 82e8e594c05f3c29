import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hunt } from './index.ts';

/** Minutes and more are the command's: `npm run lab:fuzz -- --minutes 10`. */
const FOR_MS = 10_000;

describe('connections on frames that are told what has been changed', () => {
  it('never throw, hold no more than their limits allow, and tell each stream one end', { timeout: 120_000 }, async (t) => {
    const figures = await hunt({ seed: 7, forMs: FOR_MS });
    t.diagnostic(JSON.stringify(figures));
    assert.ok(figures.streams > 0 && figures.refusedConnections > 0 && figures.engineCases > 0);
  });
});

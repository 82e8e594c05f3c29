import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { measureStarts, NODE_SHARE_MS_MAX } from './index.ts';

describe('the start of a node', () => {
  it('takes at most a second beyond that of its runtime', { timeout: 60_000 }, async (t) => {
    const figures = await measureStarts(3);
    t.diagnostic(JSON.stringify(figures));
    assert.ok(figures.beyondMs <= NODE_SHARE_MS_MAX, `${figures.beyondMs} ms beyond ${figures.runtimeMs} ms`);
  });
});

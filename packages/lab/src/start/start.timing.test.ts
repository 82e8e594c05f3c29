import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SUITE_LEEWAY } from '../figures/index.ts';
import { measureStarts, NODE_SHARE_MS_MAX } from './index.ts';

describe('the start of a node', () => {
  it('takes at most a second beyond that of its runtime', { timeout: 60_000 }, async (t) => {
    const figures = await measureStarts(3);
    t.diagnostic(JSON.stringify(figures));
    assert.ok(figures.beyondMs <= NODE_SHARE_MS_MAX * SUITE_LEEWAY, `${figures.beyondMs} ms beyond ${figures.runtimeMs} ms`);
  });
});

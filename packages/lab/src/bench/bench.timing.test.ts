import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { contention, readBaselines, renderTable, SUITE_LEEWAY } from '../figures/index.ts';
import { coldHolds, coldTable, hopTable, ratiosOf, runColdCalls, runHop, SUITE_HOP, worsenedTwice } from './index.ts';

/** However busy the machine is, a figure that misses its aim by more than this is wrong. */
const EXCUSED_MAX = 5;

describe('a call through the node', () => {
  it('costs no more of the CPU than its baseline and a third, or than in a second run at once', {
    timeout: 240_000,
  }, async (t) => {
    const baselines = readBaselines('bench');
    const failures = await worsenedTwice(async (only) => {
      const figures = await runHop({ ...SUITE_HOP, ...(only === undefined ? {} : { only }) });
      t.diagnostic(renderTable(hopTable(figures, baselines), false));
      return ratiosOf(figures);
    }, baselines);
    assert.deepEqual(failures, []);
  });

  it('that finds its model cold takes little beyond the load and one commit', { timeout: 60_000 }, async (t) => {
    const before = contention();
    const figures = await runColdCalls(40);
    t.diagnostic(renderTable(coldTable(figures), false));
    // A part of every call is waited for a core, where others want them.
    const leeway = Math.min(EXCUSED_MAX, SUITE_LEEWAY * Math.max(before, contention()));
    assert.ok(coldHolds(figures, leeway), `${figures.beyondMs} ms beyond a commit of ${figures.commitMs} ms`);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readBaselines, renderTable, SUITE_LEEWAY } from '../figures/index.ts';
import { aboveBaseline, coldHolds, coldTable, hopTable, runColdCalls, runHop } from './index.ts';

describe('a call through the node', () => {
  it('costs no more of the CPU than its baseline allows', { timeout: 240_000 }, async (t) => {
    const baselines = readBaselines('bench');
    const figures = await runHop({ rounds: 3, smallCalls: 1500, largeCalls: 300, driver: 'own' });
    t.diagnostic(renderTable(hopTable(figures, baselines), false));
    assert.deepEqual(aboveBaseline(figures, baselines, SUITE_LEEWAY), []);
  });

  it('that finds its model cold takes little beyond the load and one commit', { timeout: 60_000 }, async (t) => {
    const figures = await runColdCalls(40);
    t.diagnostic(renderTable(coldTable(figures), false));
    assert.ok(coldHolds(figures, SUITE_LEEWAY), `${figures.beyondMs} ms beyond a commit of ${figures.commitMs} ms`);
  });
});

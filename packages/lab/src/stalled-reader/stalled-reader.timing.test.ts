import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SUITE_LEEWAY } from '../figures/index.ts';
import { LOSS_MAX, lossOf, runStalledReader, STALLED_READER } from './index.ts';

describe('one stalled reader among 100 streams on one connection to the runtime', () => {
  it('costs the others less than a tenth of their throughput', { timeout: 120_000 }, async (t) => {
    const figures = await runStalledReader({ ...STALLED_READER, rounds: 7, phaseMs: 500 });
    t.diagnostic(JSON.stringify(figures));
    assert.ok(figures.unreadBytesMax > 0, 'the reader was given nothing to leave unread');
    assert.ok(lossOf(figures) < LOSS_MAX * SUITE_LEEWAY, `they lost ${lossOf(figures)}`);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canMeasure } from '../process-usage/index.ts';
import { runSoak, SOAK } from './index.ts';

describe('a node under mixed load', { skip: canMeasure ? false : 'Linux alone tells what a process uses' }, () => {
  it('answers calls, streams, cancelled and cold calls side by side; whether memory is flat takes longer to tell', {
    timeout: 120_000,
  }, async (t) => {
    const { counts, loads, samples } = await runSoak({ ...SOAK, forMs: 8000, everyMs: 400 });
    t.diagnostic(JSON.stringify({ counts, loads, last: samples.at(-1) }));
    for (const [kind, count] of Object.entries({ ...counts, loads })) assert.ok(count > 0, `${kind}: ${count}`);
    for (const { residentBytes, heapBytes, externalBytes } of samples)
      assert.ok(residentBytes > heapBytes && heapBytes > 0 && externalBytes > 0);
  });
});

/** `field.md` §4.9, item 4: a cyclic scan over twice the capacity beside a hot set that fits easily. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CachePolicyName, createCachePolicy } from '../cache/index.ts';
import { bytes, durationMs, modelKey } from '../index.ts';
import { SeededRandom } from '../testing/index.ts';
import { type ReplayFigures, replayTrace, type Trace } from './index.ts';

const MIB = 2 ** 20;
const ROOM = 40;
const HOT = 10;
const SCANNED = 2 * ROOM;
const CALLS = 40_000;
/** Four of five calls are the scan's. */
const HOT_SHARE = 0.2;

/** Models that differ in nothing but in how they are called: what is measured is the resistance to the scan alone. */
function scanBesideHotSet(seed: number): Trace {
  const random = new SeededRandom(seed, 'hot or scan');
  const model = (name: string) => ({ key: modelKey(name), bytes: bytes(64 * MIB), loadMs: durationMs(1000) });
  let scan = 0;
  const called = Uint32Array.from({ length: CALLS }, () => {
    if (random.unit() < HOT_SHARE) return random.below(HOT);
    scan += 1;
    return HOT + (scan % SCANNED);
  });
  return {
    cache: { capacity: bytes(Math.ceil((ROOM * 64) / 0.96) * MIB), loadingConcurrency: 4, unloadMs: durationMs(0) },
    models: Array.from({ length: HOT + SCANNED }, (_, at) => model(at < HOT ? `hot-${at}` : `scanned-${at}`)),
    atMs: Float64Array.from({ length: CALLS }, (_, at) => at * 1500),
    called,
  };
}

/** Share of the hot set's calls that found a copy, first loads included. */
function hotHitRate({ byModel }: ReplayFigures): number {
  const hot = byModel.slice(0, HOT);
  return hot.reduce((sum, { hits }) => sum + hits, 0) / hot.reduce((sum, { calls }) => sum + calls, 0);
}

const rates = (policy: CachePolicyName): readonly number[] =>
  [1, 2, 3].map((seed) => {
    const figures = replayTrace(scanBesideHotSet(seed), createCachePolicy(policy));
    assert.equal(figures.failures, 0, 'no call fails while the cache churns');
    return hotHitRate(figures);
  });

test('field §4.9 item 4: a cyclic scan over twice the capacity leaves the hot set at 95 % of hits or more, with the order by cost', (context) => {
  const [lru, cost] = [rates('lru'), rates('cost-aware')];
  const text = (list: readonly number[]): string => list.map((rate) => `${(rate * 100).toFixed(1)} %`).join(', ');
  context.diagnostic(`hits of the hot set under three seeds: cost-aware ${text(cost)}; lru ${text(lru)}`);
  assert.ok(Math.min(...cost) >= 0.95);
  assert.ok(Math.max(...lru) < Math.min(...cost), 'the trace is one that weighted LRU suffers from');
});

test('field §4.9 item 4: of the scan alone, over models that are all alike, a part stays and is found by cost; by last use nothing is', (context) => {
  const trace = scanBesideHotSet(1);
  const scanOnly = { ...trace, called: Uint32Array.from(trace.called, (_, at) => HOT + (at % SCANNED)) };
  const [lru, cost] = (['lru', 'cost-aware'] as const).map((name) => replayTrace(scanOnly, createCachePolicy(name)));
  assert.ok(lru !== undefined && cost !== undefined);
  context.diagnostic(`hits in ${CALLS} calls: cost-aware ${cost.hits}, lru ${lru.hits}`);
  assert.deepEqual([lru.failures, cost.failures], [0, 0]);
  assert.equal(lru.hits, 0);
  // With room for half of the cycle nobody can find more than half.
  assert.ok(cost.hits > CALLS / 5, `${cost.hits} hits`);
});

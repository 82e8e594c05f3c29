import assert from 'node:assert/strict';
import { it } from 'node:test';
import { endpointId } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { createMetrics } from './index.ts';
import { MODEL_IDLE_MS } from './model-series.ts';
import { SHADOW_SERIES_MAX } from './shadow-series.ts';

const CONFIG = { fullMethodNames: false, perModel: false, modelsMax: 10, variantsMax: 10, processMetrics: false, info: null };
const linesOf = async (metrics: ReturnType<typeof createMetrics>): Promise<string[]> =>
  (await metrics.render(['mesh_shadow_calls_total'])).split('\n').filter((line) => line.startsWith('mesh_shadow_calls_total'));

it('shadows are counted by endpoint, mirror and outcome, so many mirrors of their own and the rest as one', async () => {
  const clock = new FakeClock();
  const metrics = createMetrics(CONFIG, clock);
  const add = (mirror: string, outcome: 'equal' | 'flip') => metrics.shadow?.({ endpoint: endpointId('fraud'), mirror, outcome });
  add('next', 'equal');
  add('next', 'equal');
  add('next', 'flip');
  assert.deepEqual(await linesOf(metrics), [
    'mesh_shadow_calls_total{endpoint="fraud",mirror="next",outcome="equal"} 2',
    'mesh_shadow_calls_total{endpoint="fraud",mirror="next",outcome="flip"} 1',
  ]);
  for (let at = 0; at < SHADOW_SERIES_MAX + 5; at++) add(`mirror-${at}`, 'equal');
  const full = await linesOf(metrics);
  assert.equal(full.length, 2 + SHADOW_SERIES_MAX - 1 + 1);
  assert.ok(full.includes('mesh_shadow_calls_total{endpoint="other",mirror="other",outcome="equal"} 6'), full.join('\n'));
  clock.advance(MODEL_IDLE_MS);
  add('late', 'flip');
  const later = await linesOf(metrics);
  assert.deepEqual(later.toSorted(), [
    'mesh_shadow_calls_total{endpoint="fraud",mirror="late",outcome="flip"} 1',
    'mesh_shadow_calls_total{endpoint="other",mirror="other",outcome="equal"} 6',
  ]);
  metrics.close();
});

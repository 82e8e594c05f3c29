import assert from 'node:assert/strict';
import { it } from 'node:test';
import { endpointId } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { REVIEW_EVERY_MS } from './cardinality-budget.ts';
import { createMetrics } from './index.ts';
import { SHADOW_NAMES_MAX, SHADOW_SERIES_MAX } from './shadow-series.ts';

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
  for (let at = 0; at < 5; at++) add('late', 'flip');
  clock.advance(REVIEW_EVERY_MS);
  add('late', 'flip');
  const later = await linesOf(metrics);
  assert.ok(
    later.some((line) => line.startsWith('mesh_shadow_calls_total{endpoint="fraud",mirror="late"')),
    later.join('\n'),
  );
  const sum = later.reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
  assert.equal(sum, 3 + SHADOW_SERIES_MAX + 5 + 6, 'whoever gives a place away, nothing that was counted is lost');
  metrics.close();
});

it('shadows of more mirrors than can be known are counted with the others', async () => {
  const metrics = createMetrics(CONFIG, new FakeClock());
  for (let at = 0; at < SHADOW_NAMES_MAX + 50; at++)
    metrics.shadow?.({ endpoint: endpointId('fraud'), mirror: `m${at}`, outcome: 'equal' });
  const others = `mesh_shadow_calls_total{endpoint="other",mirror="other",outcome="equal"} ${SHADOW_NAMES_MAX + 50 - SHADOW_SERIES_MAX}`;
  assert.ok((await linesOf(metrics)).includes(others));
  metrics.close();
});

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { durationMs, endpointId } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { REVIEW_EVERY_MS } from './cardinality-budget.ts';
import { createMetrics, createWorkerMetrics } from './index.ts';

const CONFIG = { fullMethodNames: false, perModel: false, modelsMax: 10, variantsMax: 2, processMetrics: false, info: null };
const NAMES = ['mesh_variant_requests_total', 'mesh_variant_picks_total', 'mesh_variant_request_milliseconds'];
type Metrics = Pick<ReturnType<typeof createMetrics>, 'variant'>;

const linesOf = async (metrics: ReturnType<typeof createMetrics>): Promise<string[]> =>
  (await metrics.render(NAMES)).split('\n').filter((line) => line.startsWith('mesh_') && !line.includes('_bucket'));

/** A call of a variant. */
function call(metrics: Metrics, variant: string, code: number, tookMs = 3): void {
  const sink = metrics.variant?.(endpointId('fraud'), variant);
  sink?.picked('weights');
  sink?.ended(code, durationMs(tookMs));
}

it('calls of variants are counted by code and by why they were picked, and their time is measured', async () => {
  const metrics = createMetrics(CONFIG, new FakeClock());
  call(metrics, 'stable', 0);
  call(metrics, 'stable', 0, 4);
  call(metrics, 'canary', 13);
  metrics.variant?.(endpointId('fraud'), 'stable').picked('fallback');
  const of = (variant: string) => `endpoint="fraud",variant="${variant}"`;
  assert.deepEqual((await linesOf(metrics)).toSorted(), [
    `mesh_variant_picks_total{${of('canary')},reason="weights"} 1`,
    `mesh_variant_picks_total{${of('stable')},reason="fallback"} 1`,
    `mesh_variant_picks_total{${of('stable')},reason="weights"} 2`,
    `mesh_variant_request_milliseconds_count{${of('canary')}} 1`,
    `mesh_variant_request_milliseconds_count{${of('stable')}} 2`,
    `mesh_variant_request_milliseconds_sum{${of('canary')}} 3`,
    `mesh_variant_request_milliseconds_sum{${of('stable')}} 7`,
    `mesh_variant_requests_total{${of('canary')},code="INTERNAL"} 1`,
    `mesh_variant_requests_total{${of('stable')},code="OK"} 2`,
  ]);
  metrics.close();
});

it('limit: metrics.variantsMax pairs have series of their own, those that are called most; workers add up', async () => {
  const clock = new FakeClock();
  const metrics = createMetrics(CONFIG, clock);
  const worker = createWorkerMetrics(0, CONFIG, clock);
  metrics.mergeWith(async () => [await worker.snapshot()]);
  for (const variant of ['a', 'b', 'c', 'd']) call(metrics, variant, 0);
  call(worker, 'a', 0);
  const requests = async () => (await linesOf(metrics)).filter((line) => line.startsWith('mesh_variant_requests_total'));
  const line = (endpoint: string, variant: string, count: number) =>
    `mesh_variant_requests_total{endpoint="${endpoint}",variant="${variant}",code="OK"} ${count}`;
  assert.deepEqual(await requests(), [line('fraud', 'a', 2), line('fraud', 'b', 1), line('other', 'other', 2)]);
  for (let times = 0; times < 20; times++) call(metrics, 'd', 0);
  clock.advance(REVIEW_EVERY_MS);
  call(metrics, 'd', 0);
  const later = await requests();
  assert.ok(
    later.some((text) => text.includes('variant="d"')),
    later.join('\n'),
  );
  const sum = later.reduce((total, text) => total + Number(text.split(' ').at(-1)), 0);
  assert.equal(sum, 4 + 1 + 21, 'nothing is lost when a place changes hands');
  metrics.close();
  worker.close();
});

it('no two series have the same labels, whatever an endpoint and its variants are called and however they come and go', async () => {
  const metrics = createMetrics({ ...CONFIG, variantsMax: 4 }, new FakeClock());
  const other = metrics.variant?.(endpointId('other'), 'other');
  const before = metrics.variant?.(endpointId('fraud'), 'canary');
  for (const variant of ['canary', 'stable']) call(metrics, variant, 0);
  before?.forget();
  call(metrics, 'canary', 0);
  for (const sink of [other, before]) sink?.picked('weights');
  const lines = await linesOf(metrics);
  const labels = lines.map((line) => line.slice(0, line.lastIndexOf(' ')));
  assert.equal(new Set(labels).size, labels.length, lines.join('\n'));
  const rest = 'mesh_variant_picks_total{endpoint="other",variant="other",reason="weights"}';
  assert.ok(lines.includes(`${rest} 3`), 'what canary had before it was forgotten, and the two that came late');
  metrics.close();
});

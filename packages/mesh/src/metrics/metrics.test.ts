import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { bytes, durationMs, endpointId, modelKey } from '@modelmesh/core';
import { FAKE_WALL_START_MS, FakeClock } from '@modelmesh/core/testing';
import { headerBlock } from '@modelmesh/grpc/stream';
import type { CallMetrics } from '../dataplane/index.ts';
import type { CacheMetrics } from '../node/index.ts';
import { createMetrics, type Figures, METHODS_MAX, METRIC_NAMES, type NodeMetrics, noMetrics } from './index.ts';
import { MODEL_IDLE_MS } from './model-series.ts';

const INFER = 'inference.GRPCInferenceService/ModelInfer';
const M = modelKey('m');

interface Family {
  readonly type: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}
type Families = Readonly<Record<string, Family>>;

/** Types, labels and buckets of the metrics that a real ModelMesh showed after some calls. */
const RECORDED: Families = JSON.parse(readFileSync(new URL('testing/recorded-families.json', import.meta.url), 'utf8'));

const PLAIN = { fullMethodNames: false, perModel: false, modelsMax: 2, variantsMax: 2, processMetrics: false, info: null };

function metricsOf(more: Partial<Parameters<typeof createMetrics>[0]> = {}) {
  const clock = new FakeClock();
  return { clock, metrics: createMetrics({ ...PLAIN, ...more }, clock) };
}

function call(metrics: NodeMetrics, more: Partial<Parameters<NodeMetrics['call']>[0]> = {}): void {
  const facts = { method: INFER, code: 0, durationMs: durationMs(0.25), requestBytes: 100, responseBytes: 200 };
  metrics.call({ ...facts, model: M, endpoint: null, headers: headerBlock([]), ...more });
}

/** The families of a page, as the recording has them. */
function familiesOf(page: string): Families {
  const families: Record<string, { type: string; labels: Set<string>; buckets: Set<number> }> = {};
  for (const [, name = '', type = ''] of page.matchAll(/^# TYPE (\S+) (\S+)$/gm))
    families[name] = { type, labels: new Set(), buckets: new Set() };
  for (const [, sample = '', labels = ''] of page.matchAll(/^([a-z]\S*?)(?:\{(.*)\})? \S+$/gm)) {
    const family = families[sample] ?? families[sample.replace(/_(bucket|sum|count)$/, '')];
    assert.ok(family, sample);
    for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      if (label !== 'le') family.labels.add(label);
      else if (value !== '+Inf') family.buckets.add(Number(value));
    }
  }
  const shown = Object.entries(families).map(([name, { type, labels, buckets }]) => {
    const bounds = [...buckets].sort((a, b) => a - b);
    return [name, { type, labels: [...labels].sort(), ...(bounds.length === 0 ? {} : { buckets: bounds }) }] as const;
  });
  return Object.fromEntries(shown);
}

const lines = (page: string, pattern: RegExp): string[] => page.split('\n').filter((line) => pattern.test(line));

const FIGURES: Figures = {
  capacityBytes: 1000,
  usedBytes: 333,
  bookedBytes: 400,
  models: 3,
  leastRecentUseMs: FAKE_WALL_START_MS - 90_500,
  modelsManaged: 9,
  modelsLoaded: 4,
  modelsWithFailure: 1,
  leads: true,
  connections: { open: 7, refused: 2 },
  limitsReached: new Map([
    ['parameters', 3],
    ['proposals', 0],
  ]),
  tokens: { outcomes: new Map([['issued', 5]]), remembered: 6, forgotten: 4 },
};

describe('the metrics', () => {
  it("have ModelMesh's names, types, labels and buckets, those of the Java virtual machine aside", async () => {
    const { metrics } = metricsOf();
    call(metrics);
    metrics.attempt(INFER, 0, durationMs(1), M);
    const shown = familiesOf(await metrics.render([]));
    // Metrics of the Java virtual machine (jvm_*, netty_*) are not in the recording: there is none here.
    for (const [name, family] of Object.entries(RECORDED)) assert.deepEqual(shown[name], family, name);
    const ours = Object.keys(shown).filter((name) => !Object.hasOwn(RECORDED, name));
    assert.deepEqual(ours.sort(), [
      'mesh_connections',
      'mesh_connections_refused_total',
      'mesh_forwarded_calls_total',
      'mesh_instance_booked_bytes',
      'mesh_limits_reached_total',
      'mesh_shadow_calls_total',
      'mesh_strategy_answers_total',
      'mesh_strategy_barred',
      'mesh_tokens_forgotten_total',
      'mesh_tokens_remembered',
      'mesh_tokens_total',
      'mesh_variant_picks_total',
      'mesh_variant_request_milliseconds',
      'mesh_variant_requests_total',
    ]);
    assert.deepEqual(Object.keys(shown).sort(), [...METRIC_NAMES].sort());
  });

  it('tell methods and codes apart and keep fractions of milliseconds', async () => {
    const { metrics } = metricsOf();
    call(metrics);
    call(metrics, { durationMs: durationMs(0.5) });
    call(metrics, { code: 14, responseBytes: 0 });
    call(metrics, { code: 99, responseBytes: 0 });
    const page = await metrics.render([]);
    assert.deepEqual(lines(page, /^modelmesh_api_request_milliseconds_(sum|count)/), [
      'modelmesh_api_request_milliseconds_sum{method="ModelInfer",code="OK"} 0.75',
      'modelmesh_api_request_milliseconds_count{method="ModelInfer",code="OK"} 2',
      'modelmesh_api_request_milliseconds_sum{method="ModelInfer",code="UNAVAILABLE"} 0.25',
      'modelmesh_api_request_milliseconds_count{method="ModelInfer",code="UNAVAILABLE"} 1',
      'modelmesh_api_request_milliseconds_sum{method="ModelInfer",code="UNKNOWN"} 0.25',
      'modelmesh_api_request_milliseconds_count{method="ModelInfer",code="UNKNOWN"} 1',
    ]);
    assert.deepEqual(lines(page, /^modelmesh_response_size_bytes_count/), [
      'modelmesh_response_size_bytes_count{method="ModelInfer",code="OK"} 2',
    ]);
  });

  it('have whole method names when told so', async () => {
    const { metrics } = metricsOf({ fullMethodNames: true });
    call(metrics);
    assert.match(await metrics.render([]), new RegExp(`_count{method="${INFER}",code="OK"} 1`));
  });

  it('label a hundred methods, and count later ones as other', async () => {
    const { metrics } = metricsOf();
    for (let at = 0; at < METHODS_MAX + 5; at++) call(metrics, { method: `a.B/M${at}` });
    const counts = lines(await metrics.render([]), /^modelmesh_api_request_milliseconds_count/);
    assert.equal(counts.length, METHODS_MAX + 1);
    assert.equal(counts.at(-1), 'modelmesh_api_request_milliseconds_count{method="other",code="OK"} 5');
  });

  it('count attempts at other nodes by what came of them', async () => {
    const { metrics } = metricsOf();
    for (const outcome of ['answered', 'connection-lost', 'answered'] as const) metrics.forwarded?.(outcome);
    assert.deepEqual(lines(await metrics.render([]), /^mesh_forwarded_calls_total/), [
      'mesh_forwarded_calls_total{outcome="answered"} 2',
      'mesh_forwarded_calls_total{outcome="connection-lost"} 1',
    ]);
  });

  it('count a wait for a load from ten milliseconds on', async () => {
    const { metrics } = metricsOf();
    metrics.cacheMiss(durationMs(10), M);
    metrics.cacheMiss(durationMs(11), M);
    assert.match(await metrics.render([]), /^modelmesh_cache_miss_milliseconds_count 1$/m);
  });

  it('show every fact of the cache under its name', async () => {
    const { metrics } = metricsOf();
    for (const name of ['loading-queue-delay', 'load-time', 'unload-time', 'sizing-time', 'age-at-eviction'] as const)
      metrics.cacheMetric(M, { name, durationMs: durationMs(20) });
    metrics.cacheMetric(M, { name: 'loaded-size', size: bytes(8192) });
    for (const name of ['load-failure', 'unload-failure', 'unload-attempt-failure'] as const) metrics.cacheMetric(M, { name });
    const page = await metrics.render([]);
    for (const name of ['loading_queue_delay', 'loadmodel', 'unloadmodel', 'model_sizing', 'age_at_eviction'])
      assert.match(page, new RegExp(`^modelmesh_${name}_milliseconds_sum 20$`, 'm'));
    assert.match(page, /^modelmesh_loaded_model_size_bytes_sum 8192$/m);
    for (const name of ['loadmodel_failure', 'unloadmodel_failure', 'unloadmodel_attempt_failure'])
      assert.match(page, new RegExp(`^modelmesh_${name} 1$`, 'm'));
  });

  it('read gauges when they are shown, once for all of them', async () => {
    const { metrics } = metricsOf();
    let reads = 0;
    metrics.readFrom(() => {
      reads += 1;
      return FIGURES;
    });
    const page = await metrics.render([]);
    assert.equal(reads, 1);
    const shown = lines(page, /^(modelmesh_instance|modelmesh_models|mesh_)/);
    assert.deepEqual(shown.sort(), [
      'mesh_connections 7',
      'mesh_connections_refused_total 2',
      'mesh_instance_booked_bytes 400',
      'mesh_limits_reached_total{limit="parameters"} 3',
      'mesh_limits_reached_total{limit="proposals"} 0',
      'mesh_tokens_forgotten_total 4',
      'mesh_tokens_remembered 6',
      'mesh_tokens_total{outcome="issued"} 5',
      'modelmesh_instance_capacity_bytes 1000',
      'modelmesh_instance_lru_age_seconds 90',
      `modelmesh_instance_lru_seconds ${Math.floor((FAKE_WALL_START_MS - 90_500) / 1000)}`,
      'modelmesh_instance_models_total 3',
      'modelmesh_instance_used_bps 3330',
      'modelmesh_instance_used_bytes 333',
      'modelmesh_models_loaded_total 4',
      'modelmesh_models_managed_total 9',
      'modelmesh_models_with_failure_total 1',
    ]);
    const again = await metrics.render([]);
    assert.match(again, /^mesh_connections_refused_total 2$/m);
    assert.match(again, /^mesh_limits_reached_total\{limit="parameters"\} 3$/m);
    assert.equal(reads, 2);
  });

  it('are 0 before there is anything to read', async () => {
    const { metrics } = metricsOf();
    assert.match(await metrics.render([]), /^modelmesh_instance_used_bps 0$/m);
    metrics.readFrom(() => ({ ...FIGURES, capacityBytes: 0, leastRecentUseMs: null }));
    const page = await metrics.render([]);
    assert.match(page, /^modelmesh_instance_used_bps 0$/m);
    assert.match(page, /^modelmesh_instance_lru_age_seconds 0$/m);
  });

  it('carry the info gauge that the configuration asks for', async () => {
    const { metrics } = metricsOf({ info: { name: 'build_info', labels: new Map([['version', '1.2']]) } });
    assert.match(await metrics.render([]), /^build_info{version="1\.2"} 1$/m);
  });

  it('show the process, and stop sampling when closed', async () => {
    const { metrics } = metricsOf({ processMetrics: true });
    const page = await metrics.render([
      'process_resident_memory_bytes',
      'process_cpu_seconds_total',
      'nodejs_eventloop_lag_max_seconds',
    ]);
    const [memory = 0, cpu = 0, lag = -1] = [
      'process_resident_memory_bytes',
      'process_cpu_seconds_total',
      'nodejs_eventloop_lag_max_seconds',
    ].map((name) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(page)?.[1]));
    assert.ok(memory > 1e7 && cpu > 0 && lag >= 0, page);
    metrics.close();
  });

  it('show only what is named: metrics whole, or samples of a histogram', async () => {
    const { metrics } = metricsOf();
    call(metrics);
    assert.deepEqual(lines(await metrics.render(['modelmesh_loadmodel_failure']), /^[a-z]/), ['modelmesh_loadmodel_failure 0']);
    assert.deepEqual(lines(await metrics.render(['modelmesh_api_request_milliseconds_count']), /^[a-z]/), [
      'modelmesh_api_request_milliseconds_count{method="ModelInfer",code="OK"} 1',
    ]);
    assert.equal(await metrics.render(['no_such_metric']), '');
  });

  it('take what the data plane and the cache measure, or nobody does', () => {
    for (const taken of [metricsOf().metrics, noMetrics] satisfies readonly (CallMetrics & CacheMetrics)[]) {
      for (const name of ['attempt', 'cacheMetric', 'cacheMiss', 'call'] as const) assert.equal(typeof taken[name], 'function');
    }
  });
});

describe('series per model', () => {
  const counts = async (metrics: NodeMetrics): Promise<string[]> =>
    lines(await metrics.render([]), /^modelmesh_api_request_milliseconds_count/).map((line) => line.replace(/^.*?{/, '{'));

  it('have both labels on every histogram', async () => {
    const { metrics } = metricsOf({ perModel: true });
    call(metrics, { endpoint: endpointId('e') });
    metrics.cacheMetric(M, { name: 'load-time', durationMs: durationMs(5) });
    const page = await metrics.render([]);
    assert.match(page, /^modelmesh_api_request_milliseconds_count{method="ModelInfer",code="OK",modelId="m",vModelId="e"} 1$/m);
    assert.match(page, /^modelmesh_loadmodel_milliseconds_sum{modelId="m",vModelId=""} 5$/m);
  });

  it('are bounded: beyond the limit models are counted as other', async () => {
    const { metrics } = metricsOf({ perModel: true });
    for (const name of ['a', 'b', 'c', 'd', 'a']) call(metrics, { model: modelKey(name) });
    assert.deepEqual(await counts(metrics), [
      '{method="ModelInfer",code="OK",modelId="a",vModelId=""} 2',
      '{method="ModelInfer",code="OK",modelId="b",vModelId=""} 1',
      '{method="ModelInfer",code="OK",modelId="other",vModelId=""} 2',
    ]);
  });

  it('go with models that nobody calls any more, and leave their place to others', async () => {
    const { clock, metrics } = metricsOf({ perModel: true });
    for (const name of ['a', 'b']) call(metrics, { model: modelKey(name) });
    metrics.cacheMetric(modelKey('a'), { name: 'load-time', durationMs: durationMs(5) });
    clock.advance(MODEL_IDLE_MS - 1);
    call(metrics, { model: modelKey('b') });
    call(metrics, { model: modelKey('c') });
    clock.advance(1000);
    call(metrics, { model: modelKey('c') });
    assert.deepEqual(await counts(metrics), [
      '{method="ModelInfer",code="OK",modelId="b",vModelId=""} 2',
      '{method="ModelInfer",code="OK",modelId="other",vModelId=""} 1',
      '{method="ModelInfer",code="OK",modelId="c",vModelId=""} 1',
    ]);
    assert.deepEqual(lines(await metrics.render([]), /modelId="a"/), []);
  });
});

it('§6.5 the numbers of the whole mesh are shown by the leader alone, from the scrape on at which it leads', async () => {
  const { metrics } = metricsOf();
  let leads = false;
  metrics.readFrom(() => ({ ...FIGURES, leads }));
  assert.deepEqual(lines(await metrics.render([]), /^modelmesh_models_/), []);
  leads = true;
  assert.deepEqual(lines(await metrics.render([]), /^modelmesh_models_/), [
    'modelmesh_models_loaded_total 4',
    'modelmesh_models_with_failure_total 1',
    'modelmesh_models_managed_total 9',
  ]);
  leads = false;
  assert.deepEqual(lines(await metrics.render([]), /^modelmesh_models_/), []);
});

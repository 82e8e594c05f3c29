import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytes, durationMs, modelKey } from '@modelmesh/core';
import { FAKE_WALL_START_MS, FakeClock } from '@modelmesh/core/testing';
import { headerBlock } from '@modelmesh/grpc/stream';
import { MODELMESH_METRICS } from './catalogue.ts';
import type { Figures } from './index.ts';
import { GAUGES_EVERY_MS, StatsDMetrics } from './statsd-metrics.ts';
import { LEGACY_NAMES } from './statsd-names.ts';
import { PACKET_BYTES_MAX } from './statsd-sender.ts';

const M = modelKey('m');
const INFER = 'inference.GRPCInferenceService/ModelInfer';

const FIGURES: Figures = {
  capacityBytes: 81_920,
  usedBytes: 8192,
  bookedBytes: 8192,
  models: 3,
  leastRecentUseMs: FAKE_WALL_START_MS - 90_500,
  modelsManaged: 9,
  modelsLoaded: 4,
  modelsWithFailure: 1,
  leads: true,
  connections: { open: 7, refused: 2 },
  limitsReached: new Map(),
};

/** StatsD whose packets a test reads. */
class Rig {
  readonly clock = new FakeClock();
  readonly packets: string[] = [];
  closed = false;
  readonly metrics: StatsDMetrics;

  constructor(more: { readonly legacy?: boolean; readonly fullMethodNames?: boolean } = {}) {
    const packets = {
      send: (packet: string): void => void this.packets.push(packet),
      close: (): void => {
        this.closed = true;
      },
    };
    this.metrics = new StatsDMetrics({ legacy: false, fullMethodNames: false, ...more }, this.clock, packets);
  }

  call(code = 0, method = INFER): void {
    const facts = { method, code, durationMs: durationMs(12.7), requestBytes: 100, responseBytes: code === 0 ? 200 : 0 };
    this.metrics.call({ ...facts, model: M, endpoint: null, headers: headerBlock([]) });
  }

  /** Lines since the last call of this. */
  lines(): readonly string[] {
    this.clock.advance(100);
    return this.packets.splice(0).flatMap((packet) => packet.split('\n'));
  }
}

describe('§6.5 StatsD, new style', () => {
  it('tells each call with tags in the name: times of those that succeeded, counts and sizes of all', () => {
    const rig = new Rig();
    rig.call();
    rig.metrics.attempt(INFER, 0, durationMs(11.2));
    assert.deepEqual(rig.lines(), [
      'modelmesh_api_request_milliseconds_statsd#method=ModelInfer,code=OK:12|ms',
      'modelmesh_api_request_statsd#method=ModelInfer,code=OK:1|c',
      'modelmesh_request_size_bytes_statsd#method=ModelInfer,code=OK:100|ms',
      'modelmesh_response_size_bytes_statsd#method=ModelInfer,code=OK:200|ms',
      'modelmesh_invoke_model_milliseconds_statsd#method=ModelInfer,code=OK:11|ms',
      'modelmesh_invoke_model_statsd#method=ModelInfer,code=OK:1|c',
    ]);
    rig.call(5);
    assert.deepEqual(rig.lines(), [
      'modelmesh_api_request_statsd#method=ModelInfer,code=NOT_FOUND:1|c',
      'modelmesh_request_size_bytes_statsd#method=ModelInfer,code=NOT_FOUND:100|ms',
    ]);
  });

  it('writes slashes of full names as dots, and nothing of a name that StatsD would read', () => {
    const rig = new Rig({ fullMethodNames: true });
    rig.call();
    assert.match(rig.lines()[0] ?? '', /#method=inference\.GRPCInferenceService\.ModelInfer,code=OK:/);
    rig.call(12, 'a.B/C:1|c#x=y,z@0.1');
    assert.match(rig.lines()[0] ?? '', /^modelmesh_api_request_statsd#method=a\.B\.C_1_c_x_y_z_0\.1,code=UNIMPLEMENTED:1\|c$/);
  });

  it('tells what the cache does, with the counters that Prometheus has as counts of histograms', () => {
    const rig = new Rig();
    rig.metrics.cacheMiss(durationMs(9));
    rig.metrics.cacheMiss(durationMs(40));
    rig.metrics.cacheMetric(M, { name: 'load-time', durationMs: durationMs(30) });
    rig.metrics.cacheMetric(M, { name: 'age-at-eviction', durationMs: durationMs(60_000) });
    rig.metrics.cacheMetric(M, { name: 'loaded-size', size: bytes(4096) });
    rig.metrics.cacheMetric(M, { name: 'unload-failure' });
    assert.deepEqual(rig.lines(), [
      'modelmesh_cache_miss_milliseconds_statsd:40|ms',
      'modelmesh_cache_miss_statsd:1|c',
      'modelmesh_loadmodel_milliseconds_statsd:30|ms',
      'modelmesh_loadmodel_statsd:1|c',
      'modelmesh_age_at_eviction_milliseconds_statsd:60000|ms',
      'modelmesh_model_evicted_statsd:1|c',
      'modelmesh_loaded_model_size_bytes_statsd:4096|ms',
      'modelmesh_unloadmodel_failure_statsd:1|c',
    ]);
  });

  it('tells gauges every ten seconds, those of the whole mesh only where the node leads', () => {
    const rig = new Rig();
    rig.clock.advance(GAUGES_EVERY_MS);
    assert.deepEqual(rig.lines(), [], 'nothing to read yet');
    rig.metrics.readFrom(() => FIGURES);
    rig.clock.advance(GAUGES_EVERY_MS);
    const lines = rig.lines();
    assert.equal(lines.length, 9);
    assert.ok(lines.includes('modelmesh_instance_capacity_bytes_statsd:81920|g'), lines.join());
    assert.ok(lines.includes('modelmesh_models_managed_total_statsd:9|g'));
    rig.metrics.readFrom(() => ({ ...FIGURES, leads: false }));
    rig.clock.advance(GAUGES_EVERY_MS);
    assert.deepEqual(
      rig.lines().filter((line) => line.startsWith('modelmesh_models')),
      [],
    );
  });
});

describe('§6.5 StatsD, legacy', () => {
  it('has the older names behind their prefix, without tags', () => {
    const rig = new Rig({ legacy: true });
    rig.call();
    rig.call(8);
    rig.metrics.attempt(INFER, 0, durationMs(11.2));
    rig.metrics.cacheMiss(durationMs(40));
    assert.deepEqual(rig.lines(), [
      'model-mesh.api-ModelInfer:12|ms',
      'model-mesh.api-ModelInfer.OK:1|c',
      'model-mesh.reqSize-ModelInfer.OK:100|ms',
      'model-mesh.respSize-ModelInfer.OK:200|ms',
      'model-mesh.api-ModelInfer.RESOURCE_EXHAUSTED:1|c',
      'model-mesh.reqSize-ModelInfer.RESOURCE_EXHAUSTED:100|ms',
      'model-mesh.invoke-ModelInfer:11|ms',
      'model-mesh.invoke-ModelInfer.OK:1|c',
      'model-mesh.cacheMiss:40|ms',
      'model-mesh.cacheMiss:1|c',
    ]);
  });

  it('counts capacity and use in units of 8 KiB', () => {
    const rig = new Rig({ legacy: true });
    rig.metrics.readFrom(() => FIGURES);
    rig.clock.advance(GAUGES_EVERY_MS);
    const lines = rig.lines();
    for (const line of ['totalCapacity:10|g', 'totalUsed:1|g', 'capacityUsage:1000|g', 'modelCount:3|g', 'localLruAge:100|g'])
      assert.ok(lines.includes(`model-mesh.${line}`), `${line} in ${lines.join(' ')}`);
  });

  it('has a name for every metric of ModelMesh', () => {
    const unnamed = Object.keys(MODELMESH_METRICS).filter((name) => !(name in LEGACY_NAMES));
    assert.deepEqual(unnamed, []);
  });
});

describe('packets of StatsD', () => {
  it('hold many lines and stay below the limit, and the last ones leave when the node ends', () => {
    const rig = new Rig();
    for (let at = 0; at < 100; at++) rig.call();
    assert.ok(rig.packets.length > 10, 'full packets do not wait');
    rig.metrics.close();
    assert.equal(rig.closed, true);
    assert.ok(rig.packets.every((packet) => Buffer.byteLength(packet) <= PACKET_BYTES_MAX));
    assert.equal(rig.packets.join('\n').split('\n').length, 400);
    assert.equal(rig.clock.pendingTimers, 0);
  });
});

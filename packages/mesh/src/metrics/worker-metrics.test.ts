import assert from 'node:assert/strict';
import { it } from 'node:test';
import { durationMs, modelKey } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { headerBlock } from '@modelmesh/grpc/stream';
import { countedIn, createMetrics, createWorkerMetrics, sumOf, type WorkerMetrics } from './index.ts';

const CONFIG = { fullMethodNames: false, perModel: true, modelsMax: 10, variantsMax: 10, processMetrics: false, info: null };

const call = (metrics: Pick<WorkerMetrics, 'call'>, model: string): void =>
  metrics.call({
    method: 'a.B/C',
    code: 0,
    durationMs: durationMs(3),
    requestBytes: 10,
    responseBytes: 20,
    model: modelKey(model),
    endpoint: null,
    headers: headerBlock([]),
  });

/** The samples of a page whose name begins so. */
const samples = (page: string, name: string): string[] => page.split('\n').filter((line) => line.startsWith(name));

/** A worker that measured calls of `models`, and what crosses the thread of it. */
async function measured(worker: number, models: readonly string[], open: number) {
  const metrics = createWorkerMetrics(worker, CONFIG, new FakeClock());
  metrics.readPortsFrom(() => ({ connections: { open, refused: 1 }, limitsReached: new Map() }));
  for (const model of models) call(metrics, model);
  const snapshot = structuredClone(await metrics.snapshot());
  metrics.close();
  return snapshot;
}

it('a page sums up what workers measured, and shows beside it what stands for one worker', async () => {
  const metrics = createMetrics(CONFIG, new FakeClock());
  const workers = [await measured(0, ['m', 'm', 'n'], 3), await measured(1, ['m'], 4)];
  metrics.mergeWith(() => Promise.resolve(workers));
  call(metrics, 'm');
  const page = await metrics.render([]);
  assert.deepEqual(samples(page, 'modelmesh_api_request_milliseconds_count'), [
    'modelmesh_api_request_milliseconds_count{method="C",code="OK",modelId="m",vModelId=""} 4',
    'modelmesh_api_request_milliseconds_count{method="C",code="OK",modelId="n",vModelId=""} 1',
  ]);
  assert.deepEqual(samples(page, 'mesh_connections'), ['mesh_connections 7', 'mesh_connections_refused_total 2']);
  assert.equal(samples(page, 'mesh_worker_eventloop_lag_p99_seconds{worker=').length, 2);
  const part = await metrics.render(['modelmesh_api_request_milliseconds_count']);
  assert.equal(samples(part, 'modelmesh_api_request_milliseconds_count').length, 2);
  assert.equal(samples(part, 'modelmesh_api_request_milliseconds_bucket').length, 0);
});

it('what a worker counted stays when it is gone, and what it was does not', async () => {
  const first = countedIn(await measured(0, ['m', 'm'], 3));
  const both = sumOf([first, countedIn(await measured(0, ['m'], 5))]);
  const metrics = createMetrics(CONFIG, new FakeClock());
  metrics.mergeWith(() => Promise.resolve([structuredClone(both)]));
  const page = await metrics.render([]);
  assert.deepEqual(samples(page, 'modelmesh_api_request_milliseconds_count'), [
    'modelmesh_api_request_milliseconds_count{method="C",code="OK",modelId="m",vModelId=""} 3',
  ]);
  assert.deepEqual(samples(page, 'mesh_connections'), ['mesh_connections 0', 'mesh_connections_refused_total 2']);
  assert.deepEqual(samples(page, 'mesh_worker_eventloop_lag_p99_seconds{'), []);
});

it('what control knows of workers is on the page: streams, those that were replaced, connections that were shed', async () => {
  const metrics = createMetrics(CONFIG, new FakeClock());
  metrics.mergeWith(() => Promise.resolve([]));
  const restarts = new Map([
    ['silent', 2],
    ['ended', 0],
  ] as const);
  const figures = { streams: new Map([[1, 12]]), restarts, connectionsShed: 3 };
  metrics.readFrom(() => ({ ...nodeFigures, workers: figures }));
  const page = await metrics.render([]);
  assert.deepEqual(samples(page, 'mesh_worker_'), [
    'mesh_worker_streams{worker="1"} 12',
    'mesh_worker_restarts_total{reason="silent"} 2',
    'mesh_worker_restarts_total{reason="ended"} 0',
    'mesh_worker_connections_shed_total 3',
  ]);
});

const nodeFigures = {
  capacityBytes: 1,
  usedBytes: 0,
  bookedBytes: 0,
  models: 0,
  leastRecentUseMs: null,
  modelsManaged: 0,
  modelsLoaded: 0,
  modelsWithFailure: 0,
  leads: false,
  connections: { open: 0, refused: 0 },
  limitsReached: new Map(),
};

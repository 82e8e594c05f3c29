import assert from 'node:assert/strict';
import { it } from 'node:test';
import { durationMs, modelKey } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { headerBlock } from '@modelmesh/grpc/stream';
import { createMetrics } from './index.ts';

const CALLS = 200_000;
/** Three measurements a call; ten times what it was seen to cost leaves room for slow machines. */
const MICROSECONDS_A_CALL_MAX = 4;

it('a call is measured in microseconds, also per model', () => {
  for (const perModel of [false, true]) {
    const config = { fullMethodNames: false, perModel, modelsMax: 100, variantsMax: 100, processMetrics: false, info: null };
    const metrics = createMetrics(config, new FakeClock());
    const models = Array.from({ length: 50 }, (_, at) => modelKey(`m${at}`));
    const facts = {
      method: 'inference.GRPCInferenceService/ModelInfer',
      code: 0,
      requestBytes: 300,
      responseBytes: 300,
      endpoint: null,
      headers: headerBlock([]),
    };
    const before = process.cpuUsage();
    for (let at = 0; at < CALLS; at++)
      metrics.call({ ...facts, durationMs: durationMs(at % 50), model: models[at % models.length] ?? null });
    const { user, system } = process.cpuUsage(before);
    const spent = (user + system) / CALLS;
    console.log(`${spent.toFixed(2)} µs CPU a call${perModel ? ' with series per model' : ''}`);
    assert.ok(spent < MICROSECONDS_A_CALL_MAX);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STREAM_LIMIT_DEFAULTS } from '@modelmesh/grpc/stream';
import { LimitCounters, RULE_LIMIT_NAMES, VARIANT_LIMIT_NAMES } from './limit-counters.ts';

test('limits are counted over all that share the memory, and those that nobody reached are there with 0', () => {
  const control = new LimitCounters();
  const workers = [new LimitCounters(control.buffer), new LimitCounters(control.buffer)];
  for (const { add } of workers) add('resets');
  workers[0]?.add('queuedStreamsMax');
  workers[1]?.addLabel('rules.evaluationCost');
  const reached = [...control.counts()].filter(([, times]) => times > 0);
  assert.deepEqual(reached, [
    ['http2.resets', 2],
    ['http2.queuedStreamsMax', 1],
    ['rules.evaluationCost', 1],
  ]);
  assert.equal(
    control.counts().size,
    Object.keys(STREAM_LIMIT_DEFAULTS).length + RULE_LIMIT_NAMES.length + VARIANT_LIMIT_NAMES.length,
  );
});

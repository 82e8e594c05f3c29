import assert from 'node:assert/strict';
import { it } from 'node:test';
import { durationMs, modelKey } from '@modelmesh/core';
import { headerBlock } from '@modelmesh/grpc/stream';
import { createLog } from '../log/index.ts';
import { noMetrics } from '../metrics/index.ts';
import { LoggedCalls } from './index.ts';

const FACTS = {
  method: 'a.B/C',
  code: 5,
  durationMs: durationMs(1.23456),
  requestBytes: 10,
  responseBytes: 0,
  model: modelKey('m'),
  endpoint: null,
  headers: headerBlock(['x-request-id', 'r-1', 'x-tenant', 'acme']),
};

it('a call becomes a line with its ids and the headers that are wanted, once that is switched on', () => {
  const lines: Record<string, unknown>[] = [];
  const sink = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const log = createLog({ level: 'info', instance: 'i', service: 's', sink });
  const calls = new LoggedCalls(noMetrics, log, { logEachInvocation: false, logHeaders: new Map() });
  calls.call(FACTS);
  assert.equal(lines.length, 0);
  calls.follow({ logEachInvocation: true, logHeaders: new Map([['x-tenant', 'tenant']]) });
  calls.call(FACTS);
  const [line] = lines;
  const { event, model, requestId, tenant, code, durationMs: took, message } = line ?? {};
  assert.deepEqual(
    { event, model, requestId, tenant, code, took, message },
    { event: 'call', model: 'm', requestId: 'r-1', tenant: 'acme', code: 5, took: 1.235, message: 'a.B/C ended with NOT_FOUND' },
  );
});

it('§6.6 a call that another node sent becomes a line at the node of its runtime, with the fields that came along', () => {
  const lines: Record<string, unknown>[] = [];
  const sink = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const log = createLog({ level: 'info', instance: 'i', service: 's', sink });
  const config = { logEachInvocation: true, logHeaders: new Map([['x-tenant', 'tenant']]) };
  const calls = new LoggedCalls(noMetrics, log, config);
  const fields = calls.loggedFields(headerBlock(['x-tenant', 'acme', 'x-other', 'no']));
  assert.deepEqual(fields, { tenant: 'acme' });
  const { method, code, durationMs: tookMs, model } = FACTS;
  calls.attempt(method, code, tookMs, model, { fields: fields ?? {}, requestId: 'r-1', forwarded: false });
  assert.equal(lines.length, 0, 'the entry has a line for the whole call');
  calls.attempt(method, code, tookMs, model, { fields: fields ?? {}, requestId: 'r-1', forwarded: true });
  const [{ event, tenant, requestId, message } = {}] = lines;
  assert.deepEqual([event, tenant, requestId, message], ['forwarded-call', 'acme', 'r-1', 'a.B/C ran here for another node']);
  calls.follow({ logEachInvocation: true, logHeaders: new Map() });
  assert.equal(calls.loggedFields(headerBlock(['x-tenant', 'acme'])), null);
});

it('an attempt at another node is counted by what is measured beside', () => {
  const outcomes: string[] = [];
  const log = createLog({ level: 'info', instance: 'i', service: 's', sink: { write: () => {} } });
  const inner = { ...noMetrics, forwarded: (outcome: string) => void outcomes.push(outcome) };
  const calls = new LoggedCalls(inner, log, { logEachInvocation: false, logHeaders: new Map() });
  calls.forwarded('not-here');
  assert.deepEqual(outcomes, ['not-here']);
});

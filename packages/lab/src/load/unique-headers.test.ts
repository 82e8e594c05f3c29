import assert from 'node:assert/strict';
import { it } from 'node:test';
import { grpcRequest } from './index.ts';
import { uniqueCalls } from './unique-headers.ts';

it('calls with headers of their own differ in a traceparent and an x-request-id of the right form, and in nothing else', () => {
  const request = grpcRequest('/any.Service/Call', Buffer.from('x'), ['mm-model-id', 'm']);
  const next = uniqueCalls(request);
  const calls = Array.from({ length: 1000 }, () => next());

  for (const { headers, frames } of calls) {
    assert.match(headers.get('traceparent') ?? '', /^00-[\da-f]{32}-[\da-f]{16}-01$/);
    assert.match(headers.get('x-request-id') ?? '', /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/);
    const others = headers.without((name) => name === 'traceparent' || name === 'x-request-id');
    assert.deepEqual(others.raw(), request.headers.raw());
    assert.equal(frames, request.frames);
  }
  for (const name of ['traceparent', 'x-request-id'])
    assert.equal(new Set(calls.map(({ headers }) => headers.get(name))).size, calls.length, name);
});

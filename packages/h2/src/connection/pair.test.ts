import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pair } from './testing/index.ts';

test('a call goes there and back: head, data, trailers, and one end on either side', () => {
  const pair = new Pair();
  const stream = pair.open(['x-a', '1']);
  stream.sendData(new Uint8Array(Buffer.from('hello')), true);
  pair.run();
  const served = pair.served[0];
  assert.ok(served !== undefined);
  served.stream.sendHeaders({ raw: () => [':status', '200'] }, false);
  served.stream.sendData(new Uint8Array(Buffer.from('world')), false);
  served.stream.sendTrailers({ raw: () => ['grpc-status', '0'] });
  pair.run();
  assert.deepEqual(served.heard.log, ['data hello end', 'closed']);
  assert.deepEqual(pair.heard[0]?.log, ['headers 200', 'data world', 'trailers grpc-status 0', 'closed']);
});

test('a large body is framed within windows, which open as it is consumed', () => {
  const pair = new Pair();
  const stream = pair.open([]);
  const body = new Uint8Array(1_000_000).fill(7);
  assert.equal(stream.sendData(body, true), false);
  pair.run();
  const served = pair.served[0];
  assert.ok(served !== undefined);
  assert.equal(served.heard.bytes, 65_535);
  served.heard.consumes = true;
  served.stream.consume(served.heard.bytes);
  pair.run();
  assert.equal(served.heard.bytes, 1_000_000);
  assert.equal(served.heard.log.at(-1), 'end');
});

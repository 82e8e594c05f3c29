import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAG, FRAME } from '../frames/index.ts';
import { Blocks, frame, Heard, LoneServer, Pair, u32 } from './testing/index.ts';
import { WaitingRoom } from './waiting.ts';

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

test('a stream that was given trailers and no data before its connection was there ends with them', () => {
  const pair = new Pair();
  const waiting = new WaitingRoom(() => undefined);
  const heard = new Heard();
  const stream = waiting.make(heard, false);
  stream.sendTrailers({ raw: () => ['x-checksum', '1'] });
  pair.client.open(stream, { raw: () => [':method', 'POST', ':scheme', 'http', ':path', '/test', ':authority', 'test'] });
  pair.run();
  assert.deepEqual(pair.served[0]?.heard.log, ['trailers x-checksum 1']);
});

test('an end without data goes out when the other side has made the window of its stream negative', () => {
  const server = new LoneServer();
  server.say(new Blocks().request(1, true));
  const stream = server.served[0]?.stream;
  stream?.sendHeaders({ raw: () => [':status', '200'] }, false);
  stream?.sendData(new Uint8Array(1000), false);
  server.collect();
  server.connection.congested(server.nowMs);
  stream?.sendData(new Uint8Array(0), true);
  server.say(frame(FRAME.settings, 0, 0, [0, 4, ...u32(0)]));
  assert.ok((stream?.sendWindow ?? 0) < 0);
  server.connection.relieved(server.nowMs);
  server.collect();
  assert.deepEqual(
    server.sent.filter(({ type }) => type === FRAME.data).map(({ payload, flags }) => [payload.byteLength, flags]),
    [
      [1000, 0],
      [0, FLAG.endStream],
    ],
  );
});

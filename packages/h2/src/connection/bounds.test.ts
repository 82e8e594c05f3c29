/** Limits that the other side cannot pass: how much we send, keep and give. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_CODE, FLAG, FRAME, uint32At } from '../frames/index.ts';
import type { ReceiveBudget } from './events.ts';
import { Blocks, FREE_BUDGET, frame, LoneServer, Pair, u32 } from './testing/index.ts';

const OK = { raw: () => [':status', '200'] };
const WINDOW = 65_535;
const MEGABYTE = 1_048_576;

test('framedBytesMax: no more data is framed while the socket is not relieved, and what its stream keeps is framed then', () => {
  const server = new LoneServer({ framedBytesMax: 40_000 });
  server.say(frame(FRAME.settings, 0, 0, [0, 4, ...u32(1_000_000)]), frame(FRAME.windowUpdate, 0, 0, u32(1_000_000)));
  server.say(new Blocks().request(1, true));
  const stream = server.served[0]?.stream;
  stream?.sendHeaders(OK, false);
  assert.equal(stream?.sendData(new Uint8Array(200_000), true), false);
  const { outputBytes } = server.connection;
  assert.ok(outputBytes > 40_000 && outputBytes < 40_000 + 16_384 + 100, `${outputBytes} octets are framed`);
  server.connection.congested(server.nowMs);
  server.collect();
  server.connection.pump();
  assert.equal(server.connection.outputBytes, 0);
  server.connection.relieved(server.nowMs);
  assert.ok(server.connection.outputBytes > 40_000);
});

test('rememberedResetsMax: late frames of streams that we have reset are ignored, of those that are forgotten they are refused', () => {
  const server = new LoneServer({ rememberedResetsMax: 2 });
  const blocks = new Blocks();
  for (const id of [1, 3, 5]) server.say(blocks.request(id, false));
  for (const { stream } of server.served) stream.reset(ERROR_CODE.cancel);
  server.collect();
  const before = server.sent.length;
  for (const id of [1, 3, 5]) server.say(frame(FRAME.data, 0, id, [1]));
  const late = server.sent.slice(before).filter(({ type }) => type === FRAME.rstStream);
  assert.deepEqual(
    late.map(({ streamId, payload }) => [streamId, uint32At(payload, 0)]),
    [[1, ERROR_CODE.streamClosed]],
  );
  assert.equal(server.end, undefined);
});

test('connectionWindowBytes: credit of the connection returns on receipt, so that streams which consume nothing never use it up', () => {
  const connectionWindowBytes = 100_000;
  const pair = new Pair({ server: { connectionWindowBytes } });
  for (let count = 0; count < 10; count += 1) pair.open([]).sendData(new Uint8Array(MEGABYTE), true);
  pair.run();
  assert.deepEqual(
    pair.served.map(({ heard }) => heard.bytes),
    Array.from({ length: 10 }, () => WINDOW),
  );
});

test('sentListBytesMax: a longer list is not sent, and its stream ends with a word', () => {
  const pair = new Pair({ client: { sentListBytesMax: 1000 } });
  pair.open(['x', 'v'.repeat(2000)]);
  pair.run();
  assert.equal(pair.served.length, 0);
  assert.equal(pair.heard[0]?.end?.kind, 'protocol-error');
  pair.open(['x', '1']);
  pair.run();
  assert.equal(pair.served.length, 1);
});

test('headerTableBytesMax: a table that is wider than we have said ends the connection', () => {
  const server = new LoneServer({ headerTableBytesMax: 1000 });
  // A table size update of 1001 (RFC 7541 §6.3).
  server.say(frame(FRAME.headers, FLAG.endHeaders, 1, [0x3f, 0xca, 0x07, ...new Blocks().of([])]));
  assert.equal(server.goaway?.code, ERROR_CODE.compressionError);
});

/** Sends `bytes` on a new stream of a pair whose server consumes at once; returns the window that its stream has then. */
function windowAfter(pair: Pair, bytes: number): number {
  const stream = pair.open([]);
  pair.run();
  const served = pair.served.at(-1);
  assert.ok(served !== undefined);
  served.heard.consumes = true;
  stream.sendData(new Uint8Array(bytes), false);
  pair.run();
  assert.equal(served.heard.bytes, bytes);
  assert.ok(served.stream.receiveWindow <= served.stream.windowBytes);
  return served.stream.windowBytes;
}

test('streamWindowBytesMax: the window of a stream grows to it while what comes is consumed, and no further', () => {
  assert.equal(windowAfter(new Pair(), 60_000), WINDOW);
  const grown = windowAfter(new Pair(), 400_000);
  assert.ok(grown > 2 * WINDOW && grown < MEGABYTE, `${grown} bytes`);
  assert.equal(windowAfter(new Pair(), 8 * MEGABYTE), MEGABYTE);
  assert.equal(windowAfter(new Pair({ server: { streamWindowBytesMax: 100_000 } }), 8 * MEGABYTE), 100_000);
  assert.equal(windowAfter(new Pair({ server: { streamWindowBytesMax: WINDOW } }), 8 * MEGABYTE), WINDOW);
});

test('streamWindowBytesMax: the window of a stream that consumes nothing, or a part, stays as it was', () => {
  const pair = new Pair();
  const stream = pair.open([]);
  stream.sendData(new Uint8Array(MEGABYTE), true);
  pair.run();
  const served = pair.served[0];
  assert.ok(served !== undefined);
  assert.equal(served.heard.bytes, WINDOW);
  for (let round = 0; round < 20; round += 1) {
    served.stream.consume(served.stream.unconsumedBytes - 1);
    pair.run();
  }
  assert.equal(served.stream.windowBytes, WINDOW);
});

test('streamWindowBytesMax: a window that grew is as at the start once its receiver falls behind, and grows no more', () => {
  const pair = new Pair();
  assert.equal(windowAfter(pair, 8 * MEGABYTE), MEGABYTE);
  const served = pair.served[0];
  assert.ok(served !== undefined);
  const { stream, heard } = served;
  heard.consumes = false;
  pair.opened[0]?.sendData(new Uint8Array(20 * MEGABYTE), false);
  pair.run();
  assert.ok(stream.unconsumedBytes <= MEGABYTE, 'no more comes than was allowed before');
  assert.equal(stream.windowBytes, WINDOW);
  for (let round = 0; round < 40; round += 1) {
    stream.consume(Math.ceil(stream.unconsumedBytes / 2));
    pair.run();
  }
  assert.ok(stream.unconsumedBytes <= WINDOW, `${stream.unconsumedBytes} bytes lie there after a while`);
  heard.consumes = true;
  stream.consume(stream.unconsumedBytes);
  pair.run();
  assert.equal(heard.bytes, 28 * MEGABYTE, 'all of it comes through the narrow window');
  assert.equal(stream.windowBytes, WINDOW);
  assert.ok(stream.receiveWindow <= WINDOW);
});

test('a window grows only as far as the budget has room for it, which is given back with the stream', () => {
  let leftBytes = 3 * WINDOW;
  const budget: ReceiveBudget = {
    ...FREE_BUDGET,
    widens: (byteCount) => {
      if (byteCount > leftBytes) return false;
      leftBytes -= byteCount;
      return true;
    },
    narrows: (byteCount) => {
      leftBytes += byteCount;
    },
  };
  const pair = new Pair({ serverBudget: budget });
  assert.equal(windowAfter(pair, 2 * MEGABYTE), 4 * WINDOW);
  assert.equal(leftBytes, 0);
  assert.equal(windowAfter(pair, 2 * MEGABYTE), WINDOW);
  pair.served[0]?.stream.reset(ERROR_CODE.cancel);
  assert.equal(leftBytes, 3 * WINDOW);
  assert.equal(windowAfter(pair, 2 * MEGABYTE), 4 * WINDOW);
  pair.server.close();
  assert.equal(leftBytes, 3 * WINDOW);
});

test('a budget that is tight refuses new streams, and hears of it', () => {
  let refusals = 0;
  const budget: ReceiveBudget = {
    ...FREE_BUDGET,
    isTight: true,
    refuses: () => {
      refusals += 1;
    },
  };
  const pair = new Pair({ serverBudget: budget });
  pair.open([]);
  pair.run();
  assert.deepEqual([refusals, pair.served.length, pair.limits], [1, 0, []]);
  assert.deepEqual(pair.heard[0]?.end, { kind: 'unprocessed', why: 'refused-stream' });
});

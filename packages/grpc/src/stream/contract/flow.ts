import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_STREAM_LIMITS } from '../limits.ts';
import { type ByteStream, CREDIT_SLACK, type StreamEngine } from '../port.ts';
import { okHeaders, Pair, roundTrip } from './pair.ts';
import { Recorder } from './recorder.ts';

const WINDOW = DEFAULT_STREAM_LIMITS.streamWindowBytes;
/** What a receiver that consumes nothing may be given. */
const UNCONSUMED_MAX = WINDOW * (1 + CREDIT_SLACK);
const MEGABYTE = 1_048_576;
const CHUNK = 16_384;

/** Sends `byteCount` bytes in chunks, as room allows. */
async function sendAll(stream: ByteStream, heard: Recorder, byteCount: number): Promise<void> {
  for (let sent = 0; sent < byteCount; sent += CHUNK) {
    const writable = heard.events.length;
    const last = sent + CHUNK >= byteCount;
    if (!stream.sendData(new Uint8Array(Math.min(CHUNK, byteCount - sent)), last) && !last) {
      await heard.until(() => heard.over || heard.events.lastIndexOf('writable') >= writable);
      heard.events.push('resumed');
    }
  }
}

/** Several round trips: whatever was under way has come. */
async function settle(pair: Pair): Promise<void> {
  for (let trip = 0; trip < 5; trip += 1) await roundTrip(pair.client);
}

/** Flow control: credit by `consume` alone, and one stalled stream stalls no other. */
export function flowContract(makeEngine: () => StreamEngine): void {
  creditTests(makeEngine);
  stallTests(makeEngine);
}

function creditTests(makeEngine: () => StreamEngine): void {
  test('a client that consumes nothing is given at most its window and the slack, and all once it consumes', async () => {
    await using pair = await Pair.over(makeEngine(), {
      serve: ({ stream, heard }) => {
        stream.sendHeaders(okHeaders, false);
        void sendAll(stream, heard, MEGABYTE);
      },
    });
    const heard = new Recorder('never');
    const stream = pair.open(heard, true);
    await heard.until(() => heard.receivedBytes >= WINDOW);
    await settle(pair);
    assert.ok(heard.receivedBytes <= UNCONSUMED_MAX, `${heard.receivedBytes} bytes came`);
    heard.consumption = 'at once';
    stream.consume(heard.receivedBytes);
    await heard.untilOver();
    assert.equal(heard.receivedBytes, MEGABYTE);
  });

  test('a server that consumes nothing stops the client within the same bound', async () => {
    await using pair = await Pair.over(makeEngine(), { serverConsumes: 'never' });
    const heard = new Recorder();
    const stream = pair.open(heard);
    const sending = sendAll(stream, heard, MEGABYTE);
    const { stream: receiving, heard: server } = await pair.nthAccepted(0);
    await server.until(() => server.receivedBytes >= WINDOW);
    await settle(pair);
    assert.ok(server.receivedBytes <= UNCONSUMED_MAX, `${server.receivedBytes} bytes came`);
    server.consumption = 'at once';
    receiving.consume(server.receivedBytes);
    await server.untilEnd();
    await sending;
    assert.equal(server.receivedBytes, MEGABYTE);
  });

  test('consuming a part lets a part more come', async () => {
    await using pair = await Pair.over(makeEngine(), { serverConsumes: 'never' });
    const heard = new Recorder();
    void sendAll(pair.open(heard), heard, MEGABYTE);
    const { stream, heard: server } = await pair.nthAccepted(0);
    await server.until(() => server.receivedBytes >= WINDOW);
    await settle(pair);
    const before = server.receivedBytes;
    stream.consume(before);
    await server.until(() => server.receivedBytes >= before + WINDOW / 2);
    await settle(pair);
    assert.ok(server.receivedBytes <= before + UNCONSUMED_MAX);
    assert.ok(server.receivedBytes < MEGABYTE);
  });
}

function stallTests(makeEngine: () => StreamEngine): void {
  test('a sender is told to stop, and to go on when there is room', async () => {
    await using pair = await Pair.over(makeEngine(), { serverConsumes: 'never' });
    const heard = new Recorder();
    const stream = pair.open(heard);
    await pair.nthAccepted(0);
    let sent = 0;
    while (stream.sendData(new Uint8Array(CHUNK), false)) sent += CHUNK;
    assert.ok(sent < MEGABYTE, 'sending was never told to stop');
    const { stream: receiving, heard: server } = await pair.nthAccepted(0);
    server.consumption = 'at once';
    receiving.consume(server.receivedBytes);
    await heard.until(() => heard.events.includes('writable'));
  });

  test('stalled streams do not stall their neighbours on the connection, in either direction', async () => {
    const connectionWindowBytes = WINDOW;
    await using pair = await Pair.over(makeEngine(), {
      serverLimits: { connectionWindowBytes },
      clientLimits: { connectionWindowBytes },
      serve: ({ stream, heard, headers }) => {
        heard.consumption = headers.get('x-stall') === undefined ? 'at once' : 'never';
        stream.sendHeaders(okHeaders, false);
        void sendAll(stream, heard, MEGABYTE);
      },
    });
    const stalled = Array.from({ length: 20 }, () => new Recorder('never'));
    for (const recorder of stalled) void sendAll(pair.open(recorder, false, ['x-stall', '1']), recorder, MEGABYTE);
    await Promise.all(stalled.map((recorder) => recorder.until(() => recorder.receivedBytes >= WINDOW)));
    const heard = new Recorder();
    await sendAll(pair.open(heard), heard, MEGABYTE);
    await heard.untilOver();
    const { heard: server } = await pair.nthAccepted(20);
    await server.untilEnd();
    assert.equal(heard.receivedBytes, MEGABYTE);
    assert.equal(server.receivedBytes, MEGABYTE);
    for (const recorder of stalled) assert.ok(recorder.receivedBytes <= UNCONSUMED_MAX);
  });
}

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { type Clock, durationMs, monotonicMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { realClock } from '../../testing/index.ts';
import { listen, Pair, RawPeer, Recorder, requestHeaders, roundTrip, streamContract } from '../contract/index.ts';
import { DEFAULT_STREAM_LIMITS, type StreamLimitName, UNANSWERED_PINGS_MAX } from '../limits.ts';
import { createFrameEngine } from './engine.ts';

const connectTimeoutMs = durationMs(5000);
const WINDOW = DEFAULT_STREAM_LIMITS.streamWindowBytes;
const MEGABYTE = 1_048_576;

/** Sends `keptUpBytes` on a new stream to a server that consumes them, which then stops: what it is given unconsumed. */
async function sentUnconsumed(pair: Pair, keptUpBytes: number): Promise<number> {
  const heard = new Recorder();
  const index = pair.accepted.length;
  const stream = pair.open(heard);
  const { heard: server } = await pair.nthAccepted(index);
  stream.sendData(new Uint8Array(keptUpBytes), false);
  await server.until(() => server.receivedBytes === keptUpBytes);
  server.consumption = 'never';
  stream.sendData(new Uint8Array(2 * MEGABYTE), false);
  for (let trip = 0; trip < 5; trip += 1) await roundTrip(pair.client);
  return server.receivedBytes - keptUpBytes;
}

streamContract('h2', (bounds) => createFrameEngine({ clock: realClock, connectTimeoutMs, ...bounds }));
streamContract('h2 with poisoned buffers', (bounds) =>
  createFrameEngine({ clock: realClock, connectTimeoutMs, poison: true, ...bounds }),
);

test('unansweredPingsMax: further pings are not sent, and said to be unanswered at once', async () => {
  const told: StreamLimitName[] = [];
  // It answers settings and nothing else.
  await using peer = await RawPeer.listen();
  const engine = createFrameEngine({ clock: realClock, onLimit: (limit) => told.push(limit) });
  const client = engine.connect({ kind: 'tcp', host: '127.0.0.1', port: peer.port }, DEFAULT_STREAM_LIMITS);
  await new Promise<void>((resolve) => {
    client.onState = ({ kind }) => kind === 'ready' && resolve();
    client.connect();
  });
  const answers: (number | null)[] = [];
  for (let count = 0; count < UNANSWERED_PINGS_MAX; count += 1) client.ping((ms) => answers.push(ms));
  assert.equal(await roundTrip(client), null);
  assert.deepEqual([told, answers], [['unansweredPingsMax'], []]);
  client.close();
  await new Promise(process.nextTick);
  assert.deepEqual(
    answers,
    Array.from({ length: UNANSWERED_PINGS_MAX }, () => null),
  );
});

test('the window of a stream grows while both sides keep up, within the budget, and is what it was at the start for the next one', async () => {
  const engine = createFrameEngine({ clock: realClock, connectTimeoutMs, connectionUnconsumedBytesMax: 16 * MEGABYTE });
  await using pair = await Pair.over(engine);
  const grown = await sentUnconsumed(pair, 4 * MEGABYTE);
  // Credit comes by halves of a window.
  assert.ok(
    grown > MEGABYTE / 2 - WINDOW && grown <= MEGABYTE,
    `${grown} bytes were given to a receiver that had kept up and stopped`,
  );
  const next = await sentUnconsumed(pair, 0);
  assert.ok(next <= WINDOW, `${next} bytes were given to the next one`);
  const tight = createFrameEngine({ clock: realClock, connectTimeoutMs, connectionUnconsumedBytesMax: MEGABYTE });
  await using small = await Pair.over(tight);
  const narrow = await sentUnconsumed(small, 4 * MEGABYTE);
  assert.ok(narrow <= MEGABYTE / 4 + WINDOW, `${narrow} bytes were given within a budget of a megabyte`);
});

test('a connection that cannot be made says why', async () => {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  const client = createFrameEngine({ clock: realClock }).connect({ kind: 'tcp', host: '127.0.0.1', port }, DEFAULT_STREAM_LIMITS);
  const heard = new Recorder();
  client.open(requestHeaders(), true, heard);
  await heard.untilOver();
  assert.match(JSON.stringify(heard.cause), /connect-failed.*ECONNREFUSED/);
  client.close();
});

test('an engine without connections has no timer, and one that was held up blames nobody for it', async () => {
  const fake = new FakeClock();
  let heldUpMs = 0;
  const clock: Clock = {
    wallMs: () => fake.wallMs(),
    monotonicMs: () => monotonicMs(fake.monotonicMs() + heldUpMs),
    after: (delayMs, fire) => fake.after(delayMs, fire),
  };
  const engine = createFrameEngine({ clock, connectionLimits: { settingsMsMax: 2000 } });
  const accepted = Promise.withResolvers<Socket>();
  const info = { remoteAddress: '', encrypted: false, clientCertificate: undefined };
  const server = createServer((socket) => {
    engine.serve(socket, info, DEFAULT_STREAM_LIMITS, () => assert.fail('nothing is opened'));
    accepted.resolve(socket);
  });
  const port = await listen(server);
  const silent = connect(port, '127.0.0.1').resume();
  const socket = await accepted.promise;
  assert.equal(fake.pendingTimers, 1);
  heldUpMs = 5000;
  fake.advance(1000);
  assert.equal(socket.writableEnded, false);
  fake.advance(1000);
  assert.equal(socket.writableEnded, true);
  await once(silent, 'close');
  if (!socket.closed) await once(socket, 'close');
  server.close();
  assert.equal(fake.pendingTimers, 0);
});

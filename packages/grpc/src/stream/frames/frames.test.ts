import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { type Clock, durationMs, monotonicMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { realClock } from '../../testing/index.ts';
import { listen, Recorder, requestHeaders, streamContract } from '../contract/index.ts';
import { DEFAULT_STREAM_LIMITS } from '../limits.ts';
import { createFrameEngine } from './engine.ts';

const connectTimeoutMs = durationMs(5000);

streamContract('h2', () => createFrameEngine({ clock: realClock, connectTimeoutMs }));
streamContract('h2 with poisoned buffers', () => createFrameEngine({ clock: realClock, connectTimeoutMs, poison: true }));

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

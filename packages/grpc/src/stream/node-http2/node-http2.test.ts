import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { realClock } from '../../testing/index.ts';
import { listen, Recorder, requestHeaders, streamContract } from '../contract/index.ts';
import { DEFAULT_STREAM_LIMITS } from '../limits.ts';
import { createNodeHttp2Engine } from './engine.ts';

const connectTimeoutMs = durationMs(5000);

streamContract('node:http2', () => createNodeHttp2Engine({ clock: realClock, connectTimeoutMs }));
streamContract('node:http2 with poisoned buffers', () =>
  createNodeHttp2Engine({ clock: realClock, connectTimeoutMs, poison: true }),
);

test('a peer that accepts and says nothing is a failed connection once the connect timeout is over', async () => {
  const clock = new FakeClock();
  const sockets: Socket[] = [];
  const accepted = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined).resume());
    accepted.resolve();
  });
  const port = await listen(server);
  const client = createNodeHttp2Engine({ clock, connectTimeoutMs }).connect(
    { kind: 'tcp', host: '127.0.0.1', port },
    DEFAULT_STREAM_LIMITS,
  );
  const heard = new Recorder();
  client.open(requestHeaders(), true, heard);
  await accepted.promise;
  clock.advance(4999);
  assert.equal(client.state.kind, 'connecting');
  clock.advance(1);
  await heard.untilOver();
  assert.equal(heard.cause?.kind, 'connect-failed');
  assert.match(
    heard.cause?.kind === 'connect-failed' ? heard.cause.message : '',
    /no HTTP\/2 settings came from 127.0.0.1:\d+ within 5000 ms/,
  );
  assert.equal(clock.pendingTimers, 0);
  client.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

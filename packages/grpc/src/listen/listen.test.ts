import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { Recorder } from '../stream/contract/index.ts';
import { type ByteStream, DEFAULT_STREAM_LIMITS, headerBlock } from '../stream/index.ts';
import { listenOnLoopback, poisoningEngine } from '../testing/index.ts';
import { rfc2253, splitAltNames } from './connection-info.ts';
import { Listener, UNIX_PATH_BYTES_MAX } from './index.ts';

const request = headerBlock([':method', 'POST', ':scheme', 'http', ':path', '/', ':authority', 'x']);
const ok = headerBlock([':status', '200']);

test('closing waits for calls that end within the grace', async () => {
  const accepted = Promise.withResolvers<ByteStream>();
  const listener = await listenOnLoopback((stream) => {
    accepted.resolve(stream);
    return new Recorder();
  });
  const client = poisoningEngine.connect({ kind: 'tcp', host: '127.0.0.1', port: listener.port }, DEFAULT_STREAM_LIMITS);
  const heard = new Recorder();
  client.open(request, true, heard);
  const stream = await accepted.promise;
  assert.equal(listener.connectionCount, 1);
  const closing = listener.close(new FakeClock(), durationMs(1000));
  stream.sendHeaders(ok, true);
  await Promise.all([closing, heard.untilOver()]);
  assert.equal(heard.events.at(-1), 'closed');
  assert.equal(listener.connectionCount, 0);
  client.close();
});

test('closing ends what is left when the grace is over', async () => {
  const accepted = Promise.withResolvers<void>();
  const listener = await listenOnLoopback(() => {
    accepted.resolve();
    return new Recorder();
  });
  const client = poisoningEngine.connect({ kind: 'tcp', host: '127.0.0.1', port: listener.port }, DEFAULT_STREAM_LIMITS);
  const heard = new Recorder();
  client.open(request, false, heard);
  await accepted.promise;
  const clock = new FakeClock();
  const closing = listener.close(clock, durationMs(1000));
  clock.advance(1000);
  await Promise.all([closing, heard.untilOver()]);
  assert.equal(heard.cause?.kind, 'connection-lost');
  client.close();
});

test('a unix socket is listened on, and taken only once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'listen-'));
  const path = join(folder, 's');
  const make = () => new Listener({ engine: poisoningEngine, limits: DEFAULT_STREAM_LIMITS, accept: () => new Recorder() });
  const listener = make();
  await listener.listen({ kind: 'unix', path });
  assert.equal(listener.port, 0);
  await assert.rejects(make().listen({ kind: 'unix', path }), {
    kind: 'failed-precondition',
    message: /cannot listen on .*EADDRINUSE/,
  });
  await listener.close(new FakeClock(), durationMs(0));
  await rm(folder, { recursive: true });
});

test('a unix socket path that no system takes is refused by its length', async () => {
  const listener = new Listener({ engine: poisoningEngine, limits: DEFAULT_STREAM_LIMITS, accept: () => new Recorder() });
  const path = `/tmp/${'x'.repeat(UNIX_PATH_BYTES_MAX)}`;
  await assert.rejects(listener.listen({ kind: 'unix', path }), { kind: 'invalid-argument', message: /longer than 103 bytes/ });
});

test('a subject is written last attribute first', () => {
  assert.equal(rfc2253('C=DE\nO=Acme\\, Inc.\nCN=client'), 'CN=client,O=Acme\\, Inc.,C=DE');
});

test('alternative names are separated, quoted ones too', () => {
  assert.deepEqual(splitAltNames('DNS:a.example, URI:spiffe://x/y, IP Address:127.0.0.1'), [
    'DNS:a.example',
    'URI:spiffe://x/y',
    'IP Address:127.0.0.1',
  ]);
  assert.deepEqual(splitAltNames('DNS:"a, DNS:b", DNS:c'), ['DNS:a, DNS:b', 'DNS:c']);
  assert.deepEqual(splitAltNames(''), []);
});

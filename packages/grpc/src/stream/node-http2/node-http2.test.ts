import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { realClock } from '../../testing/index.ts';
import { listen, Recorder, requestHeaders, streamContract } from '../contract/index.ts';
import { headerBlock } from '../header-block.ts';
import { DEFAULT_STREAM_LIMITS } from '../limits.ts';
import { createNodeHttp2Engine } from './engine.ts';

const connectTimeoutMs = durationMs(5000);

streamContract('node:http2', (bounds) => createNodeHttp2Engine({ clock: realClock, connectTimeoutMs, ...bounds }));
streamContract('node:http2 with poisoned buffers', (bounds) =>
  createNodeHttp2Engine({ clock: realClock, connectTimeoutMs, poison: true, ...bounds }),
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

test('a client with a higher limit sends no header that would end its connection, which others may share', async () => {
  const engine = createNodeHttp2Engine({ clock: realClock, connectTimeoutMs });
  const high = { ...DEFAULT_STREAM_LIMITS, headerListBytesMax: 1_048_576 };
  const info = { remoteAddress: '', encrypted: false, clientCertificate: undefined };
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    engine.serve(socket, info, high, (stream) => {
      stream.sendHeaders(headerBlock([':status', '200']), true);
      return new Recorder();
    });
  });
  const client = engine.connect({ kind: 'tcp', host: '127.0.0.1', port: await listen(server) }, high);
  const heard = [['x', '~'.repeat(65_536)], ['x', '~'.repeat(65_537)], Object.entries(blockOf(140_000)).flat(), []].map(
    (extra) => {
      const recorder = new Recorder();
      client.open(requestHeaders(extra), true, recorder);
      return recorder;
    },
  );
  await Promise.all(heard.map((recorder) => recorder.untilOver()));
  assert.deepEqual(
    heard.map(({ cause, events }) => cause?.kind ?? events.at(-1)),
    ['closed', 'protocol-error', 'protocol-error', 'closed'],
  );
  assert.match(JSON.stringify(heard[1]?.cause), /a header of 65537 bytes is not sent, above the limit of 65536 bytes/);
  assert.match(JSON.stringify(heard[2]?.cause), /is not sent, above the limit of 131072 bytes/);
  assert.equal(connections, 1);
  client.close();
  await new Promise((resolve) => server.close(resolve));
});

/** What becomes of one request with these fields on a fresh connection: its status or the code of its reset, and of a GOAWAY. */
async function outcomeOf(port: number, fields: Readonly<Record<string, string>>) {
  const session = connect(`http://127.0.0.1:${port}`, { maxSendHeaderBlockLength: 1_048_576 });
  session.on('error', () => undefined);
  let goaway = 0;
  session.on('goaway', (code) => {
    goaway = code;
  });
  await once(session, 'remoteSettings');
  const stream = session.request({ ':path': '/', ...fields }).resume();
  stream.on('error', () => undefined);
  let status: unknown;
  stream.on('response', (headers) => {
    status = headers[':status'];
  });
  await new Promise((resolve) => stream.on('close', resolve));
  const reset = stream.rstCode;
  const ended = new Promise((resolve) => session.on('close', resolve));
  session.close();
  await ended;
  return { status, reset, goaway };
}

/** Fields whose block takes `bytes`: nothing of a tilde gets smaller by Huffman's code, and each name and length takes six more. */
const blockOf = (bytes: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`x${index}`, '~'.repeat(Math.floor(bytes / 10) - 6)]));

test('a block over what the engine reads ends its connection, as the reference of headerListBytesMax has it; the next one is served', async () => {
  const engine = createNodeHttp2Engine({ clock: realClock, connectTimeoutMs });
  const info = { remoteAddress: '', encrypted: false, clientCertificate: undefined };
  const server = createServer((socket) => {
    engine.serve(
      socket,
      info,
      DEFAULT_STREAM_LIMITS,
      (stream) => {
        stream.sendHeaders(headerBlock([':status', '200']), true);
        return new Recorder();
      },
      (stream) => {
        stream.sendHeaders(headerBlock([':status', '431']), true);
        return new Recorder();
      },
    );
  });
  const port = await listen(server);
  const { NGHTTP2_COMPRESSION_ERROR, NGHTTP2_INTERNAL_ERROR, NGHTTP2_ENHANCE_YOUR_CALM } = constants;
  const cases = [
    ['nothing', {}, { status: 200, goaway: 0 }],
    ['a field of 64 KiB', { x: '~'.repeat(65_536) }, { status: 431, goaway: 0 }],
    ['a field of one byte more', { x: '~'.repeat(65_537) }, { status: undefined, goaway: NGHTTP2_COMPRESSION_ERROR }],
    ['a list of less than 128 KiB', blockOf(125_000), { status: 431, goaway: 0 }],
    ['a list of less than 144 KiB', blockOf(147_000), { status: undefined, reset: NGHTTP2_ENHANCE_YOUR_CALM, goaway: 0 }],
    ['a list of more than 144 KiB', blockOf(148_000), { status: undefined, goaway: NGHTTP2_INTERNAL_ERROR }],
    ['nothing again', {}, { status: 200, goaway: 0 }],
  ] as const;
  for (const [name, fields, expected] of cases) assert.partialDeepStrictEqual(await outcomeOf(port, fields), expected, name);
  await new Promise((resolve) => server.close(resolve));
});

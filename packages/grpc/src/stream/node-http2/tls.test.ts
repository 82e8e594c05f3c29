import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createServer, type TLSSocket } from 'node:tls';
import { durationMs } from '@modelmesh/core';
import { connectionInfoOf } from '../../listen/index.ts';
import { realClock, TEST_CERTIFICATES } from '../../testing/index.ts';
import { Recorder } from '../contract/index.ts';
import { headerBlock } from '../header-block.ts';
import { DEFAULT_STREAM_LIMITS } from '../limits.ts';
import type { ClientTls, ConnectionInfo } from '../port.ts';
import { createNodeHttp2Engine } from './engine.ts';

const { server: SERVER, client: CLIENT } = TEST_CERTIFICATES;
const engine = createNodeHttp2Engine({ clock: realClock, connectTimeoutMs: durationMs(5000) });
const request = headerBlock([':method', 'POST', ':scheme', 'https', ':path', '/', ':authority', 'localhost']);

/** One call over TLS: what the server knew of its peer, and how the call ended. */
async function callOverTls(
  tls: ClientTls,
  rejectUnauthorized = false,
): Promise<{ info: ConnectionInfo | undefined; heard: Recorder }> {
  let info: ConnectionInfo | undefined;
  const sockets: TLSSocket[] = [];
  const server = createServer(
    {
      cert: SERVER.cert,
      key: SERVER.key,
      ca: [CLIENT.cert],
      requestCert: true,
      rejectUnauthorized,
      ALPNProtocols: ['h2'],
    },
    (socket) => {
      sockets.push(socket);
      info = connectionInfoOf(socket);
      engine.serve(socket, info, DEFAULT_STREAM_LIMITS, (stream) => {
        stream.sendHeaders(headerBlock([':status', '200']), true);
        return new Recorder();
      });
    },
  );
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const client = engine.connect({ kind: 'tls', host: '127.0.0.1', port, tls }, DEFAULT_STREAM_LIMITS);
  const heard = new Recorder();
  client.open(request, true, heard);
  await heard.untilOver();
  client.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  return { info, heard };
}

test('a client with a trusted certificate is known by subject and alternative names', async () => {
  const { info, heard } = await callOverTls({ ca: [SERVER.cert], cert: CLIENT.cert, key: CLIENT.key, serverName: 'localhost' });
  assert.equal(heard.events.at(-1), 'closed');
  assert.equal(info?.encrypted, true);
  assert.deepEqual(info?.clientCertificate, {
    subject: 'CN=client,O=Model Mesh\\, Tests,C=DE',
    altNames: ['URI:spiffe://test/client', 'DNS:client.test'],
  });
});

test('a client that has to show a certificate and shows none, or a strange one, is told so and does not wait', async () => {
  const none = await callOverTls({ ca: [SERVER.cert], serverName: 'localhost' }, true);
  assert.deepEqual(none.heard.events, ['reset connect-failed']);
  const foreign = await callOverTls({ ca: [SERVER.cert], cert: SERVER.cert, key: SERVER.key, serverName: 'localhost' }, true);
  assert.deepEqual(foreign.heard.events, ['reset connect-failed']);
});

test('a client without a certificate, or with one that nobody vouches for, stays unnamed', async () => {
  const none = await callOverTls({ ca: [SERVER.cert], serverName: 'localhost' });
  assert.equal(none.info?.clientCertificate, undefined);
  assert.equal(none.heard.events.at(-1), 'closed');
  const foreign = await callOverTls({ ca: [SERVER.cert], cert: SERVER.cert, key: SERVER.key, serverName: 'localhost' });
  assert.equal(foreign.info?.clientCertificate, undefined);
});

test('a server that the client does not trust is a failed connection', async () => {
  const { heard } = await callOverTls({ ca: [CLIENT.cert], serverName: 'localhost' });
  assert.equal(heard.cause?.kind, 'connect-failed');
});

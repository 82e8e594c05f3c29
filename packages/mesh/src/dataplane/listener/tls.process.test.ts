import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { durationMs } from '@modelmesh/core';
import { checkTlsFiles, selfSignedCertificate } from '../../certificates/index.ts';
import type { TlsConfig } from '../../config/index.ts';
import { systemClock } from '../../node/index.ts';
import { LISTENER_TIMEOUTS } from './index.ts';
import { converse, getHttp2, http2To, type RigOptions, startRig, tlsFolder } from './testing/index.ts';

async function startTls(context: TestContext, more: Partial<TlsConfig> = {}, options: RigOptions = {}) {
  const files = tlsFolder(context, more);
  const rig = await startRig(context, { ...options, tls: files.config, config: { tls: true } });
  return { ...files, ...rig, url: `https://localhost:${rig.port}` };
}

/** Connects and says who answered, or why nobody did. */
function shake(port: number, options: ConnectionOptions): Promise<TLSSocket | string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ...options });
    // Under TLS 1.3 a refused client certificate shows after the handshake, as an end without an answer.
    let answered = false;
    socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
    socket.on('data', () => {
      answered = true;
      resolve(socket);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('close', () => resolve(answered ? socket : 'closed'));
  });
}

const client = () => selfSignedCertificate(['client.example'], systemClock.wallMs());

describe('a listener with TLS', () => {
  it('speaks HTTP/2 and HTTP/1.1 as ALPN says, and finds out without it', async (context) => {
    const { first, port, url } = await startTls(context);
    const { body } = await getHttp2(http2To(context, url, { ca: first.cert }), '/');
    assert.deepEqual(JSON.parse(body), { version: '2', remoteAddress: '127.0.0.1', encrypted: true });
    const [response] = await once(
      get({ host: '127.0.0.1', servername: 'localhost', port, ca: first.cert, agent: false }),
      'response',
    );
    assert.equal(response.statusCode, 200);
    response.resume();
    const plain = await shake(port, { ca: first.cert });
    assert.ok(typeof plain !== 'string' && plain.alpnProtocol === false);
    plain.destroy();
  });

  it('refuses an application protocol that it does not speak', async (context) => {
    const { first, port } = await startTls(context);
    assert.match(String(await shake(port, { ca: first.cert, ALPNProtocols: ['spdy/3'] })), /NO_APPLICATION_PROTOCOL/);
  });

  it('tells a client of plain HTTP/1.1 what to do, and ends one of plain HTTP/2', async (context) => {
    const { port } = await startTls(context);
    assert.match(await converse(port, 'GET / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400.*this port speaks TLS only: use https/s);
    assert.equal(await converse(port, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), '');
  });

  it('ends a handshake that does not come to an end', async (context) => {
    const timeouts = { ...LISTENER_TIMEOUTS, tlsHandshakeMs: durationMs(100) };
    const { port, logged } = await startTls(context, {}, { timeouts });
    assert.equal(await converse(port, Buffer.from([0x16, 3, 1, 0, 100])), '');
    assert.match(JSON.stringify(await logged('tls-handshake-failed')), /ERR_TLS_HANDSHAKE_TIMEOUT/);
  });

  it('on a listener without it ends the connection', async (context) => {
    const { port, logged } = await startRig(context);
    assert.match(String(await shake(port, {})), /ECONNRESET|closed/);
    await logged('tls-unexpected');
  });
});

describe('client certificates', () => {
  it('are not asked for, required, or optional and then trusted if shown', async (context) => {
    const [known, stranger] = [client(), client()];
    const outcomes: string[] = [];
    for (const clientAuth of ['none', 'optional', 'require'] as const) {
      const { folder, config } = tlsFolder(context, { clientAuth });
      const trusted = join(folder, 'trust');
      mkdirSync(trusted);
      writeFileSync(join(trusted, 'client.pem'), known.cert);
      writeFileSync(join(trusted, 'README'), 'no certificate');
      const { port } = await startRig(context, { tls: { ...config, trustPaths: [trusted] }, config: { tls: true } });
      for (const [name, shown] of Object.entries({ nobody: {}, known, stranger })) {
        const outcome = await shake(port, { ...shown, rejectUnauthorized: false });
        outcomes.push(`${clientAuth} ${name}: ${typeof outcome === 'string' ? 'refused' : 'served'}`);
        if (typeof outcome !== 'string') outcome.destroy();
      }
    }
    assert.deepEqual(outcomes, [
      'none nobody: served',
      'none known: served',
      'none stranger: served',
      'optional nobody: served',
      'optional known: served',
      'optional stranger: refused',
      'require nobody: refused',
      'require known: served',
      'require stranger: refused',
    ]);
  });

  it('tell the handler who calls', async (context) => {
    const known = client();
    const { folder, config, first } = tlsFolder(context, { clientAuth: 'require' });
    const trustPath = join(folder, 'client.crt');
    writeFileSync(trustPath, known.cert);
    const { port } = await startRig(context, { tls: { ...config, trustPaths: [trustPath] }, config: { tls: true } });
    const { body } = await getHttp2(http2To(context, `https://localhost:${port}`, { ca: first.cert, ...known }), '/');
    assert.deepEqual(JSON.parse(body).clientCertificate, { subject: 'CN=client.example', altNames: ['DNS:client.example'] });
  });
});

describe('certificates that change', () => {
  it('are replaced without restart, connections that are open live on', async (context) => {
    const { first, write, logged, port, url } = await startTls(context);
    const session = http2To(context, url, { ca: first.cert });
    await getHttp2(session, '/');
    const second = write('second.example');
    await logged('tls-replaced');
    const socket = await shake(port, { ca: second.cert });
    assert.ok(typeof socket !== 'string');
    assert.equal(socket.getPeerX509Certificate()?.subject, 'CN=second.example');
    socket.destroy();
    assert.match((await getHttp2(session, '/')).body, /"version":"2"/);
  });

  it('stay as they are while the new ones cannot be used, and the log says why without the key', async (context) => {
    const { first, config, logged, port, write } = await startTls(context);
    writeFileSync(config.keyPath, 'not a key');
    const line = await logged('tls-kept');
    assert.match(
      String(line.message),
      /the certificate in force stays: certificate .*tls\.crt and key .*tls\.key cannot be used/,
    );
    assert.doesNotMatch(JSON.stringify(line), /not a key/);
    const socket = await shake(port, { ca: first.cert });
    assert.ok(typeof socket !== 'string');
    socket.destroy();
    write('third.example');
    await logged('tls-replaced');
  });

  it('may stand in other files after a reload, which are refused whole if they cannot be used', async (context) => {
    const { listener, port, first } = await startTls(context);
    const other = tlsFolder(context);
    assert.throws(
      () => listener.useTls({ ...other.config, keyPath: '/no/such/key' }),
      /private key \/no\/such\/key cannot be read: ENOENT/,
    );
    const before = await shake(port, { ca: first.cert });
    assert.ok(typeof before !== 'string');
    before.destroy();
    listener.useTls(other.config);
    const after = await shake(port, { ca: other.first.cert });
    assert.ok(typeof after !== 'string');
    after.destroy();
  });

  it('are checked before a node starts', (context: TestContext) => {
    const { config, first } = tlsFolder(context);
    assert.deepEqual(checkTlsFiles({ tls: config, peer: null }), []);
    assert.deepEqual(checkTlsFiles({ tls: null, peer: null }), []);
    writeFileSync(config.keyPath, client().key);
    const [problem] = checkTlsFiles({ tls: config, peer: null });
    assert.match(problem?.expected ?? '', /cannot be used: .*key values mismatch/);
    assert.doesNotMatch(JSON.stringify(problem), new RegExp(first.key.split('\n')[1] ?? '-'));
  });
});

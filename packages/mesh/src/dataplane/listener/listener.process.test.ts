import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, get, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { bytes, durationMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { LISTENER_TIMEOUTS } from './index.ts';
import { converse, getHttp2, http2To, startRig } from './testing/index.ts';

const GET = 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';

describe('one port', () => {
  it('serves HTTP/1.1 and HTTP/2, told apart by their first bytes', async (context) => {
    const { port } = await startRig(context);
    assert.match(await converse(port, GET), /^HTTP\/1\.1 200 OK.*"version":"1\.1"/s);
    const { body } = await getHttp2(http2To(context, `http://127.0.0.1:${port}`), '/');
    assert.deepEqual(JSON.parse(body), { version: '2', remoteAddress: '127.0.0.1', encrypted: false });
  });

  it('serves whoever sends byte by byte, and several requests on one connection', async (context) => {
    const { port } = await startRig(context);
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    let heard = '';
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1');
    });
    for (const letter of `GET /1 HTTP/1.1\r\nhost: x\r\n\r\n${GET}`) {
      socket.write(letter);
      await new Promise(setImmediate);
    }
    await once(socket, 'close');
    assert.equal(heard.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
  });

  it('answers a client that has said everything and closed its half', async (context) => {
    const { port } = await startRig(context);
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.end(GET);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 200 OK/);
  });

  it('passes on that a client waits to be told to continue', async (context) => {
    const { port } = await startRig(context);
    const sent = request({ port, host: '127.0.0.1', method: 'POST', headers: { expect: '100-continue' } });
    sent.flushHeaders();
    const [response] = await once(sent, 'response');
    const [bytes] = await once(response, 'data');
    assert.deepEqual(JSON.parse(String(bytes)), { version: '1.1', awaitsContinue: true });
    sent.end();
  });

  it('hands what is no HTTP/2 to the parser of HTTP/1.1, which refuses it', async (context) => {
    const { port } = await startRig(context);
    assert.match(await converse(port, 'HELLO / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 Bad Request/);
  });

  it('closes without a word on what is no HTTP at all: a client of HTTP/2 with a wrong preface would take words for frames', async (context) => {
    const { port } = await startRig(context);
    for (const said of ['INVALID CONNECTION PREFACE\r\n\r\n', 'hello\r\n\r\n']) assert.equal(await converse(port, said), '');
  });

  it('says why it refuses what reaches no route, in the form of all errors', async (context) => {
    const { port } = await startRig(context, { limits: { headerListBytesMax: bytes(1024) } });
    const refusals = [
      ['HELLO / HTTP/1.1\r\n\r\n', 400, /no request of HTTP/],
      ['GET / HTTP/1.1\r\n\r\n', 400, /needs a Host header/],
      ['GET / HTTP/1.1\r\nhost: a\r\nexpect: wonders\r\n\r\n', 417, /100-continue/],
      ['CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n', 501, /no proxy.*CONNECT/],
      ['CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\nbytes for the tunnel', 501, /no proxy.*CONNECT/],
      [`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(2000)}\r\n\r\n`, 431, /headerListBytesMax/],
    ] as const;
    for (const [sent, status, why] of refusals) {
      const [head = '', body = ''] = (await converse(port, sent)).split('\r\n\r\n');
      assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(head, /content-type: application\/json/);
      assert.match(JSON.parse(body).error, why);
    }
  });

  it('hands on the path of a request that is made as to a proxy', async (context) => {
    const targets: (string | undefined)[] = [];
    const onRequest = (request: IncomingMessage, response: ServerResponse) => {
      targets.push(request.url);
      response.end();
    };
    const { port } = await startRig(context, { handlers: { accept: () => assert.fail('this is HTTP/1.1'), onRequest } });
    for (const target of ['http://a/api/v1/models?limit=1', 'HTTP://a:1', 'https://a?x', '/http://a/b', '*'])
      await converse(port, `OPTIONS ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
    assert.deepEqual(targets, ['/api/v1/models?limit=1', '/', '/?x', '/http://a/b', '*']);
  });

  it('does not break a CONNECT into an answer that was begun', async (context) => {
    const onRequest = (_request: IncomingMessage, response: ServerResponse) => void response.write('the answer begins');
    const { port } = await startRig(context, { handlers: { accept: () => assert.fail('this is HTTP/1.1'), onRequest } });
    const heard = await converse(port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\nCONNECT b:1 HTTP/1.1\r\nhost: b:1\r\n\r\n');
    assert.doesNotMatch(heard, /no proxy/);
  });

  it('takes a request of HTTP/1.0 without a Host', async (context) => {
    const { port } = await startRig(context);
    assert.match(await converse(port, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /);
  });

  it('does not break into an answer that was begun when what follows is no request', async (context) => {
    const { port } = await startRig(context);
    const heard = await converse(port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\nhello\r\n\r\n');
    assert.equal(heard.match(/HTTP\/1\.1 /g)?.length, 1);
  });

  it('refuses headers over the limit', async (context) => {
    const { port } = await startRig(context, { limits: { headerListBytesMax: bytes(1024) } });
    assert.match(await converse(port, `GET / HTTP/1.1\r\nx: ${'y'.repeat(2000)}\r\n\r\n`), /^HTTP\/1\.1 431/);
  });

  it('listens on a unix socket', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'mesh-listen-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const socketPath = join(folder, 's');
    const { listener } = await startRig(context, { config: { socketPath } });
    assert.deepEqual(listener.address, { host: socketPath, port: 0 });
    const [response] = await once(get({ socketPath, path: '/' }), 'response');
    assert.equal(response.statusCode, 200);
    response.resume();
    await listener.close(durationMs(1000));
    assert.equal(existsSync(socketPath), false);
  });
});

describe('a listener that cannot listen', () => {
  it('names the port that is taken and what to do', async (context) => {
    const { port } = await startRig(context);
    await assert.rejects(startRig(context, { config: { port } }), {
      kind: 'failed-precondition',
      message: `cannot listen on port ${port} of 127.0.0.1: port-taken: another program has it; end that program, or choose another port`,
    });
  });

  it('names an address that the machine does not have', async (context) => {
    await assert.rejects(
      startRig(context, { config: { host: '192.0.2.1' } }),
      /port 0 of 192\.0\.2\.1: this machine does not have/,
    );
  });

  it('names a socket path that is too long', async (context) => {
    const socketPath = `/tmp/${'x'.repeat(110)}`;
    await assert.rejects(startRig(context, { config: { socketPath } }), { kind: 'invalid-argument' });
  });

  it('needs a certificate for TLS', async (context) => {
    await assert.rejects(startRig(context, { config: { tls: true } }), /has no certificate/);
  });
});

describe('limits of connections', () => {
  it('close further ones at once, count them, and can be changed', async (context) => {
    const { port, listener, logged } = await startRig(context, { limits: { connectionsMax: 1 } });
    const first = connect(port, '127.0.0.1');
    first.write('GET /');
    await once(first, 'connect');
    assert.equal(await converse(port, GET), '');
    assert.deepEqual(listener.counts(), { open: 1, refused: 1 });
    assert.equal((await logged('connection-refused')).level, 'warn');
    listener.setLimits({ connectionsMax: 2, connectionAgeMaxMs: null, connectionAgeGraceMs: null });
    assert.match(await converse(port, GET), /200 OK/);
    first.destroy();
  });

  it('end a connection that does not say what it speaks', async (context) => {
    const clock = new FakeClock();
    const { port, listener } = await startRig(context, { clock });
    const closed = Promise.all([converse(port, ''), converse(port, 'PRI * HTTP/2.0')]);
    while (listener.counts().open < 2) await new Promise(setImmediate);
    clock.advance(LISTENER_TIMEOUTS.sniffMs);
    assert.deepEqual(await closed, ['', '']);
    assert.equal(clock.pendingTimers, 0);
  });

  it('end a connection whose headers do not come to an end', async (context) => {
    const { port } = await startRig(context, { timeouts: { ...LISTENER_TIMEOUTS, headersMs: durationMs(100) } });
    assert.match(await converse(port, 'GET / HTTP/1.1\r\nx: y\r\n'), /^HTTP\/1\.1 408 Request Timeout/);
  });

  it('leave nothing behind of connections that come and go', async (context) => {
    const clock = new FakeClock();
    const { port, listener } = await startRig(context, { clock });
    await Promise.all(Array.from({ length: 50 }, (_, at) => converse(port, at % 2 === 0 ? GET : 'x\r\n\r\n')));
    const leaving = connect(port, '127.0.0.1', () => leaving.end());
    leaving.resume();
    await once(leaving, 'close');
    while (listener.counts().open > 0) await new Promise(setImmediate);
    assert.equal(clock.pendingTimers, 0);
  });
});

describe('an HTTP/2 connection of the highest age', () => {
  it('is drained, and ended after the grace', async (context) => {
    const clock = new FakeClock();
    const ages = { connectionAgeMaxMs: durationMs(1000), connectionAgeGraceMs: durationMs(500) };
    const { port, holding } = await startRig(context, { clock, limits: ages });
    const session = http2To(context, `http://127.0.0.1:${port}`);
    const goaway = once(session, 'goaway');
    const closed = once(session, 'close');
    const answer = getHttp2(session, '/hold').catch(() => 'ended');
    await holding(1);
    clock.advance(1000);
    await goaway;
    clock.advance(500);
    await closed;
    await answer;
    assert.equal(clock.pendingTimers, 0);
  });

  it('has the age that was in force when it was made', async (context) => {
    const clock = new FakeClock();
    const { port, listener } = await startRig(context, { clock });
    const ageless = http2To(context, `http://127.0.0.1:${port}`);
    await getHttp2(ageless, '/');
    listener.setLimits({ connectionsMax: 10, connectionAgeMaxMs: durationMs(1000), connectionAgeGraceMs: null });
    const aging = http2To(context, `http://127.0.0.1:${port}`);
    await getHttp2(aging, '/');
    const goaway = once(aging, 'goaway');
    clock.advance(1000);
    await goaway;
    await getHttp2(ageless, '/');
  });
});

describe('closing', () => {
  it('lets calls in flight end, says so on both protocols, and takes no new connection', async (context) => {
    const { port, listener, held, holding } = await startRig(context);
    const agent = new Agent({ keepAlive: true });
    context.after(() => agent.destroy());
    const http1 = once(get({ port, host: '127.0.0.1', path: '/hold', agent }), 'response');
    const session = http2To(context, `http://127.0.0.1:${port}`);
    const http2 = getHttp2(session, '/hold');
    const goaway = once(session, 'goaway');
    const idle = connect(port, '127.0.0.1');
    const idleGone = once(idle, 'close');
    await once(idle, 'connect');
    await holding(2);
    const closed = listener.close(durationMs(60_000));
    await goaway;
    await idleGone;
    assert.equal(await converse(port, GET), '');
    for (const answer of held) answer();
    const [response] = await http1;
    assert.equal(response.headers.connection, 'close');
    response.resume();
    assert.match((await http2).body, /"version":"2"/);
    await closed;
    assert.deepEqual(listener.counts(), { open: 0, refused: 0 });
  });

  it('refuses requests that have not arrived whole after a while, and lets those that have be answered', async (context) => {
    const clock = new FakeClock();
    const unanswered: IncomingMessage[] = [];
    const answers: ServerResponse[] = [];
    let came = (): void => {};
    const onRequest = (request: IncomingMessage, response: ServerResponse) => {
      request.resume();
      if (request.url === '/lingering') response.writeHead(413).flushHeaders();
      if (request.url === '/answered') response.writeHead(413).end();
      unanswered.push(request);
      answers.push(response);
      came();
    };
    const handlers = { accept: () => assert.fail('this is HTTP/1.1'), onRequest };
    const { port, listener } = await startRig(context, { clock, handlers });
    const half = 'content-length: 9\r\n\r\nhalf';
    const sent = [
      `POST /body HTTP/1.1\r\nhost: a\r\n${half}`,
      `POST /lingering HTTP/1.1\r\nhost: a\r\n${half}`,
      `POST /answered HTTP/1.1\r\nhost: a\r\n${half}`,
      'POST /whole HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nfull',
    ];
    const heard: Promise<string>[] = [];
    for (const bytes of sent) {
      const arrived = new Promise<void>((resolve) => (came = resolve));
      heard.push(converse(port, bytes));
      await arrived;
    }
    const head = converse(port, 'POST /head HTTP/1.1\r\nhost');
    while (listener.counts().open < 5 || clock.pendingTimers > 0) await new Promise(setImmediate);
    while (unanswered.at(-1)?.complete !== true) await new Promise(setImmediate);
    const closed = listener.close(durationMs(60_000), durationMs(1000));
    clock.advance(999);
    assert.equal(listener.counts().open, 5);
    clock.advance(1);
    const inTime =
      /^HTTP\/1\.1 503 .*connection: close.*"error":"the node is shutting down, and the request did not arrive in time"/s;
    assert.match(await head, inTime);
    assert.match((await heard[0]) ?? '', inTime);
    for (const answered of [heard[1], heard[2]]) assert.match((await answered) ?? '', /^HTTP\/1\.1 413 (?!.*503)/s);
    answers.at(-1)?.end('answered');
    assert.match((await heard[3]) ?? '', /200 OK.*answered/s);
    await closed;
    assert.equal(clock.pendingTimers, 0);
  });

  it('ends at once what is idle', async (context) => {
    const { port, listener } = await startRig(context);
    const agent = new Agent({ keepAlive: true });
    context.after(() => agent.destroy());
    const [response] = await once(get({ port, host: '127.0.0.1', agent }), 'response');
    response.resume();
    await once(response, 'end');
    const session = http2To(context, `http://127.0.0.1:${port}`);
    await getHttp2(session, '/');
    await listener.close(durationMs(60_000));
  });

  it('ends what is left when the grace has passed', async (context) => {
    const clock = new FakeClock();
    const { port, listener, holding } = await startRig(context, { clock });
    const http1 = once(get({ port, host: '127.0.0.1', path: '/hold' }), 'error');
    const http2 = getHttp2(http2To(context, `http://127.0.0.1:${port}`), '/hold').then(
      ({ headers }) => headers[':status'] ?? 'ended',
      () => 'ended',
    );
    await holding(2);
    const closed = listener.close(durationMs(1000));
    clock.advance(1000);
    await closed;
    await http1;
    assert.equal(await http2, 'ended');
  });

  it('is the end of every timer and watcher, also when nothing was ever opened', async (context) => {
    const clock = new FakeClock();
    const { listener } = await startRig(context, { clock });
    await listener.close(durationMs(1000));
    assert.equal(clock.pendingTimers, 0);
  });
});

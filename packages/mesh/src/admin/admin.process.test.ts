import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientRequest, get as getHttp, type IncomingMessage, request } from 'node:http';
import { get as getHttps } from 'node:https';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import type { MetricsConfig, TlsConfig } from '../config/index.ts';
import { tlsFolder } from '../dataplane/listener/testing/index.ts';
import { createLog } from '../log/index.ts';
import { systemClock } from '../node/index.ts';
import { ADMIN_CONNECTIONS_MAX, type AdminParts, type Readiness, SCRAPE_NAMES_MAX, SCRAPES_MAX, startAdmin } from './index.ts';

const HOST = '127.0.0.1';
const FREE = { host: HOST, port: 0 };

interface Options {
  readonly clock?: AdminParts['clock'];
  readonly metrics?: Partial<MetricsConfig>;
  readonly tls?: TlsConfig;
  readonly render?: AdminParts['renderMetrics'];
  readonly config?: Partial<AdminParts['config']>;
}

async function startedAdmin(context: TestContext, options: Options = {}) {
  const state: { readiness: Readiness; live: boolean } = { readiness: { ready: true }, live: true };
  const written: string[] = [];
  let onLine: () => void = () => {};
  const sink = {
    write: (line: string): void => {
      written.push(line);
      onLine();
    },
  };
  const metrics: MetricsConfig = {
    listener: FREE,
    scheme: 'http',
    fullMethodNames: false,
    perModel: false,
    modelsMax: 1,
    variantsMax: 1,
    processMetrics: false,
    logScrapes: false,
    info: null,
    ...options.metrics,
  };
  const shutdownTimeoutMs = durationMs(1000);
  const admin = await startAdmin({
    config: { probes: FREE, prestop: FREE, metrics, tls: options.tls ?? null, shutdownTimeoutMs, ...options.config },
    readiness: () => state.readiness,
    isLive: () => state.live,
    renderMetrics: options.render ?? (async (names) => `page of [${names.join()}]\n`),
    hostName: 'node-a.example',
    clock: options.clock ?? systemClock,
    log: createLog({ level: 'info', instance: 'i', service: 's', sink }),
  });
  context.after(() => admin.close());
  const logged = async (event: string): Promise<string> => {
    while (!written.some((line) => line.includes(event)))
      await new Promise<void>((resolve) => {
        onLine = resolve;
      });
    return written.join('');
  };
  return { admin, state, logged };
}

async function answerOf(sent: ClientRequest) {
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode, body, headers: response.headers };
}

const fetched = (place: { readonly port: number } | null, path: string) =>
  answerOf(getHttp({ host: HOST, port: place?.port ?? 0, path, agent: false }));

describe('probes', () => {
  it('are 200 while the node is ready, and 503 with the reason while it is not', async (context) => {
    const { admin, state } = await startedAdmin(context);
    assert.equal((await fetched(admin.probes, '/ready')).status, 200);
    state.readiness = { ready: false, reason: 'the runtime is starting' };
    const { status, body } = await fetched(admin.probes, '/ready?verbose');
    assert.deepEqual([status, body], [503, 'not ready: the runtime is starting\n']);
  });

  it('say that the process is live, or should be ended', async (context) => {
    const { admin, state } = await startedAdmin(context);
    state.readiness = { ready: false, reason: 'the registry is away' };
    assert.equal((await fetched(admin.probes, '/live')).status, 200);
    state.live = false;
    assert.equal((await fetched(admin.probes, '/live')).status, 500);
  });

  it('name what is there for other paths, and take nothing but GET and HEAD', async (context) => {
    const { admin } = await startedAdmin(context);
    const { status, body } = await fetched(admin.probes, '/healthz');
    assert.deepEqual([status, body], [404, 'not found; there is /ready, /live\n']);
    const at = { host: HOST, port: admin.probes?.port, path: '/ready', agent: false };
    const posted = await answerOf(request({ ...at, method: 'POST' }).end('body'));
    assert.deepEqual([posted.status, posted.headers.allow], [405, 'GET, HEAD']);
    const head = await answerOf(request({ ...at, method: 'HEAD' }).end());
    assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, '', '6']);
  });

  it('close further connections beyond their limit', async (context) => {
    const { admin } = await startedAdmin(context);
    const port = admin.probes?.port ?? 0;
    const open = Array.from({ length: ADMIN_CONNECTIONS_MAX }, () => connect(port, HOST));
    context.after(() => {
      for (const socket of open) socket.destroy();
    });
    await Promise.all(open.map((socket) => once(socket, 'connect')));
    const further = connect(port, HOST);
    further.on('error', () => {});
    await new Promise((resolve) => further.once('close', resolve));
    assert.equal(open.filter((socket) => socket.destroyed).length, 0);
  });
});

describe('the pre-stop hook', () => {
  it('answers everyone who waits when the node has shut down, and whoever comes later', async (context) => {
    const clock = new FakeClock();
    const { admin } = await startedAdmin(context, { clock });
    const waiting = Array.from({ length: 5 }, () => fetched(admin.prestop, '/prestop'));
    while (clock.pendingTimers < 5) await new Promise(setImmediate);
    admin.shutdownFinished();
    for (const answer of await Promise.all(waiting)) assert.deepEqual([answer.status, answer.body], [200, 'shut down\n']);
    assert.equal(clock.pendingTimers, 0);
    assert.equal((await fetched(admin.prestop, '/prestop')).status, 200);
  });

  it('is answered although its port closes with the last of the node', async (context) => {
    const clock = new FakeClock();
    const { admin } = await startedAdmin(context, { clock });
    const waiting = fetched(admin.prestop, '/prestop');
    while (clock.pendingTimers < 1) await new Promise(setImmediate);
    admin.shutdownFinished();
    const closed = admin.close();
    assert.deepEqual([(await waiting).status, (await waiting).body], [200, 'shut down\n']);
    await closed;
    assert.equal(clock.pendingTimers, 0);
  });

  it('waits for twice the time of a shutdown at most', async (context) => {
    const clock = new FakeClock();
    const { admin } = await startedAdmin(context, { clock });
    const waiting = fetched(admin.prestop, '/prestop');
    while (clock.pendingTimers < 1) await new Promise(setImmediate);
    assert.equal(clock.untilNextMs, 2000);
    clock.advance(2000);
    const { status, body } = await waiting;
    assert.equal(status, 200);
    assert.match(body, /no longer waited for/);
  });

  it('forgets who has left', async (context) => {
    const clock = new FakeClock();
    const { admin } = await startedAdmin(context, { clock });
    const leaving = getHttp({ host: HOST, port: admin.prestop?.port, path: '/prestop', agent: false });
    leaving.on('error', () => {});
    while (clock.pendingTimers < 1) await new Promise(setImmediate);
    leaving.destroy();
    while (clock.pendingTimers > 0) await new Promise(setImmediate);
  });
});

describe('the page of metrics', () => {
  it('stands at /metrics and /, as text, all of it or what is named', async (context) => {
    const { admin } = await startedAdmin(context);
    const { status, body, headers } = await fetched(admin.metrics, '/metrics');
    assert.deepEqual([status, body], [200, 'page of []\n']);
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal((await fetched(admin.metrics, '/?name[]=a&name%5B%5D=b&other=c')).body, 'page of [a,b]\n');
  });

  it('takes a few scrapes at a time and a number of names', async (context) => {
    const answers: (() => void)[] = [];
    const render = (): Promise<string> => new Promise((resolve) => answers.push(() => resolve('page\n')));
    const { admin } = await startedAdmin(context, { render });
    const scrapes = Array.from({ length: SCRAPES_MAX }, () => fetched(admin.metrics, '/metrics'));
    while (answers.length < SCRAPES_MAX) await new Promise(setImmediate);
    assert.equal((await fetched(admin.metrics, '/metrics')).status, 503);
    for (const answer of answers) answer();
    assert.deepEqual(
      (await Promise.all(scrapes)).map(({ status }) => status),
      Array(SCRAPES_MAX).fill(200),
    );
    const names = Array.from({ length: SCRAPE_NAMES_MAX + 1 }, () => 'name[]=a').join('&');
    assert.equal((await fetched(admin.metrics, `/metrics?${names}`)).status, 400);
  });

  it('hides a fault of ours from the client and logs it', async (context) => {
    const { admin, logged } = await startedAdmin(context, { render: () => Promise.reject(new Error('secret detail')) });
    const { status, body } = await fetched(admin.metrics, '/metrics');
    assert.equal(status, 500);
    assert.doesNotMatch(body, /secret detail/);
    assert.match(await logged('admin-fault'), /secret detail/);
  });

  it('is logged when it is read, if told so', async (context) => {
    const { admin, logged } = await startedAdmin(context, { metrics: { logScrapes: true } });
    await fetched(admin.metrics, '/metrics');
    await logged('scraped');
  });

  it('over https has a certificate that the node made for itself', async (context) => {
    const { admin } = await startedAdmin(context, { metrics: { scheme: 'https' } });
    const sent = getHttps({ host: HOST, port: admin.metrics?.port, path: '/metrics', rejectUnauthorized: false, agent: false });
    const [socket] = await once(sent, 'socket');
    const { status } = await answerOf(sent);
    assert.equal(status, 200);
    assert.match(socket.getPeerX509Certificate().subject, /^CN=node-a\.example$/);
  });

  it("over https has the node's certificate if there is one, the newest", async (context) => {
    const { config, first, write } = tlsFolder(context);
    const { admin } = await startedAdmin(context, { metrics: { scheme: 'https' }, tls: config });
    const read = async (ca: string) => {
      const at = { host: HOST, servername: 'localhost', port: admin.metrics?.port, path: '/', agent: false };
      return answerOf(getHttps({ ...at, ca })).then(
        ({ status }) => status,
        () => 'refused',
      );
    };
    assert.equal(await read(first.cert), 200);
    const second = write('second.example');
    while ((await read(second.cert)) !== 200);
    assert.equal(await read(first.cert), 'refused');

    const other = tlsFolder(context);
    assert.throws(() => admin.useTls({ ...other.config, keyPath: '/no/such/key' }), /\/no\/such\/key cannot be read: ENOENT/);
    assert.equal(await read(second.cert), 200);
    admin.useTls(other.config);
    assert.deepEqual([await read(other.first.cert), await read(second.cert)], [200, 'refused']);
    const newest = other.write('newest.example');
    while ((await read(newest.cert)) !== 200);
  });
});

describe('ports for operators', () => {
  it('may all be switched off', async (context) => {
    const { admin } = await startedAdmin(context, { config: { probes: null, prestop: null, metrics: null } });
    assert.deepEqual([admin.probes, admin.prestop, admin.metrics], [null, null, null]);
  });

  it('are all closed when one of them is taken, which is named', async (context) => {
    const { admin } = await startedAdmin(context);
    const taken = { host: HOST, port: admin.probes?.port ?? 0 };
    const other = await startedAdmin(context);
    const freed = other.admin.probes ?? taken;
    await other.admin.close();
    await assert.rejects(startedAdmin(context, { config: { probes: freed, prestop: taken } }), {
      kind: 'failed-precondition',
      message: new RegExp(`^cannot listen on port ${taken.port} of 127\\.0\\.0\\.1: port-taken: another program has it`),
    });
    const again = await startedAdmin(context, { config: { probes: freed } });
    assert.equal((await fetched(again.admin.probes, '/live')).status, 200);
  });
});

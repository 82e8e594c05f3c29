import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type Clock, durationMs, epochMs, monotonicMs } from '@modelmesh/core';
import { ContentCache } from '../cache/index.ts';
import { errorOf, storageContract } from '../contract.ts';
import { createHttpStorage } from './index.ts';

const never = new AbortController().signal;
/** Breaks the connection, but not before the client has put that many bytes on disk. */
function breakOnceWritten(folder: string, byteCount: number, response: ServerResponse): void {
  const sizes = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)).size);
  if (sizes.includes(byteCount)) response.destroy();
  else setImmediate(breakOnceWritten, folder, byteCount, response);
}

/** Time passes at once: pauses between attempts cost nothing. */
const instant: Clock = {
  wallMs: () => epochMs(0),
  monotonicMs: () => monotonicMs(0),
  after: (_delay, fire) => {
    const timer = setImmediate(fire);
    return { cancel: () => clearImmediate(timer) };
  },
};

describe('the http storage', () => {
  let folder = '';
  let server: Server;
  let base = '';
  let routes: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {};
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mesh-http-'));
    server = createServer((request, response) => {
      const route = routes[request.url ?? ''];
      if (route === undefined) response.writeHead(404).end();
      else route(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(() => {
    routes = {};
  });

  const open = async (differing: { fileBytesMax?: number; silenceMs?: number; budgetBytes?: number } = {}) => {
    const own = await mkdtemp(join(folder, 'cache-'));
    const cache = await ContentCache.open({ folder: own, budgetBytes: differing.budgetBytes ?? 1 << 20 });
    const { fileBytesMax = 1 << 20, silenceMs = 5_000 } = differing;
    return { own, adapter: createHttpStorage({ cache, clock: instant, fileBytesMax, silenceMs: durationMs(silenceMs) }) };
  };
  const source = (path: string, sha256?: string) => ({ kind: 'http' as const, url: base + path, sha256 });

  storageContract(async () => ({
    adapter: (await open()).adapter,
    publish: (name, content, sha256) => {
      routes[`/${name}`] = (_request, response) => response.end(content);
      return Promise.resolve(source(`/${name}`, sha256));
    },
    missing: (name) => source(`/${name}`),
  }));

  const content = Buffer.from('0123456789'.repeat(2_000));
  const sha256 = createHash('sha256').update(content).digest('hex');

  it('resumes a broken download where the content has a strong validator, and verifies the whole', async () => {
    const { adapter, own } = await open();
    const ranges: (string | undefined)[] = [];
    routes['/m'] = (request, response) => {
      ranges.push(request.headers.range);
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const headers = {
        etag: '"v1"',
        'content-length': content.length - start,
        'content-range': `bytes ${start}-${content.length - 1}/${content.length}`,
      };
      response.writeHead(start === 0 ? 200 : 206, headers);
      const part = content.subarray(start, ranges.length < 3 ? start + 5_000 : undefined);
      response.write(part);
      if (ranges.length < 3) breakOnceWritten(own, start + part.length, response);
      else response.end();
    };

    const files = await adapter.fetch('m', source('/m', sha256), never);

    assert.deepEqual(await readFile(files.path), content);
    assert.deepEqual(ranges, [undefined, 'bytes=5000-', 'bytes=10000-']);
  });

  it('starts over when the other side answers with everything again', async () => {
    const { adapter } = await open();
    let calls = 0;
    routes['/m'] = (request, response) => {
      response.writeHead(200, { 'content-length': content.length });
      if (++calls === 1) response.write(content.subarray(0, 100), () => request.socket.end());
      else response.end(content);
    };

    const files = await adapter.fetch('m', source('/m', sha256), never);

    assert.deepEqual(await readFile(files.path), content);
    assert.equal(calls, 2);
  });

  it('gives up after four attempts and leaves nothing behind', async () => {
    const { adapter, own } = await open();
    let calls = 0;
    routes['/m'] = (_request, response) => {
      calls++;
      response.writeHead(503).end();
    };

    const error = await errorOf(adapter.fetch('m', source('/m?signature=secret'.replace('?signature=secret', '')), never));

    assert.equal(error.kind, 'unavailable');
    assert.match(error.message, /HTTP 503; gave up after 4 attempts/);
    assert.equal(calls, 4);
    assert.deepEqual(await readdir(own), []);
  });

  it('refuses a file over the limit, announced or not', async () => {
    const { adapter, own } = await open({ fileBytesMax: 10_000 });
    routes['/announced'] = (_request, response) => response.end(content);
    routes['/chunked'] = (_request, response) => {
      response.write(content.subarray(0, 9_000));
      response.end(content.subarray(9_000));
    };

    for (const path of ['/announced', '/chunked']) {
      const error = await errorOf(adapter.fetch('m', source(path), never));
      assert.equal(error.kind, 'too-large');
      assert.match(error.message, /10000 bytes/);
    }
    assert.deepEqual(await readdir(own), []);
  });

  it('gives up on a silent server', async () => {
    const { adapter } = await open({ silenceMs: 20 });
    routes['/silent'] = () => {};
    routes['/stalls'] = (_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('x');
    };

    for (const path of ['/silent', '/stalls']) {
      const error = await errorOf(adapter.fetch('m', source(path), never));
      assert.equal(error.kind, 'unavailable');
      assert.match(error.message, /20 ms/);
    }
  });

  it('follows redirects, but not for ever and never to another kind of URL', async () => {
    const { adapter } = await open();
    const to = (location: string) => (_request: IncomingMessage, response: ServerResponse) =>
      response.writeHead(302, { location }).end();
    routes['/from'] = to('/m.onnx');
    routes['/m.onnx'] = (_request, response) => response.end(content);
    routes['/circle'] = to('/circle');
    routes['/file'] = to('file:///etc/passwd');

    assert.deepEqual(await readFile((await adapter.fetch('m', source('/from'), never)).path), content);
    assert.match((await errorOf(adapter.fetch('m', source('/circle'), never))).message, /more than 5 times/);
    assert.match((await errorOf(adapter.fetch('m', source('/file'), never))).message, /file:.*refused/);
  });

  it('never shows credentials or the query of a URL', async () => {
    const { adapter } = await open();
    const url = `${base.replace('//', '//user:hunter2@')}/gone?signature=topsecret`;

    const error = await errorOf(adapter.fetch('m', { kind: 'http', url, sha256: undefined }, never));

    assert.equal(error.kind, 'not-found');
    assert.doesNotMatch(error.message, /hunter2|topsecret/);
  });

  it('stops a download when its only caller cancels, leaving nothing', async () => {
    const { adapter, own } = await open();
    const started = Promise.withResolvers<void>();
    routes['/slow'] = (_request, response) => {
      response.write('x');
      started.resolve();
    };
    const abort = new AbortController();
    const fetching = adapter.fetch('m', source('/slow'), abort.signal);
    await started.promise;

    abort.abort();

    await assert.rejects(fetching, { name: 'AbortError' });
    while ((await readdir(own)).length > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});

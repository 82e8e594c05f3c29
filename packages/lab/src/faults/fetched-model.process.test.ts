import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { selfSignedCertificate } from '@modelmesh/mesh/certificates';
import { freeFolder, NodeProcess, realClock } from '../node-process/index.ts';
import { askGrpc, askRest, type Outcome } from './asking.ts';
import { eventually } from './eventually.ts';
import { applyModel, type ModelFile, ROW, writeModel } from './generated-models.ts';
import { copyStates, LONG_GRACE, leavesAtOnce, seenModel } from './nothing-lost.ts';

const KIB = 1024;
const DOWNLOAD_BYTES_MAX = 64 * KIB;

/** Listens on the loopback. @returns `host:port` */
async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a model that its node fetches', () => {
  let folder: Awaited<ReturnType<typeof freeFolder>>;
  let node: NodeProcess;
  let small: ModelFile;
  let large: ModelFile;
  /** Paths asked for, in order. */
  const asked: string[] = [];
  const servers: Server[] = [];
  let [http, https, untrusted] = ['', '', ''];

  /** `/small` and `/large`, and `/…?chunked` without saying how long they are. */
  const serve: RequestListener = (request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const content = readFileSync((path.startsWith('/large') ? large : small).path);
    if (!path.endsWith('chunked')) response.setHeader('content-length', content.length);
    response.write(content.subarray(0, 1000));
    response.end(content.subarray(1000));
  };

  before(async () => {
    folder = await freeFolder();
    small = writeModel(folder.path, 'small', 1, 4 * KIB);
    large = writeModel(folder.path, 'large', 2, 2 * DOWNLOAD_BYTES_MAX);
    const now = realClock.wallMs();
    const [trusted, other] = [selfSignedCertificate(['127.0.0.1'], now), selfSignedCertificate(['127.0.0.1'], now)];
    const authority = join(folder.path, 'authority.pem');
    writeFileSync(authority, trusted.cert);
    servers.push(createHttpServer(serve), createHttpsServer(trusted, serve), createHttpsServer(other, serve));
    [http = '', https = '', untrusted = ''] = await Promise.all(servers.map(listening));
    node = await NodeProcess.start({
      flags: { ...LONG_GRACE, 'runtime-workers': '1', 'runtime-download-bytes-max': String(DOWNLOAD_BYTES_MAX) },
      environment: { NODE_EXTRA_CA_CERTS: authority },
    });
  });
  after(async () => {
    await node[Symbol.asyncDispose]();
    for (const server of servers) server.close();
    await folder[Symbol.asyncDispose]();
  });

  const answered = (file: ModelFile): Outcome => ({ kind: 'answer', values: file.answer(ROW) });
  const fails = async (name: string, message: RegExp): Promise<void> => {
    const outcomes = [await askGrpc(node, name), await askRest(node, name)];
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.kind === 'refusal' ? outcome.code : outcome)),
      ['INTERNAL', '503'],
    );
    for (const outcome of outcomes) assert.match(outcome.kind === 'refusal' ? outcome.message : '', message);
    // The caller hears of it before the registry does.
    const errors = await eventually(`the failure of ${name} is recorded`, 10_000, async () => {
      const seen = await seenModel(node, name);
      return seen.status === 'LOADING_FAILED' ? seen.errors : undefined;
    });
    assert.match(errors.join('\n'), message);
  };

  it('over http is verified and answers', async () => {
    await applyModel(node, 'plain', { storage: { uri: `http://${http}/small`, sha256: small.sha256 } });
    assert.deepEqual([await askGrpc(node, 'plain'), await askRest(node, 'plain')], [answered(small), answered(small)]);
    assert.deepEqual(asked, ['/small'], 'it is fetched once');
  });

  it('over https is taken from a server that an authority of the environment vouches for', async () => {
    await applyModel(node, 'secure', { storage: { uri: `https://${https}/small?secure`, sha256: small.sha256 } });
    assert.deepEqual([await askGrpc(node, 'secure'), await askRest(node, 'secure')], [answered(small), answered(small)]);
    assert.deepEqual(await copyStates(node, 'secure'), ['LOADED']);
  });

  it('over https from a server that nobody vouches for says that its certificate is the reason', async () => {
    const before = asked.length;
    await applyModel(node, 'unknown', { storage: { uri: `https://${untrusted}/small` } });
    await fails('unknown', /cannot reach https:\/\/127\.0\.0\.1:\d+\/small: .*certificate/);
    assert.equal(asked.length, before, 'nothing was asked of it');
  });

  it('with another digest names both digests, and is right once the right digest is applied', async () => {
    const wrong = 'cd'.repeat(32);
    await applyModel(node, 'altered', { storage: { uri: `http://${http}/small?altered`, sha256: wrong } });
    await fails('altered', new RegExp(`(${wrong}.*${small.sha256}|${small.sha256}.*${wrong})`));
    await applyModel(node, 'altered', { storage: { uri: `http://${http}/small?altered`, sha256: small.sha256 } });
    assert.deepEqual(await askGrpc(node, 'altered'), answered(small));
  });

  for (const [name, path] of [
    ['announced', '/large'],
    ['unannounced', '/large?chunked'],
  ] as const) {
    it(`beyond runtime.downloadBytesMax names the limit, its length ${name}`, async () => {
      await applyModel(node, name, { storage: { uri: `http://${http}${path}` } });
      await fails(name, /http:.*\/large.* is larger than 65536 bytes, the limit for one downloaded file/);
    });
  }

  it('leaves its download with its registration', async () => {
    const downloads = (): string[] =>
      readdirSync(node.folder, { recursive: true, encoding: 'utf8' }).filter((path) => /url-[0-9a-f]{64}$/.test(path));
    const before = downloads();
    await applyModel(node, 'leaving', { storage: { uri: `http://${http}/small?leaving` } });
    assert.deepEqual(await askGrpc(node, 'leaving'), answered(small));
    assert.equal(downloads().length, before.length + 1);
    assert.equal((await fetch(`${node.url}/api/v1/models/leaving`, { method: 'DELETE' })).status, 204);
    await eventually('the download is removed', 10_000, () => (downloads().length === before.length ? true : undefined));
    assert.deepEqual(downloads(), before);
  });

  it('leaves no call behind: every copy goes at once, and other models answer', async () => {
    assert.deepEqual(await askRest(node, 'plain'), answered(small));
    for (const name of ['plain', 'secure', 'altered']) await leavesAtOnce(node, name);
  });
});

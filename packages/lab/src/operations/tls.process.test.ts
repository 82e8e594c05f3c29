import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { eventually, type ModelFile, ROW, rowBody, writeModel } from '../faults/index.ts';
import { freeFolder, NodeProcess, splitAddress } from '../node-process/index.ts';
import { inferGrpc, inferRest, modelManifest, statusGrpc, valuesOfBody } from './ask-model.ts';
import { askHttp1, type ClientTls, certificate, TlsFiles } from './certificates.ts';
import { Http2Connection } from './http2-connection.ts';

const START_MS = 30_000;

const [server, known, stranger] = [certificate(), certificate('client.example'), certificate('client.example')];
const right: ClientTls = { ca: server.cert, ...known };

describe('a node with TLS that asks for certificates', () => {
  let folder: Awaited<ReturnType<typeof freeFolder>>;
  let node: NodeProcess;
  let files: TlsFiles;
  let model: ModelFile;
  let url: string;

  before(
    async () => {
      folder = await freeFolder();
      files = new TlsFiles(folder.path);
      files.use(server);
      files.trust(known);
      node = await NodeProcess.start({
        folder: folder.path,
        flags: { ...files.flags, ...files.clientFlags, 'metrics-scheme': 'https' },
      });
      model = writeModel(folder.path, 'm', 1);
      url = `https://localhost:${splitAddress(node.addresses.inference)[1]}`;
      using connection = new Http2Connection(url, right);
      const applied = await connection.post('/api/v1/apply', modelManifest('m', model.uri));
      assert.equal(applied.status, 200, applied.body.toString());
    },
    { timeout: START_MS },
  );

  after(async () => {
    await node[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it('serves gRPC, REST and management on one connection of HTTP/2, and REST and management over HTTP/1.1, as ALPN says', async () => {
    using connection = new Http2Connection(url, right);
    assert.deepEqual(await inferGrpc(connection, 'm'), model.answer(ROW));
    assert.deepEqual(await inferRest(connection, 'm'), model.answer(ROW));
    assert.equal(await statusGrpc(connection, 'm'), '0');
    const seen = await connection.get('/api/v1/models/m');
    assert.deepEqual([seen.status, JSON.parse(seen.body.toString()).status], [200, 'LOADED']);
    assert.equal(connection.session.alpnProtocol, 'h2');

    const asked = await askHttp1(`${url}/v2/models/m/infer`, right, rowBody());
    assert.deepEqual([asked.status, valuesOfBody(asked.body)], [200, model.answer(ROW)]);
    assert.equal((await askHttp1(`${url}/api/v1/models/m`, right)).status, 200);
  });

  it('refuses whoever shows no certificate, or one that is not in its trust list, on both protocols', async () => {
    const wrong: readonly ClientTls[] = [{ ca: server.cert }, { ca: server.cert, ...stranger }];
    for (const tls of wrong) {
      using connection = new Http2Connection(url, tls);
      await assert.rejects(inferGrpc(connection, 'm'), /alert|ECONNRESET|ended without an answer|session/i);
      await assert.rejects(askHttp1(`${url}/v2/health/live`, tls), /alert|ECONNRESET|socket hang up/i);
    }
    assert.equal((await askHttp1(`${url}/v2/health/live`, right)).status, 200);
  });

  it('speaks nothing but TLS on that port', async () => {
    const answer = await fetch(url.replace('https', 'http'));
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /this port speaks TLS only: use https/);
    using cleartext = new Http2Connection(url.replace('https', 'http'));
    await assert.rejects(cleartext.get('/v2/health/live'));
  });

  it('takes a new certificate while it runs, on the port of metrics too: connections that are open go on', async () => {
    using open = new Http2Connection(url, right);
    assert.deepEqual(await inferGrpc(open, 'm'), model.answer(ROW));

    files.spoilKey();
    const kept = await node.logged('tls-kept');
    assert.match(String(kept.message), /stays: certificate .*tls\.crt and key .*tls\.key cannot be used/);
    assert.equal(await subjectAt(node.addresses.inference, right), 'CN=localhost');

    const next = certificate('next.example');
    files.use(next);
    await node.logged('tls-replaced');

    assert.equal(await subjectAt(node.addresses.inference, right), 'CN=next.example');
    assert.equal((await askHttp1(`${url}/v2/health/live`, { ...right, ca: next.cert })).status, 200);
    await eventually('the port of metrics shows it too', 5000, async () =>
      (await subjectAt(node.addresses.metrics, right)) === 'CN=next.example' ? true : undefined,
    );
    assert.deepEqual(await inferGrpc(open, 'm'), model.answer(ROW));
    assert.deepEqual(await inferRest(open, 'm'), model.answer(ROW));
  });
});

describe('a node with TLS whose management is in cleartext on a port of its own', () => {
  it('speaks TLS alone where it infers, to whoever comes, and none where it is managed', { timeout: START_MS }, async () => {
    await using folder = await freeFolder();
    const files = new TlsFiles(folder.path);
    files.use(server);
    const own = { 'listeners-management-port': '0', 'listeners-management-tls': 'false' };
    await using node = await NodeProcess.start({ folder: folder.path, flags: { ...files.flags, ...own } });
    const { inference, management = '' } = node.addresses;
    const model = writeModel(folder.path, 'm', 1);
    using manages = new Http2Connection(`http://${management}`);
    assert.equal((await manages.post('/api/v1/apply', modelManifest('m', model.uri))).status, 200);
    await assert.rejects(askHttp1(`https://localhost:${splitAddress(management)[1]}/api/v1/status`, { ca: server.cert }));

    using infers = new Http2Connection(`https://localhost:${splitAddress(inference)[1]}`, { ca: server.cert });
    assert.deepEqual(await inferGrpc(infers, 'm'), model.answer(ROW));
    assert.equal((await infers.get('/api/v1/models/m')).status, 404);
    assert.equal((await fetch(`http://${inference}/v2/health/live`)).status, 400);
  });
});

/** Whose certificate a new connection sees. */
async function subjectAt(address: string | undefined, tls: ClientTls): Promise<string | undefined> {
  const [host, port] = splitAddress(address ?? '');
  const socket: TLSSocket = connect({ host, port: Number(port), servername: 'localhost', rejectUnauthorized: false, ...tls });
  await once(socket, 'secureConnect');
  const subject = socket.getPeerX509Certificate()?.subject;
  socket.destroy();
  return subject;
}

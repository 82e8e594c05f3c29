/** What ModelMesh's tests of TLS show (spec `modelmesh.md` §8), on real nodes: for clients and between nodes, with one certificate. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ClientTls } from '@modelmesh/grpc/stream';
import { EtcdProcess, etcdTools } from '@modelmesh/mesh/kv/testing';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { connectGrpc, freeFolder, type NodeProcess, splitAddress } from '../node-process/index.ts';
import { certificate, TlsFiles } from '../operations/certificates.ts';
import { echo, startMember } from '../peers/index.ts';
import { statusOf } from './mesh-calls.ts';

const tools = etcdTools(process.env);
const [server, known, stranger] = [certificate(), certificate('client.example'), certificate('stranger.example')];

/** A client of a node that trusts its certificate and shows one of its own, or none. */
function clientOf(node: NodeProcess, own: Pick<ClientTls, 'cert' | 'key'> = {}) {
  const [host, port] = splitAddress(node.addresses.inference);
  return connectGrpc({ kind: 'tls', host, port: Number(port), tls: { ca: [server.cert], serverName: 'localhost', ...own } });
}

describe('nodes with TLS that ask clients for certificates', { skip: tools.missing }, () => {
  let etcd: EtcdProcess;
  let folder: Awaited<ReturnType<typeof freeFolder>>;
  const nodes: NodeProcess[] = [];
  before(
    async () => {
      etcd = await EtcdProcess.alone(tools);
      folder = await freeFolder();
      const files = new TlsFiles(folder.path);
      files.use(server);
      files.trust(known);
      const flags = { ...files.flags, ...files.clientFlags };
      // Nodes trust each other by the certificate that they share, whatever clients they trust.
      for (const name of ['a', 'b']) nodes.push(await startMember(etcd, name, { flags }));
      nodes.push(await startMember(etcd, 'plain'));
    },
    { timeout: 120_000 },
  );
  after(async () => {
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    await etcd?.dispose();
    await folder?.[Symbol.asyncDispose]();
  });
  const at = (index: number): NodeProcess => {
    const node = nodes[index];
    assert.ok(node !== undefined);
    return node;
  };

  it('§8 ModelMeshClusterTlsTest: nodes that share a certificate call each other under it, and one without is not called', {
    timeout: 60_000,
  }, async () => {
    using first = clientOf(at(0), known);
    using second = clientOf(at(1), known);
    for (const modelId of ['m0', 'm1', 'm2', 'm3']) {
      const modelInfo = { type: 'null', path: 'size 8192' };
      await first.client.unary(ModelMesh.method.registerModel, { modelId, modelInfo, loadNow: true, sync: true });
      const places = (await statusOf(first.client, modelId)).modelCopyInfos.map(({ location }) => location);
      assert.equal(places.length, 1, places.join());
      assert.match(places[0] ?? '', /^[ab]$/);
      for (const { client } of [first, second]) assert.equal(await echo(client, modelId, modelId), modelId);
      assert.equal((await statusOf(second.client, modelId)).modelCopyInfos.length, 1, 'nobody loaded it anew');
    }
  });

  it('§8 ModelMeshClusterTlsClientAuthTest: a client without a certificate, or with a strange one, gets UNAVAILABLE', {
    timeout: 60_000,
  }, async () => {
    for (const own of [{}, stranger]) {
      using refused = clientOf(at(0), own);
      await assert.rejects(echo(refused.client, 'm0', 'x'), { kind: 'unavailable' });
    }
    using admitted = clientOf(at(0), known);
    assert.equal(await echo(admitted.client, 'm0', 'x'), 'x');
  });
});

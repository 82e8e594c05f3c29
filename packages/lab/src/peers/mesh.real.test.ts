import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EtcdProcess, etcdTools } from '@modelmesh/mesh/kv/testing';
import { echo, registerNull, startMesh } from './index.ts';

const tools = etcdTools(process.env);

describe('three nodes on one etcd', { skip: tools.missing }, () => {
  let etcd: EtcdProcess;
  before(async () => {
    etcd = await EtcdProcess.alone(tools);
  });
  after(() => etcd?.dispose());

  it('answer for each other: a model that is at one of them is called through any', { timeout: 120_000 }, async () => {
    await using mesh = await startMesh(etcd, 3);
    await registerNull(mesh.at(0), 'one', 'size 8192', true);
    for (const node of mesh.nodes) assert.equal(await echo(node.client, 'one', `from ${node.pid}`), `from ${node.pid}`);
    const record = await etcd.ctl('get', '/tas-runtime/model-mesh/registry/one', '--print-value-only');
    const { instanceIds } = JSON.parse(record) as { readonly instanceIds: Readonly<Record<string, number>> };
    assert.equal(Object.keys(instanceIds).length, 1, 'three callers through three nodes have not made it load anew');
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EtcdProcess, etcdTools } from '@modelmesh/mesh/kv/testing';
import { echo, registerNull, startOnEtcd } from './etcd-node.ts';

const tools = etcdTools(process.env);

describe('a node on a real etcd', { skip: tools.missing }, () => {
  let etcd: EtcdProcess;
  before(async () => {
    etcd = await EtcdProcess.alone(tools);
  });
  after(() => etcd?.dispose());

  it('has its models after it was killed and started anew in another folder', { timeout: 120_000 }, async () => {
    const first = await startOnEtcd(etcd);
    try {
      await registerNull(first, 'm');
      assert.equal(await echo(first, 'm', 'hello'), 'hello');
      const records = await etcd.ctl('get', '--prefix', '--keys-only', '/tas-runtime/');
      assert.match(records, /^\/tas-runtime\/\S+\/registry\/m$/m);
      assert.match(records, /^\/tas-runtime\/\S+\/instances\/lab-node$/m);
      await first.kill('SIGKILL');
    } finally {
      await first[Symbol.asyncDispose]();
    }
    await using second = await startOnEtcd(etcd);
    assert.equal(await echo(second, 'm', 'again'), 'again');
    assert.equal(await second.stop(), 0);
    const left = await etcd.ctl('get', '--prefix', '--keys-only', '');
    assert.doesNotMatch(left, /instances\//, 'a node that ends in order takes its record back');
  });
});

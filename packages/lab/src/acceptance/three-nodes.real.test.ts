/** What ModelMesh's own cluster tests show (spec `modelmesh.md` §8), with its numbers, on three real nodes. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { etcdTools } from '@modelmesh/mesh/kv/testing';
import { type ClusterNode, ClusterProcess } from '../cluster-process/index.ts';
import { eventually } from '../faults/index.ts';
import { echo, registerNull } from '../peers/index.ts';
import { copiesSeenBy, decisionsAbout, echoOfSeveral, holderOf, loseInRuntime, timedEcho } from './mesh-calls.ts';

const tools = etcdTools(process.env);
const SMALL_CALLS = 6000;
const CALLERS = 16;
const LARGE_CALLS = 200;
const LARGE_BYTES = 2 * 1024 * 1024;
const LARGE_CALL_MS_MAX = 2000;
const MODELS = Array.from({ length: 9 }, (_, at) => `m${at}`);

/** Many small calls, none of which may fail. */
async function callOften(client: ClusterNode['client'], modelId: string, calls: number): Promise<void> {
  let left = calls;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (left > 0) {
        left -= 1;
        const text = `call ${left}`;
        assert.equal(await echo(client, modelId, text), text);
      }
    }),
  );
}

describe('three nodes', { skip: tools.missing }, () => {
  let cluster: ClusterProcess;
  before(
    async () => {
      // The bound of ModelMesh's cluster tests: ten calls a minute for each copy.
      cluster = await ClusterProcess.start({ nodes: 3, etcd: tools, flags: { 'scaling-calls-per-minute-max': '10' } });
      // Through one after the other, so that each node has some of them whichever it favours.
      for (const [at, model] of MODELS.entries())
        await registerNull(cluster.node(at % cluster.nodes.length).process, model, 'size 8192', true);
    },
    { timeout: 120_000 },
  );
  after(() => cluster?.[Symbol.asyncDispose]());

  it('§8 ModelMeshClusterTest: one call for several models gathers the answers of several nodes', {
    timeout: 60_000,
  }, async () => {
    const holders = await Promise.all(MODELS.map(async (model) => (await holderOf(cluster, model)).id));
    assert.ok(new Set(holders).size > 1, `all models are at ${holders[0]}`);
    for (const { client } of cluster.nodes)
      assert.equal(await echoOfSeveral(client, MODELS, 'all;'), 'all;'.repeat(MODELS.length));
  });

  it('§8 ModelMeshRefreshMissingModelTest: a runtime that lost a model is given it again within the call, again and again, whichever node is asked', {
    timeout: 60_000,
  }, async () => {
    for (const { id, client } of cluster.nodes) {
      for (let time = 0; time < 3; time++) {
        const copies = await copiesSeenBy(cluster.node(0), 'm0');
        assert.notEqual(copies.length, 0);
        for (const node of cluster.nodes) if (copies.includes(node.id)) await loseInRuntime(node.process, 'm0');
        assert.equal(await echo(client, 'm0', `${id} ${time}`), `${id} ${time}`);
      }
    }
  });

  it('§8 ModelMeshClusterTest: 6000 calls through one node make copies, and 200 calls of 2 MB through another take less than 2 s each', {
    timeout: 180_000,
  }, async (t) => {
    await registerNull(cluster.node(0).process, 'hot', 'size 8192', true);
    const startedMs = performance.now();
    await callOften(cluster.node(0).client, 'hot', SMALL_CALLS);
    t.diagnostic(`${SMALL_CALLS} calls in ${Math.round(performance.now() - startedMs)} ms`);
    const copies = await eventually('a second copy', 30_000, async () => {
      await echo(cluster.node(0).client, 'hot', 'again');
      const seen = await copiesSeenBy(cluster.node(0), 'hot');
      return seen.length > 1 ? seen : undefined;
    });
    t.diagnostic(`copies at ${copies.join()} after ${Math.round(performance.now() - startedMs)} ms`);

    const large = Buffer.alloc(LARGE_BYTES, 'large');
    let slowestMs = 0;
    for (let call = 0; call < LARGE_CALLS; call++) {
      large.writeUInt32BE(call);
      slowestMs = Math.max(slowestMs, await timedEcho(cluster.node(1).client, 'hot', large));
    }
    t.diagnostic(`the slowest of ${LARGE_CALLS} calls of 2 MB took ${Math.round(slowestMs)} ms`);
    assert.ok(slowestMs < LARGE_CALL_MS_MAX, `${slowestMs} ms`);
  });

  it('any node tells which of several copies a call that was answered at once went to, with what was compared', {
    timeout: 60_000,
  }, async () => {
    const [entry, asked] = [cluster.node(0), cluster.node(2)];
    const choice = await eventually('a choice among copies', 30_000, async () => {
      // So many at a time that a copy at the node itself is hot, and is compared with others.
      await Promise.all(Array.from({ length: 64 }, (_, at) => echo(entry.client, 'hot', `call ${at}`)));
      return (await decisionsAbout(asked, 'hot')).find(({ kind, madeBy }) => kind === 'choice' && madeBy === entry.id);
    });
    assert.match(choice.because, /^the call of any\.Service\/Call ended with answered, after chose \S+ \(\d+ in flight, /);
  });

  // The last one: a node is gone after it.
  it('§8 ModelMeshTearDownTest: when one of three is killed its models answer, each at the first call through each other node', {
    timeout: 60_000,
  }, async (t) => {
    // Models that nobody called yet have one copy each.
    const models = MODELS.map((model) => `torn-${model}`);
    for (const [at, model] of models.entries())
      await registerNull(cluster.node(at % cluster.nodes.length).process, model, 'size 8192', true);
    const victim = await holderOf(cluster, 'torn-m0');
    const survivors = cluster.nodes.filter((node) => node !== victim);
    await victim.kill();
    const startedMs = performance.now();
    // ModelMesh's test waits for 1.2 s first; here no call may fail at any time.
    for (const { id, client } of survivors)
      await Promise.all(models.map(async (model) => assert.equal(await echo(client, model, `${id} ${model}`), `${id} ${model}`)));
    t.diagnostic(`${MODELS.length} models answered through both others after ${Math.round(performance.now() - startedMs)} ms`);
  });
});

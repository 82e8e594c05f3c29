import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { etcdTools } from '@modelmesh/mesh/kv/testing';
import { eventually } from '../faults/index.ts';
import { freeFolder } from '../node-process/index.ts';
import { isAlive } from '../process-usage/index.ts';
import { echo, registerNull } from '../registry/etcd-node.ts';
import { ClusterProcess } from './index.ts';

const tools = etcdTools(process.env);

/** `true` once a node lists a model. */
const knows = async (url: string, model: string): Promise<true | undefined> =>
  (await fetch(`${url}/api/v1/models/${model}`)).ok ? true : undefined;

describe('a cluster of real processes', { skip: tools.missing }, () => {
  it('answers at every node for a model that is registered at one, and nothing of it is left at its end', {
    timeout: 180_000,
  }, async () => {
    await using cluster = await ClusterProcess.start({ nodes: 3, etcd: tools });
    await registerNull(cluster.node(0).process, 'm');
    for (const { url } of cluster.nodes) await eventually(`m at ${url}`, 10_000, () => knows(url, 'm'));
    for (const { id, process } of cluster.nodes) assert.equal(await echo(process, 'm', id), id);
    const pids = cluster.nodes.map(({ process }) => process.pid);
    assert.equal(new Set(pids).size, 3);

    await cluster[Symbol.asyncDispose]();

    assert.deepEqual([pids.filter(isAlive), existsSync(cluster.folder)], [[], false]);
  });

  it('keeps the port and the data of a node that was killed, and the others see it go and come', {
    timeout: 180_000,
  }, async () => {
    await using cluster = await ClusterProcess.start({ nodes: 2, etcd: tools });
    const [stays, goes] = [cluster.node(0), cluster.node(1)];
    await registerNull(stays.process, 'm');
    const { url, process } = goes;
    assert.equal(await goes.kill(), 'SIGKILL');
    await cluster.converged(60_000);

    await goes.restart();
    await cluster.converged();

    assert.equal(goes.url, url);
    assert.notEqual(goes.process.pid, process.pid);
    assert.equal(await echo(goes.process, 'm', 'again'), 'again');
    await assert.rejects(goes.restart(), /still runs/);
    assert.equal(await goes.stop(), 0);
    await cluster.converged();
    await using folder = await freeFolder();
    cluster.writeLogs(folder.path);
    assert.deepEqual(readdirSync(folder.path).sort(), ['n0.log', 'n1.log']);
    const ready = readFileSync(join(folder.path, 'n1.log'), 'utf8').match(/"event":"node-ready"/g);
    assert.equal(ready?.length, 2, 'the log has both lives');
  });

  it('stops a node that keeps its connections and answers nothing, lets it go on, and goes on without etcd', {
    timeout: 180_000,
  }, async () => {
    await using cluster = await ClusterProcess.start({ nodes: 1, etcd: tools });
    const node = cluster.node(0);
    await registerNull(node.process, 'm');
    assert.equal(await echo(node.process, 'm', 'warm'), 'warm');
    node.pause();
    const silent = await fetch(`${node.url}/v2/health/live`, { signal: AbortSignal.timeout(500) }).catch(({ name }) => name);
    assert.equal(silent, 'TimeoutError');
    node.resume();
    assert.equal(await echo(node.process, 'm', 'on'), 'on');
    await cluster.etcd.kill();
    assert.equal(await echo(node.process, 'm', 'without'), 'without');
    cluster.etcd.start();
    await cluster.etcd.healthy();
    const added = await cluster.add();
    assert.equal(await echo(added.process, 'm', 'new'), 'new');
    await cluster.converged();
  });
});

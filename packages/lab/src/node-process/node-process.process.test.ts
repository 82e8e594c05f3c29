import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { rawMethod } from '@modelmesh/grpc/call';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { isAlive } from '../process-usage/index.ts';
import { freeFolder, NodeProcess } from './index.ts';

const echo = rawMethod('/any.Service/Call');
const NULL_SERVER = { 'runtime-server': 'null' };

const register = (node: NodeProcess, modelId: string) =>
  node.client.unary(ModelMesh.method.registerModel, { modelId, modelInfo: { type: 'null', path: 'size 8192' } });

const call = async (node: NodeProcess, modelId: string, text: string): Promise<string> =>
  Buffer.from(await node.client.call(echo, [Buffer.from(text)], { headers: ['mm-model-id', modelId] })).toString();

describe('a node process', () => {
  it('serves gRPC and REST, and ends with its runtime and its folder', { timeout: 60_000 }, async () => {
    await using node = await NodeProcess.start({ flags: NULL_SERVER });
    await register(node, 'm');
    assert.equal(await call(node, 'm', 'hello'), 'hello');
    assert.equal((await fetch(`${node.url}/v2/health/live`)).status, 200);
    assert.equal((await fetch(`http://${node.addresses.metrics}/metrics`)).status, 200);
    assert.equal((await fetch(`http://${node.addresses.probes}/ready`)).status, 200);
    const { pid, runtimePid, folder } = node;

    await node[Symbol.asyncDispose]();

    assert.deepEqual([isAlive(pid), isAlive(runtimePid), existsSync(folder)], [false, false, false]);
  });

  it('is started again in the same folder after it was killed, and takes its runtime along', { timeout: 60_000 }, async () => {
    await using place = await freeFolder();
    const first = await NodeProcess.start({ flags: NULL_SERVER, folder: place.path });
    await register(first, 'm');
    assert.equal(await first.kill('SIGKILL'), 'SIGKILL');

    await using second = await NodeProcess.start({ flags: NULL_SERVER, folder: place.path });

    assert.equal(await call(second, 'm', 'again'), 'again');
  });

  it('shows the last words of a node that cannot start', { timeout: 60_000 }, async () => {
    await assert.rejects(NodeProcess.start({ flags: { 'registry-kind': 'nonsense' } }), /before node-ready.*nonsense/s);
  });
});

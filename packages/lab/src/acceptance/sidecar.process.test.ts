/** What ModelMesh's tests of one node beside its runtime show (spec `modelmesh.md` §8): at a unix socket, and at two ports. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ModelMesh, ModelStatusInfo_ModelStatus as Status } from '@modelmesh/wire/mmesh';
import { NodeProcess, realClock } from '../node-process/index.ts';
import { echo, registerNull } from '../peers/index.ts';
import { echoOfSeveral, loseInRuntime, statusOf } from './mesh-calls.ts';
import { SplitRuntime } from './split-runtime.ts';

const START_MS = 30_000;
/** How far the time of a failed load may lie behind now. */
const FRESH_MS = 10_000;

describe('a node and its runtime at a unix socket', () => {
  let node: NodeProcess;
  before(
    async () => {
      node = await NodeProcess.start({ flags: { 'runtime-server': 'null' } });
    },
    { timeout: START_MS },
  );
  after(() => node?.[Symbol.asyncDispose]());

  it('§8 UdsSidecarModelMeshTest: a model is registered, loaded, called, told of and unregistered', async () => {
    const { client } = node;
    assert.equal((await registerNull(node, 'm')).status, Status.NOT_LOADED);
    assert.equal((await registerNull(node, 'm', 'size 8192', true)).status, Status.LOADED);
    assert.equal(await echo(client, 'm', 'hello'), 'hello');
    const { status, errors, modelCopyInfos } = await statusOf(client, 'm');
    assert.deepEqual([status, errors, modelCopyInfos.map(({ copyStatus }) => copyStatus)], [Status.LOADED, [], [Status.LOADED]]);
    await client.unary(ModelMesh.method.unregisterModel, { modelId: 'm' });
    await assert.rejects(echo(client, 'm', 'hello'), /model not found/);
  });

  it('§8 SidecarModelMeshTest: a model that is unknown is NOT_FOUND, and no error', async () => {
    const { status, errors, modelCopyInfos } = await statusOf(node.client, 'unknown');
    assert.deepEqual([status, errors, modelCopyInfos], [Status.NOT_FOUND, [], []]);
  });

  it('§8 SidecarModelMeshTest: a failed load has one error, that of the runtime, and one copy with place and time, again and again', async () => {
    const first = await registerNull(node, 'bad', 'fail INTERNAL out of luck', true);
    assert.equal(first.status, Status.LOADING_FAILED);
    const [error = '', ...errors] = first.errors;
    assert.deepEqual(errors, []);
    assert.match(error, /out of luck$/);
    const [copy, ...copies] = first.modelCopyInfos;
    assert.ok(copy !== undefined && copies.length === 0);
    assert.deepEqual([copy.location, copy.copyStatus], ['lab-node', Status.LOADING_FAILED]);
    const ageMs = realClock.wallMs() - Number(copy.time);
    assert.ok(ageMs >= 0 && ageMs < FRESH_MS, `${ageMs} ms`);
    for (let time = 0; time < 3; time++) assert.deepEqual(await statusOf(node.client, 'bad'), first);
  });

  it('§8 SidecarModelMeshTest: a call for three models has their three answers in one', async () => {
    for (const model of ['a', 'b', 'c']) await registerNull(node, model);
    assert.equal(await echoOfSeveral(node.client, ['a', 'b', 'c'], 'one;'), 'one;one;one;');
  });

  it('§8 SidecarModelMeshTest: what the runtime lost is called as if it had not', async () => {
    await registerNull(node, 'lost', 'size 8192', true);
    for (let time = 0; time < 3; time++) {
      await loseInRuntime(node, 'lost');
      assert.equal(await echo(node.client, 'lost', `${time}`), `${time}`);
    }
  });
});

describe('a node and a runtime whose inference has a port of its own', () => {
  let runtime: SplitRuntime;
  let node: NodeProcess;
  before(
    async () => {
      runtime = await SplitRuntime.listen();
      node = await NodeProcess.start({ flags: runtime.flags });
      for (const model of ['m', 'n']) await registerNull(node, model, 'p', true);
    },
    { timeout: START_MS },
  );
  after(async () => {
    await node?.[Symbol.asyncDispose]();
    await runtime?.[Symbol.asyncDispose]();
  });

  it('§8 ModelMeshClusterSeparateServeTest: models are managed at one port and called at the other', async () => {
    assert.equal(await echoOfSeveral(node.client, ['m', 'n'], 'both;'), 'both;both;');
    assert.deepEqual(runtime.asked, ['load m', 'load n']);
  });

  for (const words of ['contract', 'triton', 'mlserver'] as const)
    for (const unloadSaysNotFound of [false, true])
      it(`§8 ModelMeshRMMSeparateServeTest: a lost model, said in the words of ${words}, is unloaded and loaded within the call, though unloading it is ${unloadSaysNotFound ? 'NOT_FOUND' : 'OK'}`, async () => {
        Object.assign(runtime, { lostWords: words, unloadSaysNotFound });
        for (let time = 0; time < 3; time++) {
          runtime.lose('m');
          runtime.asked.length = 0;
          assert.equal(await echo(node.client, 'm', `${words} ${time}`), `${words} ${time}`);
          assert.deepEqual(runtime.asked, ['unload m', 'load m']);
        }
      });
});

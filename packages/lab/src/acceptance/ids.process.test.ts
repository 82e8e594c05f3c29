/** What ModelMesh's tests of ids in messages and of allowed methods show (spec `modelmesh.md` §8), on real nodes. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type GrpcClient, rawMethod } from '@modelmesh/grpc/call';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { NodeProcess } from '../node-process/index.ts';
import { registerNull } from '../peers/index.ts';
import { METHODS, type SplitMethods, SplitRuntime } from './split-runtime.ts';

const START_MS = 30_000;
const [CALL, OTHER] = METHODS;
/** UNIMPLEMENTED, with the name of the method. */
const UNIMPLEMENTED = {
  code: 12,
  message: /^(Method not found or not permitted: any\.Service\/Other|mmesh\.ModelRuntime\/unloadModel is not served here: .*)$/,
};
const INVALID_ARGUMENT = { code: 3 };
const MODEL_HEADER = ['mm-model-id', 'm'];

/** A field of a message: its number and its text, shorter than 128 bytes. */
const field = (number: number, text: string): Buffer =>
  Buffer.concat([Uint8Array.of((number << 3) | 2, Buffer.byteLength(text)), Buffer.from(text)]);
const REST = field(3, 'what the model reads');
const named = (id: string): Buffer => Buffer.concat([field(1, id), REST]);

const ask = async (client: GrpcClient, method: string, message: Buffer, headers: readonly string[] = []): Promise<Buffer> =>
  Buffer.from(await client.call(rawMethod(`/${method}`), [message], { headers }));

/** Started before the tests of the block and ended after them: a node with models `m` and `n` and the vmodel `v`, which is `m`. */
function nodeWith(methods: SplitMethods, environment: Readonly<Record<string, string>> = {}): { readonly client: GrpcClient } {
  let runtime: SplitRuntime;
  let node: NodeProcess;
  before(
    async () => {
      runtime = await SplitRuntime.listen(methods);
      node = await NodeProcess.start({ flags: runtime.flags, environment });
      for (const model of ['m', 'n']) await registerNull(node, model);
      await node.client.unary(ModelMesh.method.setVModel, { vModelId: 'v', targetModelId: 'm' });
    },
    { timeout: START_MS },
  );
  after(async () => {
    await node?.[Symbol.asyncDispose]();
    await runtime?.[Symbol.asyncDispose]();
  });
  return {
    get client() {
      return node.client;
    },
  };
}

describe('a runtime that names its methods', () => {
  const node = nodeWith({ methodInfos: { [CALL]: { idInjectionPath: [1] } }, allowAnyMethod: false });

  it('§8 ModelMeshIdInjectTest: the id is written over what the client has in its place, or where nothing is', async () => {
    assert.deepEqual(await ask(node.client, CALL, named('somebody else'), MODEL_HEADER), named('m'));
    const added = await ask(node.client, CALL, REST, MODEL_HEADER);
    assert.equal(added.length, named('m').length);
    assert.ok(added.includes(field(1, 'm')) && added.includes(REST), added.toString('hex'));
  });

  it('§8 ModelMeshIdInjectTest: a method that the runtime does not name is UNIMPLEMENTED, and a call without an id INVALID_ARGUMENT', async () => {
    await assert.rejects(ask(node.client, OTHER, REST, MODEL_HEADER), UNIMPLEMENTED);
    await assert.rejects(ask(node.client, CALL, REST), INVALID_ARGUMENT);
  });
});

describe('a runtime that names a method without a place for the id', () => {
  const node = nodeWith({ methodInfos: { [CALL]: { idInjectionPath: [] } }, allowAnyMethod: false });

  it('§8 ModelMeshAllowWithNoInjectionTest: that method passes as it is, and no other does', async () => {
    assert.deepEqual(await ask(node.client, CALL, named('somebody else'), MODEL_HEADER), named('somebody else'));
    await assert.rejects(ask(node.client, OTHER, REST, MODEL_HEADER), UNIMPLEMENTED);
  });
});

describe('a runtime that allows any method', () => {
  const node = nodeWith({ methodInfos: { [CALL]: { idInjectionPath: [1] } }, allowAnyMethod: true });

  it('§8 ModelMeshAllowAnyMethodTest: a method that it does not name passes as it is, but never one of its own contract', async () => {
    assert.deepEqual(await ask(node.client, CALL, named('somebody else'), MODEL_HEADER), named('m'));
    assert.deepEqual(await ask(node.client, OTHER, named('somebody else'), MODEL_HEADER), named('somebody else'));
    await assert.rejects(ask(node.client, 'mmesh.ModelRuntime/unloadModel', field(1, 'm'), MODEL_HEADER), UNIMPLEMENTED);
  });
});

describe('a node that reads ids from messages', () => {
  const config = { rpcConfigs: { [CALL]: { idExtractionPath: [1] } } };
  const node = nodeWith({ methodInfos: {}, allowAnyMethod: true }, { MM_DATAPLANE_CONFIG: JSON.stringify(config) });

  it('§8 ModelMeshIdExtractTest: the id of the message needs no header and beats it; without one the header counts', async () => {
    assert.deepEqual(await ask(node.client, CALL, named('m')), named('m'));
    assert.deepEqual(await ask(node.client, CALL, named('m'), ['mm-model-id', 'nobody']), named('m'));
    assert.deepEqual(await ask(node.client, CALL, REST, MODEL_HEADER), REST);
    await assert.rejects(ask(node.client, CALL, REST), INVALID_ARGUMENT);
  });
});

describe('a node that reads ids of vmodels from messages', () => {
  const config = { rpcConfigs: { [CALL]: { idExtractionPath: [1], vModelId: true } } };
  const node = nodeWith({ methodInfos: {}, allowAnyMethod: true }, { MM_DATAPLANE_CONFIG: JSON.stringify(config) });

  it('§8 ModelMeshVmIdExtractTest: the id of the message is that of a vmodel, and a method that is not listed UNIMPLEMENTED', async () => {
    assert.deepEqual(await ask(node.client, CALL, named('v')), named('v'));
    await assert.rejects(ask(node.client, CALL, named('m')), { code: 5 });
    await assert.rejects(ask(node.client, OTHER, named('v')), UNIMPLEMENTED);
  });
});

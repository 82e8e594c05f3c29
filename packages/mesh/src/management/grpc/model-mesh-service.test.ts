import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeshError } from '@modelmesh/core';
import { GrpcStatusError, protobufMethod } from '@modelmesh/grpc/call';
import {
  ModelMesh,
  ModelStatusInfo_ModelStatus as Status,
  VModelStatusInfo_VModelStatus as VStatus,
} from '@modelmesh/wire/mmesh';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { type Authorizer, allowAll } from '../../authz/index.ts';
import { systemClock } from '../../node/index.ts';
import { FAKE_NOW_MS, FakeControl, serveRouter } from '../testing/index.ts';
import { GET_STATE_ID, LOG_CACHE_ID, type ModelMeshOptions, serveModelMesh } from './index.ts';

const { method } = ModelMesh;

const serve = async (authorizer: Authorizer = allowAll, options: ModelMeshOptions = {}) => {
  const control = new FakeControl();
  const served = await serveRouter(systemClock, (router) => serveModelMesh(router, control, authorizer, options));
  return { control, client: served.client, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
};

const failsWith = (code: number, message: string) => (error: unknown) => {
  assert.ok(error instanceof GrpcStatusError, String(error));
  assert.deepEqual([error.code, error.message], [code, message]);
  return true;
};

test('a registration passes every field and answers with the status of the model', async () => {
  await using mesh = await serve();
  const answer = await mesh.client.unary(method.registerModel, {
    modelId: 'm',
    modelInfo: { type: 'onnx', path: '/m', key: 'secret' },
    loadNow: true,
    sync: true,
    lastUsedTime: 77n,
  });
  assert.equal(answer.status, Status.LOADED);
  assert.deepEqual(
    answer.modelCopyInfos.map(({ location, copyStatus, time }) => [location, copyStatus, time]),
    [['node-1', Status.LOADED, BigInt(FAKE_NOW_MS)]],
  );
  const info = { type: 'onnx', path: '/m', encKey: 'secret' };
  assert.deepEqual(mesh.control.calls[0], ['registerModel', { modelId: 'm', info, loadNow: true, sync: true, lastUsedMs: 77 }]);
});

test('a registration without an id, and one without model info, are invalid in ModelMesh words', async () => {
  await using mesh = await serve();
  const invalid = GRPC_CODE.INVALID_ARGUMENT;
  await assert.rejects(
    mesh.client.unary(method.registerModel, { modelInfo: { type: 't' } }),
    failsWith(invalid, 'must provide non-empty modelId'),
  );
  await assert.rejects(
    mesh.client.unary(method.registerModel, { modelId: 'm' }),
    failsWith(invalid, 'Must provide non-empty model type string'),
  );
});

test('a failed load is a status within an OK answer, the reason among its errors', async () => {
  await using mesh = await serve();
  mesh.control.addModel('m');
  mesh.control.broken.set('m', 'out of luck');
  const answer = await mesh.client.unary(method.ensureLoaded, { modelId: 'm', sync: true });
  assert.equal(answer.status, Status.LOADING_FAILED);
  assert.deepEqual(answer.errors, ['out of luck']);
});

test('loading an unknown model is NOT_FOUND, its status is a status, and unregistering it succeeds', async () => {
  await using mesh = await serve();
  await assert.rejects(
    mesh.client.unary(method.ensureLoaded, { modelId: 'm' }),
    failsWith(GRPC_CODE.NOT_FOUND, 'model not found'),
  );
  assert.equal((await mesh.client.unary(method.getModelStatus, { modelId: 'm' })).status, Status.NOT_FOUND);
  await mesh.client.unary(method.unregisterModel, { modelId: 'm' });
  assert.deepEqual(mesh.control.calls.at(-1), ['unregisterModel', 'm']);
});

test('a vmodel is set, told and deleted; an unknown one is an answer of defaults', async () => {
  await using mesh = await serve();
  mesh.control.addModel('m');
  const set = await mesh.client.unary(method.setVModel, { vModelId: 'v', targetModelId: 'm', owner: 'o', force: true });
  assert.deepEqual([set.status, set.activeModelId, set.targetModelId, set.owner], [VStatus.DEFINED, 'm', 'm', 'o']);
  assert.equal(set.activeModelStatus?.status, Status.NOT_LOADED);
  assert.equal(set.targetModelStatus, undefined);
  const told = await mesh.client.unary(method.getVModelStatus, { vModelId: 'v', owner: 'somebody else' });
  assert.deepEqual([told.status, told.activeModelId, told.owner], [VStatus.NOT_FOUND, '', '']);
  await mesh.client.unary(method.deleteVModel, { vModelId: 'v', owner: 'o' });
  assert.equal(mesh.control.endpoint('v'), null);
});

test('a vmodel request without model info says so, and an empty message is one without texts', async () => {
  await using mesh = await serve();
  mesh.control.addModel('m');
  await mesh.client.unary(method.setVModel, { vModelId: 'v', targetModelId: 'm' });
  await mesh.client.unary(method.setVModel, { vModelId: 'v', targetModelId: 'm', modelInfo: {} });
  const infos = mesh.control.calls.map(([, request]) => (request as { modelInfo: unknown }).modelInfo);
  assert.deepEqual(infos, [undefined, { type: '', path: '', encKey: '' }]);
});

test('an instant beyond exact numbers stays an instant in the future', async () => {
  await using mesh = await serve();
  mesh.control.addModel('m');
  await mesh.client.unary(method.ensureLoaded, { modelId: 'm', lastUsedTime: 2n ** 64n - 1n });
  assert.deepEqual(mesh.control.calls[0], ['ensureLoaded', 'm', 2 ** 64, false]);
});

test('the state of the node is told in errors under one magic id and logged under the other', async () => {
  const logged: string[] = [];
  await using mesh = await serve(allowAll, { logState: (lines) => logged.push(...lines) });
  mesh.control.addModel('idle');
  mesh.control.addModel('m');
  await mesh.client.unary(method.ensureLoaded, { modelId: 'm', sync: true });
  const state = await mesh.client.unary(method.getModelStatus, { modelId: GET_STATE_ID });
  assert.equal(state.status, Status.UNKNOWN);
  assert.match(state.errors.join('\n'), /^instance node-1 models 0 used 81920 of 8192000 bytes/m);
  assert.match(state.errors.join('\n'), /^model m LOADED booked 8192 bytes/m);
  assert.doesNotMatch(state.errors.join('\n'), /idle/);
  const silent = await mesh.client.unary(method.getModelStatus, { modelId: LOG_CACHE_ID });
  assert.deepEqual([silent.status, silent.errors], [Status.UNKNOWN, []]);
  assert.deepEqual(logged, state.errors);
});

test('every call is authorized with its verb and resource, and a denial ends it before control hears of it', async () => {
  const asked: string[] = [];
  const authorizer: Authorizer = {
    authorize: ({ source }, { verb, target }) => {
      asked.push(`${source} ${verb} ${target}`);
      return { kind: 'deny', reason: 'not you' };
    },
  };
  await using mesh = await serve(authorizer);
  const denied = failsWith(GRPC_CODE.PERMISSION_DENIED, 'not you');
  const model = { modelId: 'm' };
  const endpoint = { vModelId: 'v' };
  await assert.rejects(mesh.client.unary(method.registerModel, model), denied);
  await assert.rejects(mesh.client.unary(method.unregisterModel, model), denied);
  await assert.rejects(mesh.client.unary(method.getModelStatus, model), denied);
  await assert.rejects(mesh.client.unary(method.ensureLoaded, model), denied);
  await assert.rejects(mesh.client.unary(method.setVModel, endpoint), denied);
  await assert.rejects(mesh.client.unary(method.deleteVModel, endpoint), denied);
  await assert.rejects(mesh.client.unary(method.getVModelStatus, endpoint), denied);
  await assert.rejects(mesh.client.unary(method.getModelStatus, { modelId: GET_STATE_ID }), denied);
  assert.deepEqual(asked, [
    'anonymous write models/m',
    'anonymous write models/m',
    'anonymous read models/m',
    'anonymous write models/m',
    'anonymous write endpoints/v',
    'anonymous write endpoints/v',
    'anonymous read endpoints/v',
    'anonymous read state',
  ]);
  assert.deepEqual(mesh.control.calls, []);
});

test('a caller that goes while it waits for a load ends its waiting, not the load', async () => {
  await using mesh = await serve();
  mesh.control.addModel('m');
  const gate = Promise.withResolvers<void>();
  mesh.control.loadGate = gate.promise;
  const { waiting, left } = mesh.control;
  const caller = new AbortController();
  const call = mesh.client.unary(method.ensureLoaded, { modelId: 'm', sync: true }, { signal: caller.signal });
  await waiting.promise;
  caller.abort();
  await assert.rejects(call, (error) => error instanceof MeshError && error.kind === 'cancelled');
  await left.promise;
  gate.resolve();
});

test('the names of older clients lead to the same calls, and no others do', async () => {
  await using mesh = await serve();
  const as = (path: string) => ({ ...protobufMethod(method.registerModel), path });
  const request = { modelId: 'm', modelInfo: { type: 'onnx', path: '/m' } };
  const registers = ['mmesh.ModelMesh/addModel', 'com.ibm.watson.tas.proto.TasRuntime/addModel'];
  for (const path of [...registers, 'com.ibm.watson.tas.proto.TasRuntime/registerModel'])
    await mesh.client.call(as(`/${path}`), request);
  for (const service of ['mmesh.ModelMesh', 'com.ibm.watson.tas.proto.TasRuntime'])
    await mesh.client.call({ ...protobufMethod(method.unregisterModel), path: `/${service}/deleteModel` }, { modelId: 'm' });
  assert.deepEqual(
    mesh.control.calls.map(([name]) => name),
    ['registerModel', 'registerModel', 'registerModel', 'unregisterModel', 'unregisterModel'],
  );
  for (const path of ['/com.ibm.watson.tas.proto.TasRuntime/nothing', '/mmesh.ModelMeshX/addModel'])
    await assert.rejects(mesh.client.call(as(path), request), failsWith(GRPC_CODE.UNIMPLEMENTED, `${path} is not served here`));
});

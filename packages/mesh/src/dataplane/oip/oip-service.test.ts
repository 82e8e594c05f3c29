import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs, type EndpointId, epochMs, instanceId, type ModelKey, modelKey } from '@modelmesh/core';
import type { NameIndex } from '@modelmesh/core/identity';
import { FakeClock } from '@modelmesh/core/testing';
import { GrpcStatusError } from '@modelmesh/grpc/call';
import { Health, reflectionV1, HealthCheckResponse_ServingStatus as Serving } from '@modelmesh/wire/grpc-services';
import type { HeaderReader } from '@modelmesh/wire/headers';
import { GRPCInferenceService } from '@modelmesh/wire/inference';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { type Authorizer, allowAll } from '../../authz/index.ts';
import { FAKE_NOW_MS, FakeControl, serveRouter } from '../../management/testing/index.ts';
import { systemClock } from '../../node/index.ts';
import { OIP_SERVICE, type OipDeps, serveOip } from './index.ts';

const { method } = GRPCInferenceService;
const EXPIRY_MS = durationMs(600_000);
const HERE = instanceId('node-1');

/** Names as control's own records say them: what the route table holds a turn later. */
class ControlNames implements NameIndex {
  readonly #control: FakeControl;

  constructor(control: FakeControl) {
    this.#control = control;
  }

  hasModel(_namespace: unknown, key: ModelKey): boolean {
    return this.#control.records.has(key);
  }

  endpointModels(_namespace: unknown, id: EndpointId) {
    return this.#control.endpoint(id)?.record;
  }

  newestOf(_namespace: unknown, family: string): ModelKey | undefined {
    const versions = [...this.#control.records.values()].filter((record) => record.family === family);
    return versions.at(-1)?.key;
  }
}

const serve = async (authorizer: Authorizer = allowAll, learn: OipDeps['learn'] = async () => {}) => {
  const control = new FakeControl();
  const clock = new FakeClock(FAKE_NOW_MS);
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof serveOip>>();
  const served = await serveRouter(systemClock, (router) => {
    const deps = {
      control,
      names: new ControlNames(control),
      variantAsked: (name: string, _version: string, headers: HeaderReader) => {
        const label = headers.get('mm-label');
        return label === undefined ? undefined : modelKey(`${name}-${label}`);
      },
      learn,
      authorizer,
      clock,
      loadFailureExpiryMs: EXPIRY_MS,
      server: { name: 'modelmesh', version: '1.2.3', extensions: ['model_repository'] },
      introspection: { services: [OIP_SERVICE, ModelMesh.typeName] },
    };
    resolve(serveOip(router, deps));
  });
  return {
    control,
    clock,
    service: await promise,
    client: served.client,
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
};

const hasCode = (code: number) => (error: unknown) => error instanceof GrpcStatusError && error.code === code;

test('the server is live always, ready as control is, and tells what it is', async () => {
  await using mesh = await serve();
  assert.equal((await mesh.client.unary(method.serverLive, {})).live, true);
  assert.equal((await mesh.client.unary(method.serverReady, {})).ready, true);
  mesh.control.ready = false;
  assert.equal((await mesh.client.unary(method.serverLive, {})).live, true);
  assert.equal((await mesh.client.unary(method.serverReady, {})).ready, false);
  const { name, version, extensions } = await mesh.client.unary(method.serverMetadata, {});
  assert.deepEqual([name, version, extensions], ['modelmesh', '1.2.3', ['model_repository']]);
});

test('a registered model is ready before it is loaded, by the name of endpoint, key, family and version', async () => {
  await using mesh = await serve();
  mesh.control.addModel('fraud@3', { family: 'fraud', version: '3' });
  await mesh.control.setEndpoint({
    vModelId: 'checkout',
    targetModelId: 'fraud@3',
    owner: '',
    updateOnly: false,
    modelInfo: undefined,
    autoDeleteTargetModel: false,
    loadNow: false,
    force: false,
    sync: false,
    expectedTargetModelId: '',
  });
  const ready = async (name: string, version = '') => (await mesh.client.unary(method.modelReady, { name, version })).ready;
  assert.equal(await ready('checkout'), true);
  assert.equal(await ready('fraud@3'), true);
  assert.equal(await ready('fraud'), true);
  assert.equal(await ready('fraud', '3'), true);
  await assert.rejects(ready('fraud', '4'), hasCode(GRPC_CODE.NOT_FOUND));
  await assert.rejects(ready('absent'), hasCode(GRPC_CODE.NOT_FOUND));
  mesh.control.ready = false;
  assert.equal(await ready('fraud'), false);
});

test('of an endpoint with variants the one that the metadata name is asked for', async () => {
  await using mesh = await serve();
  mesh.control.addModel('fraud', {});
  mesh.control.addModel('fraud-canary', { failures: new Map([[HERE, { atMs: FAKE_NOW_MS, message: 'corrupt' }]]) });
  const ready = async (...headers: string[]) =>
    (await mesh.client.unary(method.modelReady, { name: 'fraud' }, { headers })).ready;
  assert.deepEqual([await ready(), await ready('mm-label', 'canary')], [true, false]);
});

test('a model whose load failed is unready until the failure expires', async () => {
  await using mesh = await serve();
  const failures = new Map([[HERE, { atMs: FAKE_NOW_MS, message: 'corrupt' }]]);
  mesh.control.addModel('m', { failures });
  const ready = async () => (await mesh.client.unary(method.modelReady, { name: 'm' })).ready;
  assert.equal(await ready(), false);
  mesh.clock.advance(EXPIRY_MS + 1);
  assert.equal(await ready(), true);
});

test('the repository index tells state and reason, versions under the name of their family', async () => {
  await using mesh = await serve();
  mesh.control.addModel('broken', { failures: new Map([[HERE, { atMs: FAKE_NOW_MS, message: 'corrupt' }]]) });
  mesh.control.addModel('fraud@3', { family: 'fraud', version: '3', copies: new Map([[HERE, epochMs(1)]]) });
  mesh.control.addModel('idle');
  const index = async (ready: boolean) =>
    (await mesh.client.unary(method.repositoryIndex, { ready })).models.map(({ name, version, state, reason }) => [
      name,
      version,
      state,
      reason,
    ]);
  const loaded = ['fraud', '3', 'READY', ''];
  assert.deepEqual(await index(false), [['broken', '', 'UNAVAILABLE', 'corrupt'], loaded, ['idle', '', 'STANDBY', '']]);
  assert.deepEqual(await index(true), [loaded]);
});

test('repository load waits for the load, in the form of KServe and of Triton; unload keeps the registration', async () => {
  await using mesh = await serve();
  mesh.control.addModel('m');
  const kserve = await mesh.client.unary(method.repositoryModelLoad, { modelName: 'm' });
  assert.deepEqual([kserve.modelName, kserve.isLoaded], ['m', true]);
  const triton = await mesh.client.unary(method.repositoryModelLoad, { repositoryModelName: 'm' });
  assert.equal(triton.modelName, 'm');
  assert.deepEqual(mesh.control.calls, Array(2).fill(['ensureLoaded', 'm', 0, true]));
  const unloaded = await mesh.client.unary(method.repositoryModelUnload, { modelName: 'm' });
  assert.deepEqual([unloaded.modelName, unloaded.isUnloaded], ['m', true]);
  assert.equal(mesh.control.records.get('m')?.copies.size, 0);
});

test('a name that another node has just registered is asked for in the registry itself', async () => {
  const asked: (readonly string[])[] = [];
  await using mesh = await serve(allowAll, async (names) => {
    asked.push(names);
    if (names.includes('new')) mesh.control.addModel('new');
  });
  assert.equal((await mesh.client.unary(method.modelReady, { name: 'new' })).ready, true);
  assert.equal((await mesh.client.unary(method.repositoryModelLoad, { modelName: 'new' })).isLoaded, true);
  await assert.rejects(mesh.client.unary(method.modelReady, { name: 'x', version: '2' }), hasCode(GRPC_CODE.NOT_FOUND));
  await assert.rejects(mesh.client.unary(method.repositoryModelUnload, { modelName: 'x' }), hasCode(GRPC_CODE.NOT_FOUND));
  assert.deepEqual(asked, [['new'], ['x', 'x@2'], ['x']]);
});

test('a repository load that fails, or names nothing, is an error', async () => {
  await using mesh = await serve();
  mesh.control.addModel('m');
  mesh.control.broken.set('m', 'no such file');
  await assert.rejects(
    mesh.client.unary(method.repositoryModelLoad, { modelName: 'm' }),
    (error) => hasCode(GRPC_CODE.INTERNAL)(error) && /no such file/.test(String(error)),
  );
  await assert.rejects(mesh.client.unary(method.repositoryModelLoad, { modelName: 'x' }), hasCode(GRPC_CODE.NOT_FOUND));
  await assert.rejects(mesh.client.unary(method.repositoryModelUnload, { modelName: 'x' }), hasCode(GRPC_CODE.NOT_FOUND));
  await assert.rejects(mesh.client.unary(method.repositoryModelLoad, {}), hasCode(GRPC_CODE.INVALID_ARGUMENT));
});

test('calls that belong to the runtime are not served here', async () => {
  await using mesh = await serve();
  await assert.rejects(mesh.client.unary(method.modelInfer, { modelName: 'm' }), hasCode(GRPC_CODE.UNIMPLEMENTED));
  await assert.rejects(mesh.client.unary(method.modelMetadata, { name: 'm' }), hasCode(GRPC_CODE.UNIMPLEMENTED));
});

test('health follows readiness, for the server and for each service by name', async () => {
  await using mesh = await serve();
  const health = async (service: string) => (await mesh.client.unary(Health.method.check, { service })).status;
  assert.equal(await health(''), Serving.SERVING);
  assert.equal(await health(OIP_SERVICE), Serving.SERVING);
  mesh.control.ready = false;
  mesh.service.readyChanged();
  assert.equal(await health(''), Serving.NOT_SERVING);
  assert.equal(await health(ModelMesh.typeName), Serving.NOT_SERVING);
  await assert.rejects(health('other'), hasCode(GRPC_CODE.NOT_FOUND));
});

test('reflection lists what is offered, the runtime’s methods with their service', async () => {
  await using mesh = await serve();
  async function* question() {
    yield { messageRequest: { case: 'listServices' as const, value: '' } };
  }
  const [answer] = await Array.fromAsync(mesh.client.bidi(reflectionV1.ServerReflection.method.serverReflectionInfo, question()));
  assert.equal(answer?.messageResponse.case, 'listServicesResponse');
  const value = answer.messageResponse.value as reflectionV1.ListServiceResponse;
  assert.deepEqual(value.service.map(({ name }) => name).toSorted(), [
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
    'grpc.reflection.v1alpha.ServerReflection',
    'inference.GRPCInferenceService',
    'mmesh.ModelMesh',
  ]);
});

test('readiness of models and the repository ask for permission', async () => {
  const asked: string[] = [];
  const authorizer: Authorizer = {
    authorize: (_principal, { verb, target }) => {
      asked.push(`${verb} ${target}`);
      return { kind: 'deny', reason: 'not you' };
    },
  };
  await using mesh = await serve(authorizer);
  mesh.control.addModel('m');
  const denied = hasCode(GRPC_CODE.PERMISSION_DENIED);
  await assert.rejects(mesh.client.unary(method.modelReady, { name: 'm' }), denied);
  await assert.rejects(mesh.client.unary(method.repositoryIndex, {}), denied);
  await assert.rejects(mesh.client.unary(method.repositoryModelLoad, { modelName: 'm' }), denied);
  await assert.rejects(mesh.client.unary(method.repositoryModelUnload, { modelName: 'm' }), denied);
  const service = '/inference.GRPCInferenceService';
  assert.deepEqual(asked, [
    `read ${service}/ModelReady`,
    `read ${service}/RepositoryIndex`,
    `write ${service}/RepositoryModelLoad`,
    `write ${service}/RepositoryModelUnload`,
  ]);
});

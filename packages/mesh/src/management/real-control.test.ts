import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { MeshError, type MeshErrorKind } from '@modelmesh/core';
import { GrpcStatusError } from '@modelmesh/grpc/call';
import { MeshClient } from '@modelmesh/sdk/client';
import { ModelStatusInfo_ModelStatus as Status, VModelStatusInfo_VModelStatus as VStatus } from '@modelmesh/wire/mmesh';
import { GRPC_CODE, type GrpcCodeName } from '@modelmesh/wire/status';
import { allowAll } from '../authz/index.ts';
import { systemClock } from '../node/index.ts';
import { TestNode } from '../testing/index.ts';
import { createManagementApp, serveModelMesh } from './index.ts';

/** Management in front of the real control, over gRPC and REST, and a client of both. */
interface Managed extends AsyncDisposable {
  readonly node: TestNode;
  readonly grpc: MeshClient;
  readonly rest: MeshClient['rest'];
}

async function managed(): Promise<Managed> {
  const node = await TestNode.start({
    serve: (router, { control }) => serveModelMesh(router, control, allowAll),
  });
  const { control } = node.running;
  const server = { name: 'model-mesh', version: '0.0.1' };
  const app = await createManagementApp({ control, authorizer: allowAll, clock: systemClock, server });
  const http = createServer((request, response) => app.handle(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const grpc = new MeshClient({ server: `127.0.0.1:${node.port}` });
  const web = new MeshClient({ server: `127.0.0.1:${(http.address() as AddressInfo).port}` });
  return {
    node,
    grpc,
    rest: web.rest,
    [Symbol.asyncDispose]: async () => {
      grpc.close();
      web.close();
      await app.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
      await node.close();
    },
  };
}

const fails = (code: GrpcCodeName, message: string) => (error: unknown) => {
  assert.ok(error instanceof GrpcStatusError, String(error));
  assert.deepEqual([error.code, error.message], [GRPC_CODE[code], message]);
  return true;
};
const hasKind = (kind: MeshErrorKind) => (error: unknown) => error instanceof MeshError && error.kind === kind;

const INFO = { type: 'onnx', path: '/m', key: 'secret' };

describe('mmesh.ModelMesh in front of the real control (spec modelmesh.md §1.1, §1.2)', () => {
  test('registering is idempotent for equal models and refused for others', async () => {
    await using mesh = await managed();
    const { modelMesh } = mesh.grpc;
    const first = await modelMesh.registerModel({ modelId: 'm', modelInfo: INFO });
    assert.deepEqual([first.status, first.modelCopyInfos], [Status.NOT_LOADED, []]);
    await modelMesh.registerModel({ modelId: 'm', modelInfo: INFO });
    await assert.rejects(
      modelMesh.registerModel({ modelId: 'm', modelInfo: { ...INFO, path: '/other' } }),
      fails('ALREADY_EXISTS', 'Model already exists with different attribute values'),
    );
    await assert.rejects(
      modelMesh.registerModel({ modelId: '', modelInfo: INFO }),
      fails('INVALID_ARGUMENT', 'must provide non-empty modelId'),
    );
    await assert.rejects(
      modelMesh.registerModel({ modelId: 'n', modelInfo: { type: '' } }),
      fails('INVALID_ARGUMENT', 'Must provide non-empty model type string'),
    );
  });

  test('a synchronous load is loaded when it is answered; a failed one is a status with what the runtime said', async () => {
    await using mesh = await managed();
    const { modelMesh } = mesh.grpc;
    const loaded = await modelMesh.registerModel({ modelId: 'm', modelInfo: INFO, loadNow: true, sync: true });
    assert.equal(loaded.status, Status.LOADED);
    assert.deepEqual(
      loaded.modelCopyInfos.map(({ location }) => location),
      ['inst1'],
    );
    assert.ok(mesh.node.runtime.loaded.has('m'));
    const bad = { type: 'onnx', path: 'fail INVALID_ARGUMENT out of luck' };
    const failed = await modelMesh.registerModel({ modelId: 'bad', modelInfo: bad, loadNow: true, sync: true });
    assert.equal(failed.status, Status.LOADING_FAILED);
    assert.match(failed.errors[0] ?? '', /out of luck/);
    assert.equal((await modelMesh.getModelStatus('bad')).status, Status.LOADING_FAILED);
    await assert.rejects(modelMesh.ensureLoaded({ modelId: 'absent' }), fails('NOT_FOUND', 'model not found'));
    await assert.rejects(modelMesh.ensureLoaded({ modelId: '' }), fails('INVALID_ARGUMENT', 'must provide non-empty modelId'));
    await assert.rejects(modelMesh.getModelStatus(''), fails('INVALID_ARGUMENT', 'must provide non-empty modelId'));
  });

  test('a model goes with its copies, unless a vmodel refers to it', async () => {
    await using mesh = await managed();
    const { modelMesh } = mesh.grpc;
    await modelMesh.registerModel({ modelId: 'm', modelInfo: INFO });
    await modelMesh.setVModel({ vModelId: 'v', targetModelId: 'm' });
    await assert.rejects(modelMesh.unregisterModel('m'), fails('FAILED_PRECONDITION', 'Model m has referents'));
    await modelMesh.deleteVModel({ vModelId: 'v' });
    await modelMesh.unregisterModel('m');
    assert.equal((await modelMesh.getModelStatus('m')).status, Status.NOT_FOUND);
    await modelMesh.unregisterModel('m');
    await assert.rejects(modelMesh.unregisterModel(''), fails('INVALID_ARGUMENT', 'must provide non-empty modelId'));
  });

  test('a vmodel is created, guarded and moved as its owner says', async () => {
    await using mesh = await managed();
    const { modelMesh } = mesh.grpc;
    const to = (targetModelId: string) => ({ vModelId: 'v', targetModelId });
    await assert.rejects(modelMesh.setVModel(to('a')), fails('NOT_FOUND', 'Target model a not found'));
    await assert.rejects(modelMesh.setVModel({ ...to('a'), vModelId: '' }), fails('INVALID_ARGUMENT', 'Must provide vModelId'));
    const made = await modelMesh.setVModel({ ...to('a'), modelInfo: INFO, owner: 'team', autoDeleteTargetModel: true });
    assert.deepEqual([made.status, made.activeModelId, made.owner], [VStatus.DEFINED, 'a', 'team']);
    await assert.rejects(
      modelMesh.setVModel({ ...to('a'), vModelId: 'w', updateOnly: true }),
      fails('NOT_FOUND', 'vmodel w not found'),
    );
    await assert.rejects(
      modelMesh.setVModel({ ...to('a'), owner: 'others' }),
      fails('ALREADY_EXISTS', 'vmodel v already exists with different owner "team"'),
    );
    await assert.rejects(
      modelMesh.setVModel({ ...to('a'), modelInfo: { ...INFO, path: '/b' } }),
      fails('ALREADY_EXISTS', 'Target model a already exists with different attribute values'),
    );
    await modelMesh.registerModel({ modelId: 'b', modelInfo: INFO });
    await assert.rejects(modelMesh.setVModel({ ...to('b'), expectedTargetModelId: 'c' }), hasKind('failed-precondition'));
    const moved = await modelMesh.setVModel({ ...to('b'), owner: 'team', sync: true });
    assert.deepEqual([moved.status, moved.activeModelId, moved.targetModelId], [VStatus.DEFINED, 'b', 'b']);
    assert.equal((await modelMesh.getModelStatus('a')).status, Status.NOT_FOUND);
    assert.equal((await modelMesh.getVModelStatus({ vModelId: 'v', owner: 'others' })).status, VStatus.NOT_FOUND);
    await modelMesh.deleteVModel({ vModelId: 'v', owner: 'others' });
    assert.equal((await modelMesh.getVModelStatus({ vModelId: 'v' })).status, VStatus.DEFINED);
    await modelMesh.deleteVModel({ vModelId: 'v', owner: 'team' });
    assert.equal((await modelMesh.getVModelStatus({ vModelId: 'v' })).status, VStatus.NOT_FOUND);
  });
});

describe('REST in front of the real control', () => {
  const manifest = (name: string, uri: string, more: object = {}) => ({
    apiVersion: 'modelmesh.io/v1alpha1',
    kind: 'Model',
    metadata: { name },
    spec: { format: { name: 'onnx' }, storage: { uri }, ...more },
  });

  test('a manifest lives: created, unchanged, loaded, explained, unloaded, deleted', async () => {
    await using mesh = await managed();
    const { rest } = mesh;
    const model = manifest('fraud-3', '/fraud', { family: 'fraud', version: '3', resources: { memory: '2Mi' } });
    assert.deepEqual(await rest.apply(model), { kind: 'Model', name: 'fraud@3', change: 'created', warnings: [], edit: null });
    assert.equal((await rest.apply(model)).change, 'unchanged');
    assert.equal((await rest.load('fraud@3')).status, 'LOADED');
    const detail = await rest.model('fraud@3');
    assert.deepEqual([detail.memory.declaredBytes, detail.copies.length], [2 * 1024 * 1024, 1]);
    assert.ok((detail.memory.bookedBytes ?? 0) > 0);
    assert.equal((await rest.instances())[0]?.id, 'inst1');
    assert.equal((await rest.explain('fraud@3')).model, 'fraud@3');
    await rest.unload('fraud@3');
    await rest.deleteModel('fraud-3');
    await assert.rejects(rest.model('fraud@3'), hasKind('model-not-found'));
    const kinds = (await Array.fromAsync(rest.events({ after: 0, follow: false }))).map(({ kind }) => kind);
    assert.ok(kinds.includes('model-loaded'), kinds.join());
  });

  test('a load that fails is an error with the reason of the runtime', async () => {
    await using mesh = await managed();
    await mesh.grpc.modelMesh.registerModel({ modelId: 'bad', modelInfo: { type: 'onnx', path: 'fail NOT_FOUND no such file' } });
    await assert.rejects(mesh.rest.load('bad'), (error) => {
      assert.ok(error instanceof MeshError);
      assert.deepEqual([error.kind, /no such file/.test(error.message)], ['load-failed', true]);
      return true;
    });
    const [copy] = await mesh.rest.copies('bad');
    assert.match(copy?.error ?? '', /no such file/);
  });

  test('an endpoint of a manifest is not moved by setVModel, nor removed as somebody else’s', async () => {
    await using mesh = await managed();
    const { rest, grpc } = mesh;
    await rest.apply(manifest('m', '/m'));
    const variants = [{ name: 'only', model: 'm' }];
    const endpoint = { apiVersion: 'modelmesh.io/v1alpha1', kind: 'Endpoint', metadata: { name: 'e' }, spec: { variants } };
    assert.equal((await rest.apply(endpoint)).change, 'created');
    const view = await rest.endpoint('e');
    assert.deepEqual([view.status, view.activeModel, view.policy?.variants[0]?.name], ['DEFINED', 'm', 'only']);
    await assert.rejects(grpc.modelMesh.setVModel({ vModelId: 'e', targetModelId: 'm' }), hasKind('already-exists'));
    await assert.rejects(rest.deleteModel('m'), hasKind('failed-precondition'));
    await assert.rejects(rest.deleteEndpoint('e', { owner: 'others' }), hasKind('failed-precondition'));
    await rest.deleteEndpoint('e');
    await rest.deleteModel('m');
    await grpc.modelMesh.registerModel({ modelId: 'm', modelInfo: INFO });
    await grpc.modelMesh.setVModel({ vModelId: 'v', targetModelId: 'm', owner: 'team' });
    await assert.rejects(rest.deleteEndpoint('v'), hasKind('failed-precondition'));
    await rest.deleteEndpoint('v', { owner: 'team' });
  });

  test('an InferenceService makes an endpoint and its model, and both go with it', async () => {
    await using mesh = await managed();
    const { rest } = mesh;
    const service = {
      apiVersion: 'serving.kserve.io/v1beta1',
      kind: 'InferenceService',
      metadata: { name: 'svc' },
      spec: { predictor: { model: { modelFormat: { name: 'onnx' }, storageUri: '/models/m.onnx' } } },
    };
    assert.equal((await rest.apply(service)).kind, 'InferenceService');
    assert.match((await rest.endpoint('svc')).activeModel, /^svc__isvc-[0-9a-f]{10}$/);
    await assert.rejects(rest.deleteEndpoint('svc'), hasKind('failed-precondition'));
    await rest.deleteInferenceService('svc');
    assert.deepEqual(await Array.fromAsync(rest.models()), []);
  });

  test('a service with a canary shares its calls out; promotion, rollback and the end are edits of its manifest', async () => {
    await using mesh = await managed();
    const { rest } = mesh;
    const predictor = (version: string) => ({ model: { modelFormat: { name: 'onnx' }, storageUri: `/models/${version}` } });
    const apply = async (version: string, fields: object = {}, spec: object = {}) => {
      const applied = await rest.apply({
        apiVersion: 'serving.kserve.io/v1beta1',
        kind: 'InferenceService',
        metadata: { name: 'svc' },
        spec: { predictor: { ...predictor(version), ...fields }, ...spec },
      });
      const { policy, activeModel } = await rest.endpoint('svc');
      const paths = new Map((await Array.fromAsync(rest.models())).map(({ key, path }) => [key, path]));
      const shares = policy?.variants.map((one) => [one.name, paths.get(one.model), one.sharePercent]) ?? null;
      return { change: applied.change, shares, active: paths.get(activeModel), models: [...paths.values()].toSorted() };
    };
    const [v1, v2, v3] = ['/models/v1', '/models/v2', '/models/v3'];
    assert.deepEqual(await apply('v1'), { change: 'created', shares: null, active: v1, models: [v1] });
    const canary = [
      ['latest', v2, 10],
      ['prev', v1, 90],
    ];
    const running = { shares: canary, active: v1, models: [v1, v2] };
    assert.deepEqual(await apply('v2', { canaryTrafficPercent: 10 }), { change: 'configured', ...running });
    assert.deepEqual(await apply('v2', { canaryTrafficPercent: 10 }), { change: 'unchanged', ...running });
    const promoted = [
      ['latest', v2, 100],
      ['prev', v1, 0],
    ];
    assert.deepEqual((await apply('v2')).shares, promoted);
    const back = await apply('v2', { canaryTrafficPercent: 0 });
    assert.deepEqual([back.shares?.map(([, , share]) => share), back.active], [[0, 100], v1]);
    const named = [{ predictor: { name: 'next', ...predictor('v3') }, trafficPercent: 5 }];
    assert.deepEqual(await apply('v2', {}, { canary: named }), {
      change: 'configured',
      shares: [
        ['stable', v2, 95],
        ['next', v3, 5],
      ],
      active: v2,
      models: [v2, v3],
    });
    const stands = await rest.inferenceService('svc');
    assert.deepEqual(stands.canaryStatuses, [{ name: 'next', ready: true, trafficPercent: 5 }]);
    assert.deepEqual(
      stands.components.predictor.traffic.map(({ percent }) => percent),
      [95, 5],
    );
    await assert.rejects(rest.inferenceService('absent'), hasKind('not-found'));
    await rest.deleteInferenceService('svc');
    assert.deepEqual(await Array.fromAsync(rest.models()), []);
  });

  test('a policy above 256 KiB is refused in words, and the one in force stays', async () => {
    await using mesh = await managed();
    const { rest } = mesh;
    await rest.apply(manifest('m', '/m'));
    const endpoint = (fields: object) => ({
      apiVersion: 'modelmesh.io/v1alpha1',
      kind: 'Endpoint',
      metadata: { name: 'e' },
      spec: { variants: [{ name: 'only', model: 'm' }], ...fields },
    });
    await rest.apply(endpoint({}));
    const payload = [{ name: 'long', type: 'string', json: 'x'.repeat(256 * 1024) }];
    await assert.rejects(rest.apply(endpoint({ payload })), (error) => {
      assert.ok(error instanceof MeshError);
      assert.equal(error.kind, 'too-large');
      assert.match(error.message, /the policy of endpoint e takes \d+ bytes, at most 262144 are kept/);
      return true;
    });
    const { policy } = await rest.endpoint('e');
    assert.deepEqual([policy?.revision, policy?.spec.payload], [1, undefined]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { modelKey } from '@modelmesh/core';
import type { Action, Authorizer, Principal } from '../../authz/index.ts';
import type { MethodRule } from '../../link/index.ts';
import { CallRig, type CallRigOptions, framed, METHOD } from '../call/testing/index.ts';

const UNIMPLEMENTED = 12;
const PERMISSION_DENIED = 7;

/** A rig whose model `m` serves. */
async function serving(options: CallRigOptions = {}): Promise<CallRig> {
  const rig = await CallRig.ready(options);
  await rig.route('m', rig.openSlot());
  return rig;
}

describe('a call that is not for a model', () => {
  const CONTRACT = ['mmesh.ModelRuntime', 'mmesh.ModelRuntimeX', 'com.ibm.watson.tas.internal.proto.ModelServer'];
  const MANAGEMENT = ['mmesh.ModelMesh', 'com.ibm.watson.tas.proto.TasRuntime'];
  const METHODS = [...CONTRACT, ...MANAGEMENT].flatMap((service) => [`${service}/runtimeStatus`, `${service}/addModel`]);
  const PERMITTED: MethodRule = { idPath: [], names: 'model', versionPath: null, headersFirst: false };
  const HEADERS: readonly (readonly string[])[] = [
    [],
    ['mm-model-id', 'm'],
    ['mm-vmodel-id', 'm'],
    ['mm-model-id-bin', Buffer.from('m').toString('base64')],
    ['tas-model-id', 'm'],
    ['grpc-timeout', 'unreadable'],
  ];

  it('is UNIMPLEMENTED and never reaches the runtime, whatever its headers, the rules and the runtime say', async () => {
    const rig = await serving({ rules: { rules: new Map(METHODS.map((method) => [method, PERMITTED])), allowOthers: true } });
    await rig.runtimeUp(new Map(METHODS.map((method) => [method, [1]])));
    for (const method of METHODS) {
      const because = CONTRACT.includes(method.split('/')[0] ?? '') ? 'between a node and its runtime' : 'it is management';
      for (const headers of HEADERS) {
        const client = rig.client(headers, false, `/${method}`);
        client.push(framed('request'), true);
        assert.equal(client.status?.[0], UNIMPLEMENTED, method);
        assert.ok(client.status?.[1].startsWith(`${method} is not served here: `) && client.status[1].includes(because));
      }
    }
    assert.deepEqual([rig.streams.length, rig.said('locate').length], [0, 0]);
    assert.equal(rig.finished.length, METHODS.length * HEADERS.length, 'each is counted');
  });

  it('is not smuggled in without its leading slash, nor by more of a path', async () => {
    const rig = await serving();
    for (const path of ['mmesh.ModelRuntime/unloadModel', '/mmesh.ModelRuntime/unloadModel/x', '/mmesh.ModelRuntime/', '']) {
      assert.equal(rig.client(['mm-model-id', 'm'], true, path).status?.[0], UNIMPLEMENTED, path);
    }
    assert.equal(rig.streams.length, 0);
  });

  it('is told by the whole name of its service', async () => {
    const rig = await serving();
    for (const path of ['/mmesh.ModelRuntimeOfOthers/Infer', '/mmesh.Model/Infer', '/x.mmesh.ModelRuntime/Infer']) {
      rig.client(['mm-model-id', 'm'], true, path);
      assert.equal(rig.stream.headers.get(':path'), path);
    }
  });
});

describe('a gRPC call that its caller may not make', () => {
  it('is PERMISSION_DENIED with the reason, and neither control nor the runtime hears of it', async () => {
    const asked: [Principal, Action][] = [];
    const authorizer: Authorizer = {
      authorize(principal, action) {
        asked.push([principal, action]);
        return action.target === METHOD ? { kind: 'deny', reason: 'not you' } : { kind: 'allow' };
      },
    };
    const rig = await serving({ authorizer });
    for (const end of [false, true]) {
      const client = rig.client(['mm-model-id', 'm'], end);
      assert.deepEqual(client.status, [PERMISSION_DENIED, 'not you']);
      if (!end) client.push(framed('request'), true);
    }
    await rig.settle();
    assert.deepEqual([rig.streams.length, rig.said('locate').length], [0, 0]);
    assert.deepEqual(
      asked.map(([principal, action]) => [principal.source, action]),
      [0, 1].map(() => ['anonymous', { verb: 'infer', target: METHOD }]),
    );
    rig.client(['mm-model-id', modelKey('m')], true, '/any.Service/Other');
    assert.equal(rig.streams.length, 1, 'another method is allowed');
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { bytes, durationMs } from '@modelmesh/core';
import { allowAll } from '../../authz/index.ts';
import { ByteBudget } from '../call/index.ts';
import { PeerMesh, type PeerNode } from '../peers/testing/index.ts';
import { restHandler } from './index.ts';
import { ExchangeServers, echo, jsonOf, OipRuntime, TestRepository } from './testing/index.ts';

const MIB = 1024 * 1024;
const INPUTS = [{ name: 'x', datatype: 'FP32', shape: [-1] }];

describe('REST for a model that is at another node', () => {
  const runtime = new OipRuntime();
  let mesh: PeerMesh;
  let entry: PeerNode;
  let holder: PeerNode;
  let servers: ExchangeServers;

  before(async () => {
    const runtimeAt = await runtime.listen();
    const methods = Object.fromEntries(
      ['ModelInfer', 'ModelMetadata'].map((name) => [`inference.GRPCInferenceService/${name}`, [1]]),
    );
    mesh = await PeerMesh.of(['a', 'b'], (name) => (name === 'b' ? { runtimeAt, methods } : {}));
    [entry, holder] = [mesh.at(0), mesh.at(1)];
    runtime.models.set('m', { platform: 't_t', inputs: INPUTS, infer: echo });
    await holder.route('m', holder.serve('m'));
    await entry.route('m', null, ['b']);
    const { plane } = entry.dataPlane;
    const handler = restHandler({
      plane,
      repository: new TestRepository(),
      authorizer: allowAll,
      limits: { bodyBytesMax: bytes(16 * MIB), unaryTimeoutMs: durationMs(30_000) },
      bodies: new ByteBudget(64 * MIB),
      server: { name: 'model-mesh', version: 'test' },
    });
    servers = await ExchangeServers.start((exchange) => handler.handle(exchange));
  });
  after(async () => {
    await servers.close();
    await mesh[Symbol.asyncDispose]();
    await runtime.close();
  });

  const post = (path: string, body: unknown) => servers.client.ask('http1', { method: 'POST', path, body: JSON.stringify(body) });
  const asked = (method: string): number => runtime.seen.filter((call) => call.method.endsWith(method)).length;

  it('infers over V2, with the name that was asked for', async () => {
    const answer = await post('/v2/models/m/infer', { inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [1, 2] }] });
    assert.equal(answer.status, 200, answer.body.toString());
    const { model_name: name, outputs } = jsonOf(answer) as {
      model_name: string;
      outputs: readonly { data: readonly number[] }[];
    };
    assert.deepEqual([name, outputs[0]?.data], ['m', [1, 2]]);
  });

  it('asks the other node for the metadata that V1 needs once, as long as the claim is the same', async () => {
    for (const round of [1, 2, 3]) {
      const answer = await post('/v1/models/m:predict', { instances: [round, 5] });
      assert.equal(answer.status, 200, answer.body.toString());
      assert.deepEqual(jsonOf(answer), { predictions: [round, 5] });
    }
    assert.equal(asked('ModelMetadata'), 1);
    await entry.route('m', null, ['b'], entry.dataPlane.plane.clock.wallMs());
    await post('/v1/models/m:predict', { instances: [1] });
    assert.equal(asked('ModelMetadata'), 2, 'another claim may be another life of the copy');
  });

  it('sends a large body on, also when control has to say first where to', async () => {
    const data = Array.from({ length: 40_000 }, (_, at) => at);
    const body = { inputs: [{ name: 'x', datatype: 'FP32', shape: [data.length], data }] };
    const known = await post('/v2/models/m/infer', body);
    await entry.route('m', null);
    entry.locate = () => ({ kind: 'peer', instance: holder.instance, intent: 'load' });
    const located = await post('/v2/models/m/infer', body);
    for (const answer of [known, located]) {
      assert.equal(answer.status, 200, answer.body.subarray(0, 300).toString());
      const { outputs } = jsonOf(answer) as { outputs: readonly { data: readonly number[] }[] };
      assert.deepEqual(outputs[0]?.data, data);
    }
  });
});

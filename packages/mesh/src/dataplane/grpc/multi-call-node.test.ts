import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { epochMs } from '@modelmesh/core';
import { GrpcStatusError, rawMethod } from '@modelmesh/grpc/call';
import { ModelInferRequestSchema } from '@modelmesh/wire/inference';
import { TestNode } from '../../testing/index.ts';

const PLAIN = rawMethod('/any.Service/Method');
const INJECTED = rawMethod('/inference.GRPCInferenceService/ModelInfer');

describe('§2.4 a call for several models, through a node', () => {
  let node: TestNode;
  before(async () => {
    node = await TestNode.start({ runtime: { methods: { 'inference.GRPCInferenceService/ModelInfer': [1] } } });
  });
  after(() => node.close());

  const register = (modelId: string, path = 'p') =>
    node.running.control.registerModel(
      { modelId, info: { type: 'onnx', path, encKey: '{}' }, loadNow: false, sync: false, lastUsedMs: epochMs(0) },
      new AbortController().signal,
    );
  const several = (...models: readonly string[]): string[] => models.flatMap((model) => ['mm-model-id', model]);

  it('loads what is cold and brings all answers back, more models than are asked at a time', async () => {
    const models = Array.from({ length: 9 }, (_, at) => `cold ${at}`);
    for (const model of models) await register(model, 'slow 20');
    const answer = await node.client.call(PLAIN, [Buffer.from('x')], { headers: several(...models) });
    assert.equal(Buffer.from(answer).toString(), 'x'.repeat(9));
    assert.deepEqual(node.runtime.loads.toSorted(), models);
  });

  it('writes the key of each model into its copy of the message', async () => {
    for (const model of ['one', 'two']) await register(model);
    const message = toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { id: 'call', modelName: 'whatever' }));
    const answer = await node.client.call(INJECTED, [message], { headers: several('one', 'two') });
    const half = answer.length / 2;
    const names = [answer.subarray(0, half), answer.subarray(half)].map((part) => fromBinary(ModelInferRequestSchema, part));
    assert.deepEqual(
      names.map(({ modelName, id }) => [modelName, id]),
      [
        ['one', 'call'],
        ['two', 'call'],
      ],
    );
  });

  it('carries requests larger than what is kept for repetition, each part its own bytes', async () => {
    for (const model of ['one', 'two', 'three']) await register(model);
    const body = Buffer.alloc(1024 * 1024, 'model-mesh');
    const answer = await node.client.call(PLAIN, [Buffer.from(body)], { headers: several('one', 'two', 'three') });
    assert.equal(Buffer.compare(Buffer.from(answer), Buffer.concat([body, body, body])), 0);
    assert.equal(node.dataPlane.plane.opening.used, 0);
  });

  it('resolves vmodels, and fails when one of the models cannot be loaded', async () => {
    const set = (vModelId: string, targetModelId: string) =>
      node.running.control.setEndpoint(
        {
          vModelId,
          targetModelId,
          owner: '',
          updateOnly: false,
          modelInfo: undefined,
          autoDeleteTargetModel: false,
          loadNow: false,
          force: false,
          sync: false,
          expectedTargetModelId: '',
        },
        new AbortController().signal,
      );
    await set('v', 'one');
    await set('w', 'two');
    const headers = ['mm-vmodel-id', 'v', 'mm-vmodel-id', 'gone', 'mm-vmodel-id', 'w'];
    assert.equal(Buffer.from(await node.client.call(PLAIN, [Buffer.from('y')], { headers })).toString(), 'yy');
    await register('broken', 'fail INVALID_ARGUMENT no such file');
    await assert.rejects(
      node.client.call(PLAIN, [Buffer.from('y')], { headers: several('one', 'broken') }),
      (error) => error instanceof GrpcStatusError && error.message.includes('no such file'),
    );
  });
});

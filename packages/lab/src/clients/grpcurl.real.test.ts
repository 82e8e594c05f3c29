import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { NodeProcess } from '../node-process/index.ts';
import { applyExamples } from './examples.ts';

const run = promisify(execFile);
const grpcurl = process.env.MESH_TEST_GRPCURL;
const missing = grpcurl === undefined ? (process.env.MESH_TEST_MISSING ?? 'grpcurl is not prepared') : false;

describe('grpcurl, which knows the node by reflection alone', { skip: missing }, () => {
  const call = async (node: NodeProcess, ...args: string[]): Promise<unknown> => {
    const { stdout } = await run(grpcurl ?? '', [
      '-plaintext',
      ...args.slice(0, -1),
      node.addresses.inference,
      args.at(-1) ?? '',
    ]);
    return JSON.parse(stdout);
  };

  it('lists, describes, manages, infers and checks health', async () => {
    await using node = await NodeProcess.start();
    await applyExamples(node);
    const { stdout: services } = await run(grpcurl ?? '', ['-plaintext', node.addresses.inference, 'list']);
    for (const service of ['inference.GRPCInferenceService', 'mmesh.ModelMesh', 'grpc.health.v1.Health'])
      assert.ok(services.includes(service));
    const { stdout: described } = await run(grpcurl ?? '', [
      '-plaintext',
      node.addresses.inference,
      'describe',
      'inference.ModelInferRequest',
    ]);
    assert.match(described, /map<string, \.inference\.InferParameter> parameters = 4/);

    const request = {
      model_name: 'iris',
      inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 4], contents: { fp32_contents: [5.1, 3.5, 1.4, 0.2] } }],
    };
    const answer = (await call(node, '-d', JSON.stringify(request), 'inference.GRPCInferenceService/ModelInfer')) as {
      modelName: string;
    };
    assert.equal(answer.modelName, 'iris');
    const status = await call(node, '-d', '{"modelId":"iris@2"}', 'mmesh.ModelMesh/getModelStatus');
    assert.equal((status as { status: string }).status, 'LOADED');
    assert.deepEqual(await call(node, 'grpc.health.v1.Health/Check'), { status: 'SERVING' });
  });
});

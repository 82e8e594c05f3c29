import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { descriptorSetBytes } from '@modelmesh/wire/grpc-services';
import { addHealth, HealthBoard } from '../health/index.ts';
import { serveRouter } from '../testing/index.ts';
import { addReflection } from './index.ts';

const run = promisify(execFile);
const GRPCURL = process.env.MESH_TEST_GRPCURL ?? 'grpcurl';
const skip = spawnSync(GRPCURL, ['-version']).status === 0 ? false : 'grpcurl is not installed: run with --install';

test('grpcurl lists, describes and calls by reflection alone', { skip }, async () => {
  const board = new HealthBoard();
  board.set('', 'serving');
  await using served = await serveRouter((router) => {
    addHealth(router, board);
    addReflection(router, { descriptorSet: descriptorSetBytes() });
  });
  const grpcurl = async (...args: string[]): Promise<string> => (await run(GRPCURL, ['-plaintext', ...args])).stdout;

  const services = (await grpcurl(served.address, 'list')).trim().split('\n');
  assert.ok(services.includes('inference.GRPCInferenceService') && services.includes('mmesh.ModelMesh'), services.join());

  // The map field is what other implementations get wrong.
  const described = await grpcurl(served.address, 'describe', 'inference.ModelInferRequest');
  assert.match(described, /map<string, \.inference\.InferParameter> parameters = 4;/);
  assert.match(described, /repeated bytes raw_input_contents = 7;/);

  const health = await grpcurl('-d', '{}', served.address, 'grpc.health.v1.Health/Check');
  assert.deepEqual(JSON.parse(health), { status: 'SERVING' });
  await assert.rejects(grpcurl('-d', '{"service": "x"}', served.address, 'grpc.health.v1.Health/Check'), /Code: NotFound/);
});

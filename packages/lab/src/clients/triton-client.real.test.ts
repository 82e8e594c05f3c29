import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NodeProcess } from '../node-process/index.ts';
import { applyExamples, EXAMPLES, exampleNames } from './examples.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('./triton_client.py', import.meta.url));
const python = process.env.MESH_TEST_PYTHON;
const missing = python === undefined ? (process.env.MESH_TEST_MISSING ?? 'the Python clients are not prepared') : false;

/** The version of onnxruntime inside the embedded runtime. */
function onnxruntimeVersion(): string {
  const manifest = createRequire(new URL('../../../runtime/package.json', import.meta.url)).resolve(
    'onnxruntime-node/package.json',
  );
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

it('tritonclient gets the numbers of onnxruntime over gRPC, JSON and binary tensors, compressed or not', {
  skip: missing,
}, async () => {
  await using node = await NodeProcess.start();
  await applyExamples(node);
  const { stdout } = await run(python ?? '', [SCRIPT, node.addresses.inference, EXAMPLES, onnxruntimeVersion()], {
    maxBuffer: 10 * 1024 * 1024,
  }).catch((error: { stdout?: string; message: string }) => ({
    stdout: error.stdout === '' || error.stdout === undefined ? error.message : error.stdout,
  }));
  const result = JSON.parse(stdout) as { models: number; compared: number; bits: number; problems: string[] };
  assert.deepEqual(result.problems, []);
  assert.equal(result.models, exampleNames().length);
  assert.ok(result.bits > 0, 'no fp32 output was compared bit for bit: the versions of onnxruntime differ');
});

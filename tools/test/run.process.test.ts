import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';
import { ROOT } from '../run-steps.ts';

/** Skips its only test where grpcurl does not answer. */
const SUITE = 'packages/grpc/src/reflection/grpcurl.real.test.ts';
/** Everything is named, so that nothing is looked for or prepared. */
const NAMED = { MESH_TEST_PYTHON: '-', MESH_TEST_MLSERVER: '-', MESH_TEST_GENERATOR: '-', MESH_TEST_GRPCURL: '/no/such/grpcurl' };

it('a skipped test fails its tier under CI=true, with its reason, and nowhere else', { timeout: 60_000 }, () => {
  const run = (ci: string) => {
    const args = ['--conditions=mesh-source', 'tools/test/run.ts', 'real', '--only', SUITE];
    return spawnSync(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...NAMED, CI: ci }, encoding: 'utf8' });
  };
  const [local, inCi] = [run('false'), run('true')];
  assert.deepEqual([local.status, inCi.status], [0, 1], inCi.stdout);
  for (const { stdout } of [local, inCi]) assert.match(stdout, /^0 passed, 0 failed, 1 skipped$/m);
  assert.match(inCi.stdout, /FAILED: under CI=true only what .* lists may be skipped:\n {2}packages.*grpcurl is not installed/);
  assert.doesNotMatch(local.stdout, /FAILED/);
});

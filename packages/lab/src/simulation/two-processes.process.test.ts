import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { generate, run } from './index.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const SEEDS = 12;

/** Seed and hash of each line that a run printed. */
const hashesOf = (output: string): readonly string[] =>
  [...output.matchAll(/^seed (\d+) ([0-9a-f]{16}) /gm)].map(([, seed, hash]) => `${seed} ${hash}`);

async function inAProcess(): Promise<readonly string[]> {
  const args = ['--conditions=mesh-source', MAIN, '--seed', '1', '--seeds', String(SEEDS)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return hashesOf(stdout);
}

test('one seed has the same trace in two processes, and in a third that ran it before', async () => {
  const [first, second] = await Promise.all([inAProcess(), inAProcess()]);
  assert.equal(first.length, SEEDS);
  assert.deepEqual(second, first);
  assert.equal(new Set(first.map((line) => line.split(' ')[1])).size, SEEDS);
  const seed = 3;
  await run(generate(seed + 100));
  assert.equal(`${seed} ${(await run(generate(seed))).hash}`, first[seed - 1]);
});

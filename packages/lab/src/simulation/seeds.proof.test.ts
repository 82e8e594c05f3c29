import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { writeResults } from '../figures/index.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const SEEDS = 10_000;
const PROCESSES = 2;

async function sweep(from: number, count: number): Promise<string> {
  const args = ['--conditions=mesh-source', MAIN, '--quiet', '--seed', String(from), '--seeds', String(count)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 }).catch(
    (error: { readonly stdout: string }) => error,
  );
  return stdout;
}

test(`everything holds in the histories of ${SEEDS} seeds`, async (context) => {
  const share = SEEDS / PROCESSES;
  const outputs = await Promise.all(Array.from({ length: PROCESSES }, (_, at) => sweep(1 + at * share, share)));
  writeResults(
    'simulation',
    outputs.map((output) => output.trim().split('\n').at(-1)),
  );
  for (const output of outputs) {
    context.diagnostic(output.trim().split('\n').at(-1) ?? '');
    assert.match(output, new RegExp(`${share} seeds, 0 failed`), output.slice(0, 20_000));
  }
});

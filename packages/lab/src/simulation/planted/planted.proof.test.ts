import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PLANTED_BUGS, PLANTED_SEEDS_MAX } from './index.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

for (const { name, breaks } of PLANTED_BUGS) {
  test(`${name} (${breaks}) is caught within ${PLANTED_SEEDS_MAX} seeds`, async (context) => {
    const args = ['--conditions=mesh-source', MAIN, '--bug', name];
    const { stdout } = await promisify(execFile)(process.execPath, args).catch((error: { readonly stdout: string }) => error);
    context.diagnostic(stdout.trim());
    assert.match(stdout, /caught at seed \d+ by /);
  });
}

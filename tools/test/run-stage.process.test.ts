import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Outcome } from './outcome.ts';
import { runStage } from './run-stage.ts';
import type { Stage } from './tiers.ts';

const root = mkdtempSync(join(tmpdir(), 'run-stage-'));
after(() => rmSync(root, { recursive: true }));

const HEAD = "import { it, describe } from 'node:test';\n";
const SUITES = {
  good: "it('works', () => {}); it('waits for a tool', { skip: 'no tool' }, () => {});",
  bad: "describe('a', () => { it('breaks', () => { throw new Error('boom'); }); });",
  crash: "it('works', () => {}); it('crashes', () => process.abort());",
  hang: "it('hangs', () => new Promise(() => { setInterval(() => {}, 1000); }));",
  broken: "import './nowhere.ts';",
  stray: "it('works', () => { process.exitCode = 3; });",
  noisy: "it('works', () => { process.stdout.write('no end of line'); console.log('{}'); });",
};

async function run(isolation: Stage['isolation'], names: readonly (keyof typeof SUITES)[], timeoutMs = 60_000): Promise<Outcome> {
  const folder = mkdtempSync(join(root, 'x'));
  mkdirSync(join(folder, 'a'));
  for (const name of names) writeFileSync(join(folder, 'a', `${name}.test.mjs`), HEAD + SUITES[name]);
  const stage: Stage = { word: '', what: '', isolation, concurrency: 2 };
  const files = names.map((name) => `a/${name}.test.mjs`);
  const silent = { onProgress: () => {}, onFailure: () => {} };
  return runStage(stage, { root: folder, files, env: process.env, timeoutMs, verbose: false, ...silent });
}

for (const isolation of ['none', 'process'] as const) {
  describe(`a stage with isolation ${isolation}`, { concurrency: false }, () => {
    it('counts what passed, failed and was skipped, and keeps reasons', async () => {
      const outcome = await run(isolation, ['good', 'bad', 'noisy']);
      assert.deepEqual([outcome.passed, outcome.failed, outcome.skipped], [2, 1, 1]);
      assert.deepEqual(outcome.suites.get('a/good.test.mjs')?.skips, [{ name: 'waits for a tool', reason: 'no tool' }]);
      assert.equal(outcome.suites.get('a/bad.test.mjs')?.failures[0]?.name, 'a › breaks');
    });

    it('fails a suite that cannot be loaded', async () => {
      const outcome = await run(isolation, ['good', 'broken']);
      assert.equal(outcome.suites.get('a/broken.test.mjs')?.failures.length, 1);
      assert.equal(outcome.passed, 1);
    });

    it('fails a suite whose process crashes or hangs', async () => {
      const crashed = await run(isolation, ['crash']);
      assert.ok(crashed.failed > 0);
      const hung = await run(isolation, ['hang'], 1000);
      assert.ok(hung.failed > 0);
    });

    it('fails when the process says so although each test passed', async () => {
      assert.ok((await run(isolation, ['stray'])).failed > 0);
    });
  });
}

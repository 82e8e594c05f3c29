import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generate, run } from './index.ts';

const SEEDS = 200;

test(`everything holds in the histories of ${SEEDS} seeds`, async (context) => {
  const before = process.cpuUsage();
  let [calls, answered] = [0, 0];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const result = await run(generate(seed));
    const { violation } = result;
    calls += result.calls.total;
    answered += result.calls.answered;
    assert.equal(violation, undefined, `npm run lab:simulate -- --seed ${seed}: ${violation?.checker}: ${violation?.message}`);
  }
  const { user, system } = process.cpuUsage(before);
  context.diagnostic(`${((user + system) / 1000 / SEEDS).toFixed(0)} ms CPU a seed, ${answered} of ${calls} calls answered`);
  // Where most calls fail, the checkers of what was answered have nothing to look at.
  assert.ok(answered > calls / 2, `only ${answered} of ${calls} calls were answered`);
});

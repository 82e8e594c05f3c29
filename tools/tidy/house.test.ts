import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { formatProblem } from './rule.ts';
import { rules } from './rules/index.ts';
import { readRepository } from './source/index.ts';

describe('the house', () => {
  const repository = readRepository(fileURLToPath(new URL('../..', import.meta.url)));

  it('is read at all', () => {
    assert.ok(repository.code.length > 20, `only ${repository.code.length} files of code were found`);
  });

  for (const rule of Object.values(rules)) {
    it(rule.name, () => {
      const problems = rule.check(repository).map(formatProblem);
      assert.ok(problems.length === 0, `${problems.length} broken:\n${problems.join('\n')}`);
    });
  }
});

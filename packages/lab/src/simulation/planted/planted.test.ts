import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileOf, PLANTED_BUGS, withBug } from './index.ts';

test('there are at least twelve planted bugs, and each has a name of its own', () => {
  assert.ok(PLANTED_BUGS.length >= 12);
  assert.equal(new Set(PLANTED_BUGS.map(({ name }) => name)).size, PLANTED_BUGS.length);
});

for (const bug of PLANTED_BUGS) {
  test(`${bug.name}: its old text stands exactly once in ${bug.file}`, () => {
    const text = readFileSync(fileOf(bug), 'utf8');
    assert.notEqual(withBug(bug, text), text);
  });
}

test('an old text that is not there any more fails loudly', () => {
  const bug = { name: 'gone', breaks: '', file: 'a.ts', was: 'old', becomes: 'new' };
  assert.throws(() => withBug(bug, 'nothing'), /stands 0 times in a\.ts/);
  assert.throws(() => withBug(bug, 'old old'), /stands 2 times in a\.ts/);
});

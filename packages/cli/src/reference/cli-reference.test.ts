import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cliReference } from './index.ts';

test('the reference has a section for each command, with every option', () => {
  const text = cliReference();
  for (const name of [
    'serve',
    'demo',
    'apply',
    'get',
    'describe',
    'delete',
    'infer',
    'load',
    'unload',
    'status',
    'events',
    'cluster',
    'registry',
    'migrate',
    'completion',
  ]) {
    assert.match(text, new RegExp(`^## mmesh ${name}$`, 'm'));
  }
  assert.match(text, /^### mmesh registry copy$/m);
  assert.match(text, /^\| `-o, --output <format>` \| form of the output; table, json, yaml \| `table` \|$/m);
  assert.match(text, /^\| `-f, --file <path...>` \| .*; required \|\s*\|$/m);
  assert.match(text, /^\| 3 \| what was named does not exist \|$/m);
});

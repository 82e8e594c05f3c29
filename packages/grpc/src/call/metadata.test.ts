import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bug } from '@modelmesh/core';
import { addMetadata } from './metadata.ts';

test('text and bytes become header fields', () => {
  const fields: string[] = [];
  addMetadata(fields, 'x-name', 'value 1');
  addMetadata(fields, 'x-data-bin', Uint8Array.of(0, 1, 2, 255));
  assert.deepEqual(fields, ['x-name', 'value 1', 'x-data-bin', 'AAEC/w']);
});

test('a name or a value that could break the header block is a bug', () => {
  for (const [name, value] of [
    ['X-Name', 'v'],
    ['no space', 'v'],
    ['', 'v'],
    [':path', 'v'],
    ['x', 'line\nbreak'],
    ['x', 'ü'],
    ['x-bin', 'text'],
  ] as const) {
    assert.throws(() => addMetadata([], name, value), Bug, `${name}: ${value}`);
  }
  assert.throws(() => addMetadata([], 'x', Uint8Array.of(1)), Bug);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headerBlock, headerListBytes } from './header-block.ts';

const block = headerBlock([':path', '/a', 'x', '1', 'y', '2', 'x', '3']);

test('get gives the first value and getAll gives every value in order', () => {
  assert.equal(block.get('x'), '1');
  assert.equal(block.get('z'), undefined);
  assert.deepEqual(block.getAll('x'), ['1', '3']);
  assert.deepEqual(block.getAll('z'), []);
});

test('with replaces every value by one at the end and leaves the block it came from alone', () => {
  assert.deepEqual(block.with('x', '9').raw(), [':path', '/a', 'y', '2', 'x', '9']);
  assert.deepEqual(block.raw(), [':path', '/a', 'x', '1', 'y', '2', 'x', '3']);
});

test('with puts pseudo-header fields before all others', () => {
  assert.deepEqual(block.with(':path', '/b').raw().slice(0, 2), [':path', '/b']);
});

test('without drops the fields that the predicate names', () => {
  assert.deepEqual(block.without((name) => name === 'x').raw(), [':path', '/a', 'y', '2']);
});

test('a header list is counted with 32 bytes for each field', () => {
  assert.equal(headerListBytes(headerBlock(['ab', 'cde'])), 37);
  assert.equal(headerListBytes(headerBlock([])), 0);
});

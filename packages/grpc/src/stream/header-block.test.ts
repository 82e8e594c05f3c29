import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FieldBlock } from '@modelmesh/h2/connection';
import { headerBlock, headerListBytes, headerRecipe } from './header-block.ts';
import type { HeaderBlock } from './port.ts';

const block = headerBlock([':path', '/a', 'x', '1', 'y', '2', 'x', '3']);

test('joined gives every value in order as one', () => {
  const fields = ['x', '1', 'y', '2', 'x', '', 'x', '3'];
  for (const repeated of [headerBlock(fields), FieldBlock.of(fields)]) {
    assert.deepEqual([repeated.joined('x'), repeated.joined('y'), repeated.joined('z')], ['1, , 3', '2', undefined]);
  }
});

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

test('derive gives what comes in front, what is not dropped, and what comes behind, whoever keeps the block', () => {
  const recipe = headerRecipe({ front: [':method', 'POST'], drops: (name) => name === 'x', back: ['te', 'trailers'] });
  const expected = [':method', 'POST', ':path', '/a', 'y', '2', 'te', 'trailers'];
  const ours: HeaderBlock = FieldBlock.of(block.raw());
  for (const one of [block, ours]) {
    assert.deepEqual(one.derive(recipe).raw(), expected);
    assert.deepEqual(one.derive(headerRecipe({})).raw(), block.raw());
    assert.deepEqual(one.raw(), block.raw(), 'the block itself stays');
  }
  assert.equal(ours.derive(recipe), ours.derive(recipe), 'asked again, the frame engine gives the same block');
});

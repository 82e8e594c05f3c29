import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Datatype, NO_PARAMETERS } from '@modelmesh/wire/oip';
import { answerTensor } from './tensor-elements.ts';

const CASES: readonly (readonly [datatype: Datatype, bytes: readonly number[], kind: string, values: readonly unknown[]])[] = [
  ['BOOL', [0, 1], 'integer', [0, 1]],
  ['UINT8', [255], 'integer', [255]],
  ['UINT16', [0, 1], 'integer', [256]],
  ['UINT32', [255, 255, 255, 255], 'integer', [4_294_967_295]],
  ['INT8', [255], 'integer', [-1]],
  ['INT16', [254, 255], 'integer', [-2]],
  ['INT32', [253, 255, 255, 255], 'integer', [-3]],
  ['UINT64', [255, 255, 255, 255, 255, 255, 255, 255], 'integer64', [2n ** 64n - 1n]],
  ['INT64', [255, 255, 255, 255, 255, 255, 255, 255], 'integer64', [-1n]],
  ['FP16', [0, 0x3c, 0, 0xc0], 'float', [1, -2]],
  ['BF16', [0x80, 0x3f, 0x80, 0xbf], 'float', [1, -1]],
  ['FP32', [0, 0, 0x80, 0x3f], 'float', [1]],
  ['FP64', [0, 0, 0, 0, 0, 0, 0xf0, 0x3f], 'float', [1]],
];

test('every datatype of numbers is read as its elements, wherever its bytes lie', () => {
  for (const [datatype, bytes, kind, values] of CASES) {
    // One byte further than what would be aligned.
    const data = Uint8Array.from([9, ...bytes]).subarray(1);
    const { elements } = answerTensor({ name: 'y', datatype, shape: [values.length], parameters: NO_PARAMETERS, data });
    assert.equal(elements.kind, kind, datatype);
    assert.deepEqual(Array.from<unknown>(elements.values), values, datatype);
  }
});

test('byte strings are read one by one', () => {
  const data = Uint8Array.from([2, 0, 0, 0, 97, 98, 0, 0, 0, 0, 1, 0, 0, 0, 99]);
  const { elements } = answerTensor({ name: 'y', datatype: 'BYTES', shape: [3], parameters: NO_PARAMETERS, data });
  assert.ok(elements.kind === 'bytes');
  assert.deepEqual(
    elements.values.map((bytes) => Buffer.from(bytes).toString()),
    ['ab', '', 'c'],
  );
});

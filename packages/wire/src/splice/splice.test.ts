import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Bug, ID_BYTES_MAX, MeshError } from '@modelmesh/core';
import { extractString, FIELD_PATH_DEPTH_MAX, fieldPath, inject, removeFields, StringExtractor } from './index.ts';
import { joined, lengthDelimited, varint } from './testing/messages.ts';

const ID = fieldPath([1]);
const base64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const extracted = (text: string, path: readonly number[]) => extractString([base64(text)], fieldPath(path));
const injected = (text: string, path: readonly number[], value: string): string =>
  Buffer.from(joined(inject([base64(text)], { path: fieldPath(path), value }))).toString('base64');

const malformedAt = (offset: number, reason: RegExp) => (error: unknown) => {
  assert.ok(error instanceof MeshError);
  assert.equal(error.kind, 'invalid-argument');
  assert.match(error.message, new RegExp(`^malformed message at byte ${offset}: `));
  assert.match(error.message, reason);
  return true;
};

describe('recordings of a real ModelMesh', () => {
  it('extract as recorded: the first match, wherever it stands', () => {
    assert.equal(extracted('CgFhGgRyZXN0', [1]), 'a');
    assert.equal(extracted('GgRyZXN0CgFh', [1]), 'a');
    assert.equal(extracted('CgFhCgFi', [1]), 'a');
    assert.equal(extracted('EgMKAWFKBHRhaWw=', [2, 1]), 'a');
  });

  it('extract nothing where nothing was found: no field, no outer message, or only in a second outer message', () => {
    assert.equal(extracted('GgRyZXN0', [1]), null);
    assert.equal(extracted('SgR0YWls', [2, 1]), null);
    assert.equal(extracted('EgMqAXESAwoBYQ==', [2, 1]), null);
  });

  it('extract an empty id as an empty id', () => {
    assert.equal(extracted('CgAaAXg=', [1]), '');
  });

  it('refuse a truncated message and a wrong type with their offset, where ModelMesh answered UNKNOWN', () => {
    assert.throws(() => extracted('ChBhYg==', [1]), malformedAt(0, /beyond the end/));
    assert.throws(() => extracted('CAU=', [1]), malformedAt(0, /another type/));
  });

  it('inject as recorded', () => {
    assert.equal(injected('', [4, 1], 'a'), 'IgMKAWE=');
    const long = 'm-long-model-id-000000000000';
    assert.equal(
      injected('IgkKAXgSBGtlZXA6BHRhaWw=', [4, 1], long),
      'IiQKHG0tbG9uZy1tb2RlbC1pZC0wMDAwMDAwMDAwMDASBGtlZXA6BHRhaWw=',
    );
    assert.equal(injected('OgR0YWls', [4, 1], 'b'), 'OgR0YWlsIgMKAWI=');
  });

  it('inject once where the field stands twice: a parser that lets the last one win must not see the caller’s id', () => {
    // ModelMesh left the duplicate: IgMKAWIiAwoBeQ==.
    assert.equal(injected('IgMKAXgiAwoBeQ==', [4, 1], 'b'), 'IgMKAWIiAA==');
    assert.equal(injected('CgFhCgFi', [1], 'm'), 'CgFt');
  });
});

describe('extraction', () => {
  it('is decided with the last byte of the id, and looks no further', () => {
    const extractor = new StringExtractor(ID);
    assert.equal(extractor.push(Uint8Array.of(0x0a, 2, 0x61)), false);
    assert.equal(extractor.push(Uint8Array.of(0x62, 0x07)), true);
    assert.equal(extractor.result, 'ab');
    assert.equal(extractor.push(Uint8Array.of(0xff)), true);
    assert.equal(extractor.end(), 'ab');
  });

  it('is decided as absent when the enclosing message ends', () => {
    const extractor = new StringExtractor(fieldPath([2, 1]));
    assert.equal(extractor.push(Uint8Array.of(0x12, 2, 0x18)), false);
    assert.equal(extractor.push(Uint8Array.of(5)), true);
    assert.equal(extractor.result, null);
    assert.equal(extractString([Uint8Array.of(0x12, 0)], fieldPath([2, 1])), null);
  });

  it('keeps nothing of what it skips', () => {
    const extractor = new StringExtractor(ID);
    const length = 1 << 30;
    extractor.push(Uint8Array.from([...varint(7 * 8 + 2), ...varint(length)]));
    const block = new Uint8Array(1 << 20);
    for (let sent = 0; sent < length; sent += block.length) assert.equal(extractor.push(block), false);
    assert.equal(extractor.push(Uint8Array.of(0x0a, 1, 0x6d)), true);
    assert.equal(extractor.result, 'm');
  });

  it('refuses what is no message, with the offset of the broken field', () => {
    const broken: [number[], number, RegExp][] = [
      [[0x1a, 1, 0x78, 0x0b], 3, /groups/],
      [[0x1a, 1, 0x78, 0x0c], 3, /groups/],
      [[0x1a, 1, 0x78, 0x0e], 3, /not a field tag/],
      [[0x1a, 1, 0x78, 0x02], 3, /not a field tag/],
      [[0x1a, 1, 0x78, ...varint(2 ** 32)], 3, /not a field tag/],
      [[0x1a, 1, 0x78, 0x18, ...Array<number>(11).fill(0x80)], 3, /longer than 10 bytes/],
      [[0x1a, 1, 0x78, 0x1a, ...varint(2 ** 31)], 3, /2 GiB/],
      [[0x1a, 1, 0x78, 0x19, 1, 2], 3, /beyond the end/],
      [[0x1a, 1, 0x78, 0x0a, 1, 0xff], 3, /not UTF-8/],
      [[0x1a, 1, 0x78, 0x80], 3, /beyond the end/],
    ];
    for (const [bytes, offset, reason] of broken) {
      assert.throws(() => extractString([Uint8Array.from(bytes)], ID), malformedAt(offset, reason), String(bytes));
    }
  });

  it('refuses a field that runs beyond the message that encloses it', () => {
    const path = fieldPath([2, 1]);
    for (const inner of [[0x0a, 5, 0x61], [0x18, 0x80], [0x1a, 9], [0x19, 0], [0x1a]]) {
      const bytes = Uint8Array.from([...lengthDelimited(2, inner), ...Array<number>(20).fill(0)]);
      assert.throws(() => extractString([bytes], path), malformedAt(2, /beyond the end/), String(inner));
    }
  });

  it('limits the length of an id', () => {
    const longest = 'x'.repeat(ID_BYTES_MAX);
    assert.equal(extractString([Uint8Array.from(lengthDelimited(1, Buffer.from(longest)))], ID), longest);
    const tooLong = Uint8Array.from(lengthDelimited(1, Buffer.from(`${longest}x`)));
    assert.throws(() => extractString([tooLong], ID), malformedAt(0, /1025 bytes, at most 1024/));
  });
});

describe('injection', () => {
  it('gives back the very chunks where nothing changes', () => {
    const chunks = [Uint8Array.of(0x0a, 2), Uint8Array.of(0x61, 0x62, 0x1a, 0)];
    assert.equal(inject(chunks, { path: ID, value: 'ab', remove: [fieldPath([2])] }), chunks);
  });

  it('copies nothing that it does not change', () => {
    const tensor = new Uint8Array(1 << 16);
    const head = Uint8Array.from([0x0a, 1, 0x61, ...varint(7 * 8 + 2), ...varint(tensor.length)]);
    const out = inject([head, tensor], { path: ID, value: 'model' });
    assert.equal(out.at(-1), tensor);
    assert.ok(out.every((chunk) => chunk.buffer === head.buffer || chunk.buffer === tensor.buffer || chunk.length <= 7));
  });

  it('clears the version in the same pass', () => {
    const bytes = Uint8Array.from([...lengthDelimited(2, [0x31]), ...lengthDelimited(1, [0x61]), ...lengthDelimited(2, [0x32])]);
    const out = inject([bytes], { path: ID, value: 'a@1', remove: [fieldPath([2])] });
    assert.deepEqual([...joined(out)], lengthDelimited(1, Buffer.from('a@1')));
    assert.deepEqual([...joined(removeFields([bytes], [fieldPath([2])]))], lengthDelimited(1, [0x61]));
  });

  it('keeps a length as it was written when the length stays', () => {
    const bytes = Uint8Array.from(lengthDelimited(4, lengthDelimited(1, [0x78]), 2));
    assert.deepEqual(
      [...joined(inject([bytes], { path: fieldPath([4, 1]), value: 'y' }))],
      lengthDelimited(4, lengthDelimited(1, [0x79]), 2),
    );
  });

  it('lets a length prefix grow by a byte', () => {
    const filler = lengthDelimited(2, new Uint8Array(120));
    const bytes = Uint8Array.from(lengthDelimited(4, [...lengthDelimited(1, [0x78]), ...filler]));
    const out = joined(inject([bytes], { path: fieldPath([4, 1]), value: 'long-id' }));
    assert.deepEqual([...out], lengthDelimited(4, [...lengthDelimited(1, Buffer.from('long-id')), ...filler]));
  });

  it('refuses a message that is broken behind the id too', () => {
    assert.throws(
      () => inject([Uint8Array.of(0x0a, 1, 0x61, 0x1a, 9)], { path: ID, value: 'b' }),
      malformedAt(3, /beyond the end/),
    );
  });

  it('is a bug where a path is to be set and removed', () => {
    assert.throws(() => inject([], { path: fieldPath([4, 1]), value: 'b', remove: [fieldPath([4])] }), Bug);
  });
});

describe('a field path', () => {
  it('has a limited number of field numbers, each one valid', () => {
    const deepest = Array<number>(FIELD_PATH_DEPTH_MAX).fill(1);
    assert.equal(fieldPath(deepest).length, FIELD_PATH_DEPTH_MAX);
    for (const bad of [[], [...deepest, 1], [0], [1, -1], [1.5], [2 ** 29]]) {
      assert.throws(() => fieldPath(bad), MeshError, String(bad));
    }
  });

  it('of the greatest depth works both ways', () => {
    const path = fieldPath(Array<number>(FIELD_PATH_DEPTH_MAX).fill(2));
    const out = inject([], { path, value: 'deep' });
    assert.equal(extractString(out, path), 'deep');
  });
});

it('a string that may be absent is given up once a later field begins, wherever the bytes are cut', () => {
  // Field 1 = "m", field 5 = "x", then a late field 2 that is not looked at.
  const message = Uint8Array.from([0x0a, 1, 0x6d, 0x2a, 1, 0x78, 0x12, 1, 0x39]);
  for (let cut = 0; cut <= message.length; cut++) {
    const extractor = new StringExtractor(fieldPath([2]), { absentBehind: 2 });
    extractor.push(message.subarray(0, cut));
    extractor.push(message.subarray(cut));
    assert.equal(extractor.decided, true);
    assert.equal(extractor.result, null);
  }
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LINE_CHARS_MAX, LineSplitter } from './line-splitter.ts';

const split = (...pieces: readonly Uint8Array[]): string[] => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const piece of pieces) splitter.push(piece);
  splitter.end();
  return lines;
};

describe('the lines of a process', () => {
  it('law: are the same wherever the bytes are cut', () => {
    const texts = fc.array(fc.constantFrom('a', 'é', '🎉', ' ', 'line'), { maxLength: 6 }).map((words) => words.join(''));
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 5 }), fc.nat(), (lines, seed) => {
        const bytes = Buffer.from(`${lines.join('\n')}\n`);
        const at = seed % (bytes.length + 1);
        assert.deepEqual(split(bytes.subarray(0, at), bytes.subarray(at)), lines);
      }),
    );
  });

  it('end with the process, and lose a carriage return', () => {
    assert.deepEqual(split(Buffer.from('one\r\n\ntwo')), ['one', '', 'two']);
    assert.deepEqual(split(), []);
  });

  it('are cut at their limit, and the next one is whole again', () => {
    const lines = split(...Array.from({ length: 100 }, () => Buffer.alloc(1000, 'x')), Buffer.from('\nnext\n'));
    assert.deepEqual(
      lines.map(({ length }) => length),
      [LINE_CHARS_MAX, 4],
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '@modelmesh/core/testing';
import { GATHERED_CHARS_MAX, GatheredLines } from './index.ts';

function gathered() {
  const written: string[] = [];
  const clock = new FakeClock();
  const lines = new GatheredLines({ write: (text) => written.push(text), clock });
  return { lines, written, endTurn: () => clock.advance(1) };
}

describe('gathered lines', () => {
  it('are written together at the end of their turn, in their order, and the next turn begins anew', () => {
    const { lines, written, endTurn } = gathered();
    lines.write('a\n');
    lines.write('b\n');
    assert.deepEqual(written, []);
    endTurn();
    lines.write('c\n');
    endTurn();
    endTurn();
    assert.deepEqual(written, ['a\nb\n', 'c\n']);
  });

  it('are written once where the process ends within the turn', () => {
    const { lines, written, endTurn } = gathered();
    lines.write('a\n');
    lines.flush();
    lines.flush();
    endTurn();
    assert.deepEqual(written, ['a\n']);
  });

  it('are written within the turn where they become long', () => {
    const { lines, written } = gathered();
    lines.write('x'.repeat(GATHERED_CHARS_MAX - 1));
    assert.deepEqual(written, []);
    lines.write('y');
    assert.deepEqual(
      written.map(({ length }) => length),
      [GATHERED_CHARS_MAX],
    );
  });
});

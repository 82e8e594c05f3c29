import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@modelmesh/core/testing';
import { progressLine } from './progress.ts';

test('how far something is shows after a second, in a terminal alone, and is gone at the end', () => {
  for (const isTerminal of [true, false]) {
    const clock = new FakeClock();
    let text = '';
    const write = (part: string): void => {
      text += part;
    };
    const err = { isTerminal, columns: 20, write };
    const line = progressLine({ clock, err });
    line.show('reading 1 record');
    assert.equal(text, '', 'nothing for what is done at once');
    clock.advance(1000);
    line.show('reading 20000 of 100000 records');
    assert.equal(text.includes('reading 20000 of 10'), isTerminal);
    assert.ok(!text.includes('100000'), 'a line is no longer than the terminal is wide');
    line.clear();
    assert.equal(text.endsWith('\r\u001b[2K'), isTerminal);
  }
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HistorySizes } from './history-sizes.ts';

describe('the size of the history', () => {
  it('is cut to its bound of revisions once it is a quarter beyond', () => {
    const sizes = new HistorySizes({ revisionsMax: 100, bytesMax: 1_000_000 }, 0);
    for (let at = 1; at <= 125; at++) sizes.add(at, 10);
    assert.equal(sizes.due(), undefined);
    sizes.add(126, 10);
    assert.equal(sizes.due(), 26);
    sizes.cut(26);
    assert.equal(sizes.due(), undefined);
  });

  it('is cut to its bound of bytes, but never loses the newest revision', () => {
    const sizes = new HistorySizes({ revisionsMax: 100, bytesMax: 1000 }, 40);
    sizes.add(41, 600);
    sizes.add(42, 600);
    sizes.add(42, 100);
    assert.equal(sizes.due(), 41);
    sizes.cut(41);
    sizes.add(43, 5000);
    assert.equal(sizes.due(), 42);
    sizes.cut(42);
    assert.equal(sizes.due(), undefined);
  });

  it('does not count what is older than the history', () => {
    const sizes = new HistorySizes({ revisionsMax: 1, bytesMax: 1 }, 10);
    sizes.add(10, 1000);
    assert.equal(sizes.due(), undefined);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { copyLives } from './copy-lives.ts';
import { memoryFigures } from './memory-watch.ts';

const events = (...list: readonly string[]) =>
  list.map((text) => {
    const [event = '', model] = text.split(' ');
    return { event, ...(model === undefined ? {} : { model }) };
  });

describe('the lives of copies', () => {
  it('begin again after an unload, a lost copy or a lost runtime', () => {
    const lives = copyLives(
      events(
        'model-loaded a',
        'model-evicted a',
        'model-unloaded a',
        'model-loaded a',
        'copy-lost a',
        'model-loaded a',
        'runtime-lost',
        'model-loaded a',
      ),
    );
    assert.deepEqual([lives.loads, lives.evictions, lives.doubleLoads], [4, 1, []]);
  });

  it('show a model that was loaded twice', () => {
    assert.deepEqual(copyLives(events('model-loaded a', 'model-loaded b', 'model-evicted a', 'model-loaded a')).doubleLoads, [
      'a',
    ]);
  });
});

describe('samples of memory', () => {
  it('count once the cache is filled, and are shares of what is booked', () => {
    const samples = [
      { atMs: 0, bookedBytes: 10, heldBytes: 90 },
      { atMs: 1, bookedBytes: 80, heldBytes: 100 },
      { atMs: 2, bookedBytes: 100, heldBytes: 95 },
    ];
    const { samples: count, bookedBytesMax, heldBytesMax, differenceMedian, differenceP95 } = memoryFigures(samples, 100);
    assert.deepEqual([count, bookedBytesMax, heldBytesMax, differenceMedian, differenceP95], [2, 100, 100, 0.05, 0.25]);
  });

  it('tell how long more was booked than there is room', () => {
    const samples = [90, 101, 102, 100, 103, 104, 101, 99].map((bookedBytes, at) => ({
      atMs: at * 10,
      bookedBytes,
      heldBytes: 0,
    }));
    assert.deepEqual([memoryFigures(samples, 100).excessMsMax, memoryFigures(samples, 104).excessMsMax], [20, 0]);
  });

  it('say nothing of a cache that was never filled', () => {
    assert.throws(() => memoryFigures([{ atMs: 0, bookedBytes: 1, heldBytes: 1 }], 100), RangeError);
  });
});

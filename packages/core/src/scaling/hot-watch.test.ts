/** A hot model spreads at once (`field.md` §4.9, item 9): two looks, half a second apart at most in the node. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type EpochMs, epochMs, modelKey, monotonicMs } from '../index.ts';
import type { ModelRecord } from '../records/index.ts';
import { CopyScaler, DEFAULT_SCALING_CONFIG, type ScalingConfig } from './index.ts';
import { aCluster, aRecord, HOUR, type SmallCluster } from './testing/index.ts';

const wall = (atMs: number): EpochMs => epochMs(1_700_000_000_000 + atMs);

class Watched {
  readonly scaler: CopyScaler;
  readonly #cluster: Partial<SmallCluster>;
  readonly #maxConcurrency: number | null;
  record: ModelRecord = aRecord('m', { a: HOUR }, wall(0));

  constructor(cluster: Partial<SmallCluster> = {}, config: Partial<ScalingConfig> = {}, maxConcurrency: number | null = null) {
    this.scaler = new CopyScaler(monotonicMs(0), { ...DEFAULT_SCALING_CONFIG, ...config });
    this.#cluster = cluster;
    this.#maxConcurrency = maxConcurrency;
  }

  look(atMs: number, inFlight: number): string | undefined {
    const copies = [{ record: this.record, maxConcurrency: this.#maxConcurrency, inFlight }];
    const cluster = aCluster({ nowMs: wall(atMs), ...this.#cluster });
    const [decision] = this.scaler.look(copies, cluster, { monotonicMs: monotonicMs(atMs), wallMs: wall(atMs) });
    if (decision === undefined) return undefined;
    if (decision.kind === 'add-copies') return `add ${decision.copies}`;
    return decision.kind === 'hold' ? decision.rule : decision.kind;
  }
}

describe('calls in flight', () => {
  test('more than 16 at a copy, twice in a row, ask for another one within half a second', () => {
    const watched = new Watched();
    assert.deepEqual([watched.look(0, 17), watched.look(500, 17)], ['first-look', 'add 1']);
    const few = new Watched();
    assert.deepEqual([few.look(0, 16), few.look(500, 16)], [undefined, undefined]);
  });

  test('where the runtime limits the concurrency, twice of that is the bound', () => {
    const watched = new Watched({}, {}, 1);
    assert.deepEqual([watched.look(0, 3), watched.look(500, 3)], ['first-look', 'add 1']);
    assert.equal(new Watched({}, {}, 1).look(0, 2), undefined);
  });

  test('a burst that is being worked off asks for none: its pile shrinks', () => {
    const watched = new Watched();
    const looks = [1000, 800, 600, 400, 200, 17].map((inFlight, at) => watched.look(at * 500, inFlight));
    assert.deepEqual(looks, ['first-look', 'draining', 'draining', 'draining', 'draining', 'draining']);
  });

  test('two looks within a quarter of a second are one, and one that is five seconds old says nothing', () => {
    const near = new Watched();
    assert.deepEqual([near.look(0, 50), near.look(249, 50), near.look(250, 50)], ['first-look', 'first-look', 'add 2']);
    const far = new Watched();
    assert.deepEqual([far.look(0, 50), far.look(5000, 50)], ['first-look', 'first-look']);
  });

  test('a pause between two piles starts anew', () => {
    const watched = new Watched();
    assert.deepEqual(
      [watched.look(0, 50), watched.look(500, 3), watched.look(1000, 50)],
      ['first-look', undefined, 'first-look'],
    );
  });

  test('after copies were asked for it cools down until they can serve, then asks again if the pile stays', () => {
    const watched = new Watched();
    watched.look(0, 64);
    assert.equal(watched.look(500, 64), 'add 2');
    watched.scaler.settled(modelKey('m'));
    assert.equal(watched.look(1000, 64), 'cooling-down');
    assert.equal(watched.look(3499, 64), 'cooling-down');
    watched.record = aRecord('m', { a: HOUR, b: 2999 }, wall(3800));
    assert.equal(watched.look(3800, 64), 'already-loading');
    watched.record = aRecord('m', { a: HOUR, b: 3000 }, wall(4100));
    assert.equal(watched.look(4100, 64), 'add 1');
  });

  test('as many copies as the calls fill, within the limits of every scale-up', () => {
    const wide = new Watched({ instances: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'] });
    assert.deepEqual([wide.look(0, 100), wide.look(500, 100)], ['first-look', 'add 4']);
    const max = new Watched();
    max.record = aRecord('m', { a: HOUR }, wall(0), { policy: { max: 1 } });
    assert.deepEqual([max.look(0, 100), max.look(500, 100)], ['first-look', 'copies-max']);
    const alone = new Watched({ instances: ['a'] });
    assert.deepEqual([alone.look(0, 100), alone.look(500, 100)], ['first-look', 'no-other-instance']);
  });

  test('it can be switched off', () => {
    const off = new Watched({}, { hotCallsPerCopyMax: null });
    assert.deepEqual([off.look(0, 900), off.look(500, 900)], [undefined, undefined]);
  });
});

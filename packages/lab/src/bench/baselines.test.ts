import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { baselinesOf, type Ratios, worsened, worsenedTwice } from './baselines.ts';

const BASELINES = { a: 0.3, b: 3 };

/** Answers with one run after the other, of what is asked for. */
function runs(...all: readonly Ratios[]): {
  readonly asked: (readonly string[])[];
  readonly measure: Parameters<typeof worsenedTwice>[0];
} {
  const asked: (readonly string[])[] = [];
  const measure = (only: ReadonlySet<string> | undefined): Promise<Ratios> => {
    const run = all[asked.length] ?? assert.fail('measured too often');
    asked.push([...(only ?? [])]);
    return Promise.resolve(Object.fromEntries(Object.entries(run).filter(([name]) => only?.has(name) ?? true)));
  };
  return { asked, measure };
}

describe('a ratio', () => {
  it('is worse when it is above its baseline by more than a third, or has none', () => {
    assert.deepEqual(worsened({ a: 0.39, b: 3.99, c: 0.1 }, BASELINES), ['c']);
    assert.deepEqual(worsened({ a: 0.41, b: 4.01 }, BASELINES), ['a', 'b']);
  });

  it('fails when it is worse in two successive runs, of which the second measures what is suspect alone', async () => {
    const { asked, measure } = runs({ a: 0.5, b: 5 }, { a: 0.6, b: 3 });
    assert.deepEqual(await worsenedTwice(measure, BASELINES), ['a: 0.50 and 0.60, at most 0.40 by its baseline 0.3']);
    assert.deepEqual(asked, [[], ['a', 'b']]);
  });

  it('is measured once when nothing is worse', async () => {
    const { asked, measure } = runs({ a: 0.2, b: 3 });
    assert.deepEqual(await worsenedTwice(measure, BASELINES), []);
    assert.equal(asked.length, 1);
  });
});

it('new baselines are the medians of several runs', () => {
  assert.deepEqual(baselinesOf([{ a: 0.3 }, { a: 0.5, b: 1 }, { a: 0.3111 }]), { a: 0.31, b: 1 });
});

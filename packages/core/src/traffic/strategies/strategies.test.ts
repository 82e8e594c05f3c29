import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type ArmFigures,
  newEndpointPolicy,
  newPolicyRecord,
  newVariant,
  type SplitShare,
  type StrategyPolicy,
} from '../../records/index.ts';
import { SeededRandom } from '../../seeded-random.ts';
import { durationMs, endpointId, epochMs, modelKey } from '../../units.ts';
import { SLOTS } from '../hash.ts';
import { assignSlots, MAIN_SPLIT, movedSlots, slotCounts } from '../slots.ts';
import { drawBeta } from './beta.ts';
import {
  armsOf,
  countsCalls,
  learn,
  learningOf,
  nextWeights,
  STRATEGIES,
  strategyProblems,
  type WeightsInput,
  worthOf,
} from './index.ts';

const arm = (variant: string, calls: number, rewards: number): ArmFigures => ({ variant, calls, rewards });
const sharesOf = (policy: StrategyPolicy, arms: readonly ArmFigures[], seed = 1): readonly number[] | undefined =>
  learn(policy, arms, new SeededRandom(seed))?.map(({ weight }) => weight);

describe('the strategy of a policy', () => {
  it('is one that every node has, or a plug-in of this one', () => {
    for (const name of Object.keys(STRATEGIES)) assert.deepEqual(strategyProblems({ name, config: {} }, []), [], name);
    assert.deepEqual(strategyProblems({ name: 'mine', config: { any: 1 } }, ['mine']), []);
    assert.deepEqual(strategyProblems({ name: 'thomson', config: {} }, ['mine']), [
      { path: 'name', expected: 'one of weighted, sticky, least-loaded, epsilon-greedy, thompson, mine' },
    ]);
    assert.equal(strategyProblems({ name: 'constructor', config: {} }, []).length, 1);
  });

  it('has settings that are checked, each problem by its name', () => {
    const config = { explore: 1.5, latencyTargetMs: '50ms', callsMin: -1, decay: 1 };
    for (const name of ['thompson', 'epsilon-greedy'])
      assert.deepEqual(strategyProblems({ name, config }, []), [
        { path: 'config.explore', expected: 'a number from 0 to 1' },
        { path: 'config.latencyTargetMs', expected: 'milliseconds from 1 to 3600000' },
        { path: 'config.callsMin', expected: 'a whole number from 0 to 1000000' },
        { path: 'config.decay', expected: 'one of explore, latencyTargetMs, callsMin' },
      ]);
    assert.deepEqual(strategyProblems({ name: 'weighted', config: { explore: 0 } }, []), [
      { path: 'config.explore', expected: 'nothing: weighted has no settings' },
    ]);
    assert.equal(strategyProblems({ name: 'thompson', config: { explore: Number.NaN } }, []).length, 1);
  });

  it('says its settings, those that are not given by its own defaults', () => {
    assert.deepEqual(learningOf({ name: 'thompson', config: { latencyTargetMs: 50 } })?.config, {
      explore: 0.05,
      latencyTargetMs: 50,
      callsMin: 10,
    });
    assert.equal(learningOf({ name: 'epsilon-greedy', config: { explore: 0 } })?.config.explore, 0);
    for (const name of ['weighted', 'sticky', 'least-loaded', 'mine']) assert.equal(learningOf({ name, config: {} }), null);
  });

  it('says whether calls are counted for it', () => {
    const target = (name: string, config = {}) => countsCalls({ name, config })?.latencyTargetMs;
    for (const name of ['weighted', 'sticky', 'least-loaded']) assert.equal(target(name), undefined);
    assert.deepEqual([target('thompson'), target('thompson', { latencyTargetMs: 5 })], [null, 5]);
    assert.deepEqual(
      [target('mine'), target('mine', { latencyTargetMs: 5 }), target('mine', { latencyTargetMs: 'x' })],
      [null, 5, null],
    );
  });
});

describe('what a call says of its variant', () => {
  const worth = (code: number, tookMs: number, targetMs: number | null = null) =>
    worthOf(code, durationMs(tookMs), { latencyTargetMs: targetMs === null ? null : durationMs(targetMs) });

  it('is good when it was answered, and in time where that counts', () => {
    assert.equal(worth(0, 1e6), 'reward');
    assert.equal(worth(0, 50, 50), 'reward');
    assert.equal(worth(0, 50.1, 50), 'failure');
  });

  it('is bad when it failed by fault of the variant, and nothing when its caller is to blame', () => {
    const by = (wanted: string) => Array.from({ length: 17 }, (_, code) => code).filter((code) => worth(code, 1) === wanted);
    assert.deepEqual(by('failure'), [2, 4, 8, 12, 13, 14, 15]);
    assert.deepEqual(by('none'), [1, 3, 5, 6, 7, 9, 10, 11, 16]);
  });
});

describe('epsilon-greedy', () => {
  const policy = { name: 'epsilon-greedy', config: { explore: 0.2, callsMin: 5 } };

  it('gives the best one everything but what explores', () => {
    assert.deepEqual(sharesOf(policy, [arm('a', 10, 5), arm('b', 10, 9), arm('c', 100, 60), arm('d', 5, 0)]), [
      0.05,
      0.05 + 0.8,
      0.05,
      0.05,
    ]);
  });

  it('judges nobody before each has its calls', () => {
    assert.deepEqual(sharesOf(policy, [arm('a', 1000, 0), arm('b', 4, 4)]), [1, 1]);
  });

  it('gives equals to the first, so that nothing moves by chance', () => {
    assert.deepEqual(sharesOf({ ...policy, config: { explore: 0, callsMin: 0 } }, [arm('a', 10, 5), arm('b', 20, 10)]), [1, 0]);
    assert.deepEqual(sharesOf({ ...policy, config: { explore: 0, callsMin: 0 } }, [arm('a', 0, 0), arm('b', 0, 0)]), [1, 0]);
  });
});

describe('Thompson sampling', () => {
  it('gives each variant the probability that it is the best one', () => {
    // P(X > Y) for X of Beta(3, 1) and Y of Beta(1, 1) is E[X] = 3/4.
    const [a = 0, b = 0] =
      sharesOf({ name: 'thompson', config: { explore: 0, callsMin: 0 } }, [arm('a', 2, 2), arm('b', 0, 0)]) ?? [];
    assert.ok(Math.abs(a - 0.75) < 0.04, `${a}`);
    assert.ok(Math.abs(a + b - 1) < 1e-9);
  });

  it('leaves everyone the share that explores', () => {
    const shares = sharesOf({ name: 'thompson', config: { explore: 0.3 } }, [
      arm('a', 1000, 999),
      arm('b', 1000, 1),
      arm('c', 1000, 1),
    ]);
    assert.deepEqual(
      shares?.map((share) => Math.round(share * 1000)),
      [800, 100, 100],
    );
  });

  it('draws from Beta as it should: mean and variance', () => {
    for (const [a, b] of [
      [1, 1],
      [3, 1],
      [20, 80],
      [5000, 2],
    ] as const) {
      const random = new SeededRandom(6, `${a},${b}`);
      const draws = Array.from({ length: 20_000 }, () => drawBeta(a, b, random));
      const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
      const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
      const expected = (a * b) / ((a + b) ** 2 * (a + b + 1));
      // Five standard errors of the mean.
      assert.ok(Math.abs(mean - a / (a + b)) < 5 * Math.sqrt(expected / draws.length), `mean of Beta(${a}, ${b}): ${mean}`);
      assert.ok(Math.abs(variance / expected - 1) < 0.15, `variance of Beta(${a}, ${b}): ${variance}, not ${expected}`);
      assert.ok(draws.every((x) => x > 0 && x < 1));
    }
  });
});

describe('the weights of an endpoint', () => {
  const nowMs = epochMs(5);
  const variants = ['a', 'b', 'c', 'shadow'].map((name) =>
    newVariant({ name, model: modelKey(name), weight: name === 'shadow' ? 0 : 1 }),
  );
  const policyOf = (revision: number) => {
    const policy = newEndpointPolicy({ variants, defaultVariant: 'a', strategy: { name: 'epsilon-greedy', config: {} } });
    return newPolicyRecord({ id: endpointId('e'), revision, policy, slots: assignSlots(policy, new Map()) });
  };
  const policy = policyOf(3);
  /** What the strategy makes of figures, or of what `shares` say instead. */
  const next = (more: Partial<WeightsInput>, shares?: readonly SplitShare[]) => {
    const input: WeightsInput = { policy, weights: undefined, live: [], ended: [], ...more };
    return nextWeights(input, shares ?? learn(policy.policy.strategy, armsOf(input), new SeededRandom(1)), nowMs);
  };
  const figures = [[arm('a', 50, 10), arm('b', 50, 40), arm('c', 50, 10), arm('shadow', 50, 50), arm('gone', 9, 9)]];

  it('stay as the policy has them until there is something to learn from', () => {
    assert.equal(next({}), null);
  });

  it('follow the figures of all nodes, and move no more slots than the shares that changed', () => {
    const weights = next({ live: [...figures, ...figures] });
    assert.ok(weights);
    assert.deepEqual([weights.revision, weights.sequence, weights.changedAtMs, weights.carried], [3, 1, nowMs, []]);
    const counts = slotCounts(weights.slots);
    assert.deepEqual([...counts].toSorted(), [
      ['a', 334],
      ['b', 9333],
      ['c', 333],
    ]);
    const before = policyOf(3).slots.get(MAIN_SPLIT) ?? [];
    const moved = movedSlots(before, weights.slots);
    assert.ok(
      moved.every(({ to }) => to === 'b'),
      'only to the one that rose',
    );
    assert.equal(
      moved.reduce((sum, { count }) => sum + count, 0),
      9333 - (slotCounts(before).get('b') ?? SLOTS),
    );
    const again = next({ live: figures, weights });
    assert.equal(again, null, 'the same figures change nothing');
  });

  it('do not move for less than a percentage point', () => {
    const shares = (b: number) => [
      { variant: 'a', weight: 5000 - b },
      { variant: 'b', weight: 5000 + b },
    ];
    const weights = next({}, shares(0)) ?? undefined;
    assert.equal(next({ weights }, shares(99)), null);
    assert.equal(slotCounts(next({ weights }, shares(100))?.slots ?? []).get('b'), 5100);
  });

  it('keep what lives that are over have counted', () => {
    const first = next({ live: figures }) ?? undefined;
    const second = next({ live: [], ended: figures, weights: first }) ?? undefined;
    assert.equal(second?.sequence, 2);
    assert.deepEqual(second?.carried, figures[0]);
    assert.deepEqual(second?.slots, first?.slots, 'nothing is unlearned');
    const third = next({ live: figures, ended: figures, weights: second });
    assert.deepEqual(
      third?.carried.find(({ variant }) => variant === 'b'),
      arm('b', 100, 80),
    );
  });

  it('begin anew with a new revision of the policy', () => {
    const old = next({ live: figures, ended: figures }) ?? undefined;
    const fresh = next({ policy: policyOf(4), weights: old, live: figures });
    assert.deepEqual([fresh?.revision, fresh?.sequence, fresh?.carried], [4, 1, []]);
  });
});

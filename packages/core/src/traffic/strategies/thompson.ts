import { drawBeta } from './beta.ts';
import { exploring } from './exploring.ts';
import type { LearningStrategy } from './strategy.ts';

/** Draws from the posteriors at each turn: the shares are right to a percentage point or two. */
const DRAWS = 1000;

/**
 * Thompson sampling: a variant gets calls with the probability that it is the best one, by what is known. Each rate of success has the posterior
 * Beta(1 + rewards, 1 + failures); the probability is the share of draws from all of them in which it is the highest.
 */
export const thompson: LearningStrategy = {
  kind: 'learning',
  defaults: { explore: 0.05, latencyTargetMs: null, callsMin: 10 },
  weights: (arms, { explore }, random) => {
    const wins = arms.map(() => 0);
    for (let draw = 0; draw < DRAWS; draw++) {
      let [best, highest] = [0, -1];
      for (const [at, { calls, rewards }] of arms.entries()) {
        const rate = drawBeta(1 + rewards, 1 + calls - rewards, random);
        if (rate > highest) [best, highest] = [at, rate];
      }
      wins[best] = (wins[best] ?? 0) + 1;
    }
    return exploring(
      arms,
      wins.map((won) => won / DRAWS),
      explore,
    );
  },
};

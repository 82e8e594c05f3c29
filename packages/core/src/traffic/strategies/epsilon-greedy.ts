import type { ArmFigures } from '../../records/index.ts';
import { exploring } from './exploring.ts';
import type { LearningStrategy } from './strategy.ts';

/** The variant with the highest rate of success gets all calls but those that explore; of equals the first one. */
export const epsilonGreedy: LearningStrategy = {
  kind: 'learning',
  defaults: { explore: 0.1, latencyTargetMs: null, callsMin: 30 },
  weights: (arms, { explore }) => {
    const highest = Math.max(...arms.map(rateOf));
    const best = arms.findIndex((arm) => rateOf(arm) === highest);
    return exploring(
      arms,
      arms.map((_, at) => (at === best ? 1 : 0)),
      explore,
    );
  },
};

const rateOf = ({ calls, rewards }: ArmFigures): number => (calls === 0 ? 0 : rewards / calls);

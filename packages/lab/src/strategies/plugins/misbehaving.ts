/** Strategies that do what no strategy should, for a real node to live through. */
import { defineStrategy } from '@modelmesh/sdk/strategy';

/** Far more than any budget, and far less than a request waits. */
const SLOW_MS = 3;

function work(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

const forever = (): never => {
  for (;;);
};

export default [
  defineStrategy({
    name: 'pick-throws',
    pick: () => {
      throw new Error('no idea');
    },
  }),
  defineStrategy({ name: 'pick-nonsense', pick: () => 'no-such-variant' }),
  defineStrategy({
    name: 'pick-slow',
    pick: ({ variants }) => {
      work(SLOW_MS);
      return variants[0]?.name;
    },
  }),
  defineStrategy({ name: 'pick-endless', pick: forever }),
  defineStrategy({
    name: 'weights-throws',
    weights: () => {
      throw new Error('no idea');
    },
  }),
  defineStrategy({ name: 'weights-nonsense', weights: () => ({ a: Number.NaN }) }),
  defineStrategy({ name: 'weights-endless', weights: forever }),
  defineStrategy({ name: 'weights-never', weights: () => new Promise<never>(() => {}) }),
];

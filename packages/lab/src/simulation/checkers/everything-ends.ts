import type { NodeLife } from '../cluster/index.ts';
import type { Checker } from './checker.ts';

/** What a node that has left still holds; empty if nothing. */
function leftOf(life: NodeLife): readonly string[] {
  const { plane } = life.dataPlane;
  const counts: readonly (readonly [string, number])[] = [
    ['timers', life.actor.timers],
    ['watches of the registry', life.kv.watches],
    ['calls that wait for a copy', plane.locator.waitingCalls],
    ['calls that wait for the runtime', plane.runtime.waiting],
    ['deadlines', life.timers.count],
    ['bytes kept to be sent again', plane.replay.used],
    ['bytes of requests whose model is not known', plane.opening.used],
  ];
  return counts.flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what}`]));
}

/** Ends of calls, of operations, of nodes. */
export const everythingEnds: Checker = {
  name: 'everything-ends',
  sentence: 'at the end every request had exactly one end, and nothing is leaked (waiters, timers, budgets)',
  begin: ({ world, calls, operations }) => {
    const wrong = (message: string): void => world.violate('everything-ends', message);
    const killed = new Set<NodeLife>();
    return {
      lifeOver: (life, gracefully) => {
        if (!gracefully) {
          killed.add(life);
          return;
        }
        for (const what of leftOf(life)) wrong(`${life.actor.name} left with ${what}`);
      },
      afterProbe: () => {
        for (const call of calls.all) if (call.end === undefined) wrong(`${call.id} did not end`);
      },
      atEnd: () => {
        for (const { name, life, outcome } of operations.all)
          if (outcome === undefined && !killed.has(life)) wrong(`${name} at ${life.actor.name} did not end`);
        for (const call of calls.all) if (call.ends !== 1) wrong(`${call.id} ended ${call.ends} times`);
      },
    };
  },
};

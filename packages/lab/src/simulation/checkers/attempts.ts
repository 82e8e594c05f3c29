import { ATTEMPTS_MAX, RETRY_SHARE, RETRY_TOKENS_MAX } from '@modelmesh/core/routing';
import type { SimCall } from '../cluster/index.ts';
import type { Checker } from './checker.ts';
import { wasDisturbed } from './excuses.ts';

/** A deadline is kept to a tick of the timer wheel and the way back. */
const LATE_MAX_MS = 100;

/** How often and how long a call is tried. */
export const attempts: Checker = {
  name: 'attempts',
  sentence: 'attempts within limit and budget',
  begin: (cluster) => {
    const { world } = cluster;
    const arrivals = new Map<string, number>();
    const never = new Set<string>();
    const calls = new Map<string, { calls: number; repeated: number }>();
    const wrong = (message: string): void => world.violate('attempts', message);
    const late = (call: SimCall): void => {
      const tookMs = call.endedMs - call.startedMs;
      if (call.end?.kind === 'given-up') wrong(`${call.id} got no answer at all in ${tookMs} ms`);
      if (tookMs > call.deadlineMs + LATE_MAX_MS) wrong(`${call.id} took ${tookMs} ms of ${call.deadlineMs}`);
    };
    const budgetOf = (model: string): { calls: number; repeated: number } => {
      const budget = calls.get(model) ?? { calls: 0, repeated: 0 };
      calls.set(model, budget);
      return budget;
    };
    return {
      callStarted: (call) => {
        if (call.retry === 'never') never.add(call.id);
        budgetOf(call.model).calls += 1;
      },
      callBegan: (runtime, id, model) => {
        const count = (arrivals.get(id) ?? 0) + 1;
        arrivals.set(id, count);
        if (count > ATTEMPTS_MAX) wrong(`${id} was tried ${count} times`);
        if (count === 1) return;
        if (never.has(id)) wrong(`${id} was repeated at ${runtime.node.actor.name} though it forbids that`);
        const budget = budgetOf(model);
        budget.repeated += 1;
        const most = (RETRY_TOKENS_MAX + 1) * cluster.nodes.size + RETRY_SHARE * budget.calls;
        if (budget.repeated > most) wrong(`${budget.repeated} of ${budget.calls} calls of ${model} were repeated`);
      },
      callEnded: (call) => {
        if (!wasDisturbed(cluster, call)) late(call);
        arrivals.delete(call.id);
        never.delete(call.id);
      },
    };
  },
};

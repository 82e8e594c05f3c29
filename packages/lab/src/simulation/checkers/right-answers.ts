import type { SimCall } from '../cluster/index.ts';
import { SIMULATED_CACHE } from '../cluster/index.ts';
import type { SimRuntime } from '../runtime/index.ts';
import type { Checker } from './checker.ts';

/** A call that was on its way to the runtime when the news came may still arrive. */
const ON_THE_WAY_MS = 100;

/** The last attempt of a call that reached a runtime. */
interface Arrival {
  readonly runtime: SimRuntime;
  readonly model: string;
  readonly atMs: number;
  answered: boolean;
  /** When the unload of the model began while it ran. */
  unloadMs: number | undefined;
}

/** Who answers what. */
export const rightAnswers: Checker = {
  name: 'right-answers',
  sentence: 'no request answered twice, or by another model or version, or after its unload began',
  begin: (cluster, knowledge) => {
    const { world } = cluster;
    const arrivals = new Map<string, Arrival>();
    const unloading = new Map<SimRuntime, Set<string>>();
    /** Calls whose client has its end: what is still on its way to a runtime for them, with their reset behind it, answers nobody. */
    const over = new Set<string>();
    const wrong = (message: string): void => world.violate('right-answers', message);
    const answered = (call: SimCall, model: string): void => {
      const arrival = arrivals.get(call.id);
      if (model !== call.model) wrong(`${call.id} for ${call.model} was answered by ${model}`);
      if (arrival?.unloadMs === undefined) return;
      const ranMs = arrival.unloadMs - arrival.atMs;
      if (ranMs < SIMULATED_CACHE.drainGraceMs) wrong(`${call.id} was answered by ${model} after its unload began`);
    };
    return {
      loadBegan: (runtime, model) => void unloading.get(runtime)?.delete(model),
      unloadBegan: (runtime, model) => {
        const models = unloading.get(runtime) ?? new Set();
        unloading.set(runtime, models.add(model));
        for (const arrival of arrivals.values())
          if (arrival.runtime === runtime && arrival.model === model && !arrival.answered) arrival.unloadMs ??= world.nowMs;
      },
      callBegan: (runtime, id, model, loaded) => {
        const { actor } = runtime.node;
        arrivals.set(id, { runtime, model, atMs: world.nowMs, answered: false, unloadMs: undefined });
        if (unloading.get(runtime)?.has(model) === true && !over.has(id))
          wrong(`${id} was sent to ${actor.name} while ${model} was being unloaded`);
        const told = knowledge.toldTo(actor.name).models.get(model);
        if (loaded === null || told === undefined || world.nowMs - told.sinceMs < ON_THE_WAY_MS) return;
        if (told.record === null) wrong(`${id} was sent to ${model} at ${actor.name}, which knows that it is not registered`);
        else if (told.record.path !== loaded.path)
          wrong(`${id} was answered by ${loaded.path} at ${actor.name}, which knows of ${told.record.path}`);
      },
      callAnswered: (_runtime, id) => {
        const arrival = arrivals.get(id);
        if (arrival !== undefined) arrival.answered = true;
      },
      callEnded: (call) => {
        over.add(call.id);
        if (call.ends > 1) wrong(`${call.id} was answered ${call.ends} times`);
        if (call.end?.kind === 'answered') answered(call, call.end.answer.model);
        arrivals.delete(call.id);
      },
    };
  },
};

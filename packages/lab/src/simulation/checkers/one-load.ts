import type { Checker } from './checker.ts';

/** Loads at the runtimes. */
export const oneLoad: Checker = {
  name: 'one-load',
  sentence: 'at most one load of a model per instance, in the cluster never more than wanted copies minus live ones',
  begin: ({ world }) => ({
    loadBegan: ({ memory, node }, model) => {
      if (memory.loadsOf(model) > 0) world.violate('one-load', `${node.actor.name} loads ${model} twice at a time`);
      if (memory.has(model)) world.violate('one-load', `${node.actor.name} loads ${model}, which it has`);
    },
  }),
};

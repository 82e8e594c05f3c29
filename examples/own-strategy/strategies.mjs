/** Two strategies of one's own, one of each form. A node loads them with `--plugins examples/own-strategy/strategies.mjs`. */
import { defineStrategy } from '@modelmesh/sdk/strategy';

/** In the path of each request: large orders go to the careful version, everybody else by weight. */
const byAmount = defineStrategy({
  name: 'by-amount',
  pick: ({ headers, config, variants }) => {
    const amount = Number(headers['x-amount']);
    if (!(amount >= config.from)) return undefined;
    return variants.find(({ name }) => name === config.to)?.name;
  },
});

/** Now and then, from what came of the calls: a new version gets a tenth at first, and half once it has proven itself. */
const careful = defineStrategy({
  name: 'careful',
  weights: ({ variants, config }) => {
    const [old, young] = variants;
    if (old === undefined || young === undefined) return { [variants[0].name]: 1 };
    const isProven = young.calls >= config.calls && young.rewards / young.calls >= config.rate;
    return isProven ? { [old.name]: 50, [young.name]: 50 } : { [old.name]: 90, [young.name]: 10 };
  },
});

export default [byAmount, careful];

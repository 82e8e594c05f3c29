/** Strategies as they should be, one of each form. */
import { defineStrategy } from '@modelmesh/sdk/strategy';

export default [
  defineStrategy({
    name: 'by-header',
    // Weights decide for calls without the header.
    pick: ({ headers, config, variants }) => {
      const wanted = headers[String(config.header)];
      return variants.find(({ name }) => name === wanted)?.name;
    },
  }),
  defineStrategy({ name: 'all-to-b', weights: ({ config }) => ({ b: Number(config.b ?? 1) }) }),
];

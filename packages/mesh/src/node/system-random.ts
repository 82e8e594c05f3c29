import { randomInt } from 'node:crypto';
import type { Random } from '@modelmesh/core';

/** Chance of this machine. */
export const systemRandom: Random = {
  below: (bound) => randomInt(bound),
  unit: () => randomInt(2 ** 48 - 1) / (2 ** 48 - 1),
};

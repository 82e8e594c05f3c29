/** The suite of `crash.process.test.ts` from more seeds, each with more kills, cuts and flips. */

import { describe } from 'node:test';
import { crashContract } from '../testing/index.ts';

/** Seeds unless `MESH_SEEDS` says how many. */
const SEEDS = 4;

for (let seed = 2; seed < 2 + Number(process.env.MESH_SEEDS ?? SEEDS); seed++)
  describe(`from seed ${seed}`, { timeout: 900_000 }, () => crashContract({ seed, kills: 60, cuts: 300, flips: 200 }));

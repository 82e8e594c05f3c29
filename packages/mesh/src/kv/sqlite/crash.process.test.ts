import { crashContract } from '../testing/index.ts';

crashContract({ seed: 1, kills: 30, cuts: 60, flips: 30 });

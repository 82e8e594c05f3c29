/** The door of the room: traces by chance, one family for each shape of traffic. */
import { SeededRandom } from '../../seeded-random.ts';
import type { Trace } from '../trace.ts';
import { churnFamily } from './churn.ts';
import { diurnalFamily } from './diurnal.ts';
import { DEFAULT_RECIPE, type Family, type Recipe } from './recipe.ts';
import { scanFamily } from './scan.ts';
import { zipfFamily } from './zipf.ts';

/** The families that policies are judged by. */
export type FamilyName = 'zipf' | 'scan' | 'diurnal' | 'churn';

const FAMILIES = {
  zipf: zipfFamily,
  scan: scanFamily,
  diurnal: diurnalFamily,
  churn: churnFamily,
} satisfies Record<FamilyName, Family>;

/** All families, in the order in which they are shown. */
export const FAMILY_NAMES = Object.keys(FAMILIES) as readonly FamilyName[];

/** The trace of a family under a seed; what the recipe leaves out is as in {@link DEFAULT_RECIPE}. */
export function makeTrace(family: FamilyName, recipe: Partial<Recipe> = {}): Trace {
  const whole = { ...DEFAULT_RECIPE, ...recipe };
  return FAMILIES[family](whole, new SeededRandom(whole.seed, family));
}

export { DEFAULT_RECIPE, type Recipe } from './recipe.ts';

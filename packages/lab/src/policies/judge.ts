/** Whether an order of victims may be shipped beside the default: by its cold seconds over families of traces, many seeds each. */

import { type CachePolicyName, createCachePolicy } from '@modelmesh/core/cache';
import { coldSaved, FAMILY_NAMES, type FamilyName, hitRate, makeTrace, type Recipe, replayTrace } from '@modelmesh/core/replay';

/** The rule of issue 4: it lowers cold seconds by this share on at least so many families, and raises them on none by more than this. */
export const RULE = { savedMin: 0.15, familiesMin: 3, lostMax: 0.03 } as const;

/** What a policy made of one family, over all seeds, beside the default. */
export interface FamilyVerdict {
  readonly family: FamilyName;
  readonly seeds: number;
  /** Share of the default's cold seconds that is saved: mean, least and most over the seeds. */
  readonly savedMean: number;
  readonly savedLeast: number;
  readonly savedMost: number;
  /** Means over the seeds, the default first. */
  readonly coldSeconds: readonly [number, number];
  readonly hitRates: readonly [number, number];
  readonly evictions: readonly [number, number];
  /** Calls that got no copy, over all seeds. */
  readonly failures: readonly [number, number];
}

/** Replays every family under every seed with the default and with `policy`. */
export function judgeFamilies(
  policy: CachePolicyName,
  seeds: readonly number[],
  recipe: Partial<Recipe> = {},
): readonly FamilyVerdict[] {
  return FAMILY_NAMES.map((family) => judgeFamily(policy, family, seeds, recipe));
}

function judgeFamily(
  policy: CachePolicyName,
  family: FamilyName,
  seeds: readonly number[],
  recipe: Partial<Recipe>,
): FamilyVerdict {
  const runs = seeds.map((seed) => {
    const trace = makeTrace(family, { ...recipe, seed });
    return [replayTrace(trace, createCachePolicy('lru')), replayTrace(trace, createCachePolicy(policy))] as const;
  });
  const saved = runs.map(([base, other]) => coldSaved(base, other));
  const both = (of: (run: (typeof runs)[number][0]) => number): readonly [number, number] => [
    mean(runs.map(([base]) => of(base))),
    mean(runs.map(([, other]) => of(other))),
  ];
  return {
    family,
    seeds: seeds.length,
    savedMean: mean(saved),
    savedLeast: Math.min(...saved),
    savedMost: Math.max(...saved),
    coldSeconds: both(({ coldMs }) => coldMs / 1000),
    hitRates: both(hitRate),
    evictions: both(({ evictions }) => evictions),
    failures: [sum(runs.map(([base]) => base.failures)), sum(runs.map(([, other]) => other.failures))],
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;

/** Whether the rule holds for these families, by their means. */
export function mayShip(verdicts: readonly Pick<FamilyVerdict, 'savedMean'>[]): boolean {
  const better = verdicts.filter(({ savedMean }) => savedMean >= RULE.savedMin).length;
  return better >= RULE.familiesMin && verdicts.every(({ savedMean }) => savedMean >= -RULE.lostMax);
}

import { type Baselines, digits, median } from '../figures/index.ts';

/** A ratio of CPU may be so many times its baseline: a third worse. */
export const WORSE_MAX = 4 / 3;

/** Ratios of one run by their names. */
export type Ratios = Readonly<Record<string, number>>;

/** What a ratio may be at most; a ratio without a baseline may be nothing. */
export const boundOf = (name: string, baselines: Baselines): number => (baselines[name] ?? 0) * WORSE_MAX;

/** Names of ratios that are worse than their baselines by more than a third. */
export const worsened = (ratios: Ratios, baselines: Baselines): readonly string[] =>
  Object.entries(ratios).flatMap(([name, ratio]) => (ratio <= boundOf(name, baselines) ? [] : [name]));

/**
 * Holds ratios against their baselines: what is worse by a third is measured again at once, by itself, and has failed when it is so both times. One
 * run alone may have met a machine that did something else. @returns a sentence for each ratio that failed
 */
export async function worsenedTwice(
  measure: (only: ReadonlySet<string> | undefined) => Promise<Ratios>,
  baselines: Baselines,
): Promise<readonly string[]> {
  const first = await measure(undefined);
  const suspects = worsened(first, baselines);
  if (suspects.length === 0) return [];
  const second = await measure(new Set(suspects));
  return worsened(second, baselines).map((name) => {
    const times = [first[name], second[name]].map((ratio) => digits(ratio ?? Number.NaN)).join(' and ');
    return `${name}: ${times}, at most ${digits(boundOf(name, baselines))} by its baseline ${baselines[name] ?? '(it has none)'}`;
  });
}

/** Medians of several runs, rounded to what is said of a ratio: new baselines. */
export function baselinesOf(runs: readonly Ratios[]): Baselines {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run)))];
  const middle = (name: string): number => median(runs.flatMap((run) => (run[name] === undefined ? [] : [run[name]])));
  return Object.fromEntries(names.map((name) => [name, Math.round(middle(name) * 100) / 100]));
}

import { run } from '../run.ts';
import type { Scenario } from '../scenario/index.ts';

/** The lists of a scenario that can be shortened, those first whose parts depend on nothing else. */
const LISTS = ['traffic', 'faults', 'steps', 'models', 'nodes'] as const;
type ListName = (typeof LISTS)[number];

/** What shortening is bounded by. */
export interface ShrinkBounds {
  /** Whether there is time for another run. */
  readonly goOn: () => boolean;
}

/**
 * The shortest scenario found that still fails the same checker: delta debugging over its lists, smaller and smaller parts left out as long as it
 * fails without them. Chance is drawn by name, so that what is left out changes nothing for the rest.
 */
export async function shrink(scenario: Scenario, checker: string, bounds: ShrinkBounds): Promise<Scenario> {
  const fails = async (candidate: Scenario): Promise<boolean> => (await run(candidate)).violation?.checker === checker;
  let best = scenario;
  for (let before: Scenario | undefined; before !== best && bounds.goOn(); ) {
    before = best;
    for (const list of LISTS) best = await shortenList(best, list, fails, bounds);
    best = await calm(best, fails, bounds);
  }
  return best;
}

async function shortenList(
  scenario: Scenario,
  list: ListName,
  fails: (candidate: Scenario) => Promise<boolean>,
  { goOn }: ShrinkBounds,
): Promise<Scenario> {
  let best = scenario;
  for (let size = Math.ceil(best[list].length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best[list].length && goOn(); ) {
      const candidate = { ...best, [list]: best[list].toSpliced(at, size) };
      if (await fails(candidate)) best = candidate;
      else at += size;
    }
  }
  return best;
}

/** Fewer calls, as long as it fails. */
async function calm(
  scenario: Scenario,
  fails: (candidate: Scenario) => Promise<boolean>,
  { goOn }: ShrinkBounds,
): Promise<Scenario> {
  let best = scenario;
  for (const at of best.traffic.keys()) {
    for (let spec = best.traffic[at]; spec !== undefined && spec.rate > 1 && goOn(); ) {
      const calmer = { ...spec, rate: Math.ceil(spec.rate / 2) };
      if (calmer.rate === spec.rate) break;
      const candidate = { ...best, traffic: best.traffic.with(at, calmer) };
      if (!(await fails(candidate))) break;
      best = candidate;
      spec = calmer;
    }
  }
  return best;
}

import { Calls } from '../calls.ts';
import { exponentialMs, zipf } from './chance.ts';
import { someModels } from './population.ts';
import { DAY_MS, type Family, roomFor } from './recipe.ts';

/** Teams in other time zones: each is busy at another time of the day. */
const TEAMS = 4;
const DAYS = 3;
/** Calls of a team at night, as a share of its calls at noon. */
const NIGHT = 0.02;

/** Teams around the world with models of their own: calls of a team rise and fall over three days, each shifted by a quarter of a day. */
export const diurnalFamily: Family = ({ calls: count, models: modelCount, roomShare }, random) => {
  const models = someModels(random.stream('models'), 'team', modelCount);
  const perTeam = Math.max(1, Math.floor(modelCount / TEAMS));
  const [gaps, choices, thinning] = [random.stream('gaps'), random.stream('choices'), random.stream('thinning')];
  const rankOf = zipf(perTeam, 0.9);
  const calls = new Calls();
  const lengthMs = DAYS * DAY_MS;
  for (let team = 0; team < TEAMS; team += 1) {
    // Candidates at the rate of noon, of which the time of day lets some pass: half of them over a whole day.
    const noonGapMs = (lengthMs * TEAMS * 0.5) / count;
    for (let atMs = exponentialMs(gaps, noonGapMs); atMs < lengthMs; atMs += exponentialMs(gaps, noonGapMs)) {
      const model = (rankOf(choices) * TEAMS + team) % modelCount;
      if (thinning.unit() < activity(atMs, team)) calls.add(atMs, model);
    }
  }
  return { cache: roomFor(models, roomShare), models, ...calls.sorted() };
};

/** Between {@link NIGHT} and 1. */
function activity(atMs: number, team: number): number {
  const phase = 2 * Math.PI * (atMs / DAY_MS + team / TEAMS);
  return Math.max(NIGHT, (1 + Math.sin(phase)) / 2);
}

import { Calls } from '../calls.ts';
import { exponentialMs, zipf } from './chance.ts';
import { someModels } from './population.ts';
import { DAY_MS, type Family, roomFor } from './recipe.ts';

/** Few models get most calls, many get few: popularity by Zipf's law that never changes, calls at random instants. */
export const zipfFamily: Family = ({ calls: count, models: modelCount, roomShare }, random) => {
  const models = someModels(random.stream('models'), 'zipf', modelCount);
  const [gaps, choices] = [random.stream('gaps'), random.stream('choices')];
  const rankOf = zipf(modelCount, 0.9);
  const calls = new Calls();
  for (let call = 0, atMs = 0; call < count; call += 1) {
    atMs += exponentialMs(gaps, DAY_MS / count);
    calls.add(atMs, rankOf(choices));
  }
  return { cache: roomFor(models, roomShare), models, ...calls.sorted() };
};

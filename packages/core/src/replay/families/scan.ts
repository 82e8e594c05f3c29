import { Calls } from '../calls.ts';
import { totalBytes } from '../trace.ts';
import { exponentialMs, zipf } from './chance.ts';
import { someModel, someModels } from './population.ts';
import { DAY_MS, type Family, roomFor } from './recipe.ts';

/** Models that a batch job goes through weigh this many capacities together. */
const SCANNED_CAPACITIES = 2;
/** Calls of the batch job, as a share of all. */
const SCAN_SHARE = 0.3;

/** A batch job calls twice as many models as fit, one after another in a cycle, beside callers whose models follow Zipf's law. */
export const scanFamily: Family = ({ calls: count, models: modelCount, roomShare }, random) => {
  const hot = someModels(random.stream('models'), 'hot', modelCount);
  const cache = roomFor(hot, roomShare);
  const chance = random.stream('scanned');
  const scanned = [];
  while (totalBytes(scanned) < SCANNED_CAPACITIES * cache.capacity) scanned.push(someModel(chance, `scanned-${scanned.length}`));
  const [gaps, choices] = [random.stream('gaps'), random.stream('choices')];
  const rankOf = zipf(modelCount, 0.9);
  const calls = new Calls();
  const scans = Math.round(count * SCAN_SHARE);
  for (let scan = 0; scan < scans; scan += 1) calls.add((scan * DAY_MS) / scans, modelCount + (scan % scanned.length));
  const others = count - scans;
  for (let call = 0, atMs = 0; call < others; call += 1) {
    atMs += exponentialMs(gaps, DAY_MS / others);
    calls.add(atMs, rankOf(choices));
  }
  return { cache, models: [...hot, ...scanned], ...calls.sorted() };
};

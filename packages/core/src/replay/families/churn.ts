import type { Random } from '../../random.ts';
import { bytes, durationMs, modelKey } from '../../units.ts';
import { Calls } from '../calls.ts';
import type { TraceModel } from '../trace.ts';
import { exponentialMs, zipf } from './chance.ts';
import { someModels } from './population.ts';
import { DAY_MS, type Family, roomFor } from './recipe.ts';

/** How often each model is replaced in the day, on average. */
const VERSIONS_PER_DAY = 3;
/** Callers move from a version to the next within this time, on average. */
const MOVE_MS = 900_000;

/** Models are replaced by new versions all day: what was called often an hour ago is not called any more, and its successor is as popular. */
export const churnFamily: Family = ({ calls: count, models: modelCount, roomShare }, random) => {
  const first = someModels(random.stream('models'), 'family', modelCount);
  const models: TraceModel[] = [...first];
  const [gaps, choices, moves, chance] = [
    random.stream('gaps'),
    random.stream('choices'),
    random.stream('moves'),
    random.stream('versions'),
  ];
  const rankOf = zipf(modelCount, 0.9);
  /** The versions of each family with the instant from which they are there. */
  const versions = first.map((_, model) => [{ sinceMs: 0, model }]);
  for (const [family, model] of first.entries()) {
    const line = versions[family] ?? [];
    for (let atMs = exponentialMs(chance, DAY_MS / VERSIONS_PER_DAY); atMs < DAY_MS; ) {
      line.push({ sinceMs: atMs, model: models.length });
      models.push(nextVersion(chance, model, line.length));
      atMs += exponentialMs(chance, DAY_MS / VERSIONS_PER_DAY);
    }
  }
  const calls = new Calls();
  for (let call = 0, atMs = 0; call < count; call += 1) {
    atMs += exponentialMs(gaps, DAY_MS / count);
    // A caller that has not moved yet calls the version of a while ago.
    const knownMs = atMs - exponentialMs(moves, MOVE_MS);
    const line = versions[rankOf(choices)] ?? [];
    calls.add(atMs, line.findLast(({ sinceMs }) => sinceMs <= knownMs)?.model ?? line[0]?.model ?? 0);
  }
  return { cache: roomFor(first, roomShare), models, ...calls.sorted() };
};

/** About as large and as slow to load as the first. */
function nextVersion(chance: Random, { key, bytes: size, loadMs }: TraceModel, version: number): TraceModel {
  const factor = 0.9 + 0.2 * chance.unit();
  return {
    key: modelKey(`${key}@${version}`),
    bytes: bytes(Math.round(size * factor)),
    loadMs: durationMs(Math.round(loadMs * factor)),
  };
}

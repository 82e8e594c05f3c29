/** Copies that an owner wants loaded whoever calls (`copies.min`): which of them are missing, and who sees to it. */

import type { ModelRecord } from '../records/index.ts';
import type { EpochMs } from '../units.ts';
import { byKey, type ClusterFacts, liveCopies } from './cluster-facts.ts';
import type { AddCopies } from './decision.ts';
import { elsewhereFor, isCandidate } from './scale-up.ts';

/** Models that one run of {@link missingCopies} asks copies for. The rest follows in the next run. */
export const WANTED_MODELS_MAX = 256;

/**
 * What the leader loads so that every model has the copies its owner wants: no call waits for one of them. Copies in instances that are
 * gone do not count, failures stand in the way until they expire, and a model without any candidate is left out. Models without a copy
 * come first. `models`: those with a `copies.min`; others are passed over. This instance may be chosen too: nothing but holders and
 * failures is excluded.
 */
export function missingCopies(models: Iterable<ModelRecord>, cluster: ClusterFacts, nowMs: EpochMs): readonly AddCopies[] {
  const missing: { readonly live: number; readonly decision: AddCopies }[] = [];
  for (const record of models) {
    const { min } = record.copiesPolicy;
    const live = liveCopies(record, cluster, nowMs).size;
    if (live >= min) continue;
    const selfMay = cluster.factsFor(record.type).suitable.has(cluster.self) && isCandidate(record, cluster.self);
    const candidates = elsewhereFor(record, { cluster, nowMs }).candidates + (selfMay ? 1 : 0);
    if (candidates === 0) continue;
    missing.push({
      live,
      decision: {
        kind: 'add-copies',
        model: record.key,
        reason: 'below-min',
        copies: Math.min(min - live, candidates),
        exclude: [...record.copies.keys(), ...record.failures.keys()],
        lastUsedMs: nowMs,
        because: `${live} copies, ${min} are wanted`,
      },
    });
  }
  missing.sort((a, b) => a.live - b.live || byKey(a.decision.model, b.decision.model));
  return missing.slice(0, WANTED_MODELS_MAX).map(({ decision }) => decision);
}

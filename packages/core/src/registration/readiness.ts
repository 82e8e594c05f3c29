import type { ModelRecord } from '../records/index.ts';
import type { DurationMs, EpochMs, InstanceId } from '../units.ts';
import { isServable } from '../view/index.ts';
import type { CopyKnowledge } from './model-status.ts';

/**
 * How ready a model is in a system that loads on demand, by the words of the repository index (design, *Ready in a lazy system*): READY is
 * loaded, STANDBY would be loaded by the next call, UNAVAILABLE failed lately and says why.
 */
export type ModelReadiness =
  | { readonly state: 'READY' | 'LOADING' | 'STANDBY' }
  | { readonly state: 'UNAVAILABLE'; readonly reason: string };

/** How ready a registered model is, from its record and what its instances say of their copies. */
export function modelReadiness(
  record: ModelRecord,
  copyIn: (instance: InstanceId) => CopyKnowledge,
  nowMs: EpochMs,
  failureExpiryMs: DurationMs,
): ModelReadiness {
  const known = [...record.copies.keys()].map(copyIn);
  if (known.includes('loaded')) return { state: 'READY' };
  if (known.includes('loading')) return { state: 'LOADING' };
  if (isServable(record, nowMs, failureExpiryMs)) return { state: 'STANDBY' };
  const [latest] = [...record.failures.values()].toSorted((a, b) => b.atMs - a.atMs);
  return { state: 'UNAVAILABLE', reason: latest?.message ?? 'the last load failed' };
}

/** The answer to `ModelReady`: loaded or loadable; with `loadedOnly` (`?loaded=true`) loaded. */
export const isReady = ({ state }: ModelReadiness, loadedOnly: boolean): boolean =>
  state === 'READY' || (!loadedOnly && state !== 'UNAVAILABLE');

import type { CachePolicy, RankReason } from './port.ts';

const REASON: RankReason = Object.freeze({ policy: 'lru' });

/** ModelMesh's order (spec §4.2.1): the least recently used first, however large it is and however long it took to load. */
export function weightedLru(): CachePolicy {
  return {
    name: 'lru',
    isByLastUse: true,
    rankOf: ({ lastUsedMs }) => lastUsedMs,
    observe: () => {},
    loaded: () => {},
    left: () => {},
    explain: () => REASON,
  };
}

/** The door of the room: orders of victims behind one port. */
import { costAware } from './cost-aware.ts';
import type { CachePolicy, CachePolicyName } from './port.ts';
import { weightedLru } from './weighted-lru.ts';

const POLICIES = { lru: weightedLru, 'cost-aware': costAware } satisfies Record<CachePolicyName, () => CachePolicy>;

/** All orders, the default first. */
export const CACHE_POLICY_NAMES = Object.keys(POLICIES) as readonly CachePolicyName[];

/** A fresh order of that name, for one cache. */
export const createCachePolicy = (name: CachePolicyName): CachePolicy => POLICIES[name]();

export { PAST_MODELS_MAX } from './cost-aware.ts';
export type { CachePolicy, CachePolicyName, FinishedLoad, RankedCopy, RankReason } from './port.ts';

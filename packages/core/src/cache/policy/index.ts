/** The door of the room: orders of victims behind one port. */
export type { CachePolicy, CachePolicyName, RankedCopy, RankReason } from './port.ts';
export { weightedLru } from './weighted-lru.ts';

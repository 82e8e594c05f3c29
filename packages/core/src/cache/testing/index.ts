/** The door of the room: a cache with a runtime, a registry and callers made of timers. Tests only. */
export { type Behaviour, CacheRig, MIB, mib, OBEDIENT, UNPINNED, unitsOf } from './cache-rig.ts';
export {
  equalEventsGiveEqualEffects,
  everyHistoryComesToRest,
  honestSizesStayWithinCapacity,
  NAMES,
  smallSurprisesStayWithinCapacity,
} from './histories.ts';
export { NaiveCache } from './naive-cache.ts';

/**
 * The order in which instances are wanted for a load (spec `modelmesh.md` §4.5.1), as a list of named criteria: the first that tells two
 * apart decides.
 */

import type { ClusterInstance, InstanceStanding } from './cluster-instance.ts';

/** What a criterion is measured by: what follows from a record, without the key that is made of it. */
type Judged = Omit<ClusterInstance, 'key'>;

const STANDING_RANK: Readonly<Record<InstanceStanding, number>> = { candidate: 0, unreachable: 1, leaving: 2 };

/**
 * Each criterion as a number, less is wanted more. Numbers, so that they are taken once for each record and not for each comparison.
 *
 * "A newer build first, unless the newer one is saturated" is written as: the saturated last, and the version only among the others. It is
 * the same thing: against an instance that is not saturated, a saturated one loses by each of the next two criteria too, being full with a
 * younger oldest use; and between two saturated ones the version says nothing. Written like this the order is total, whoever meets.
 */
const CRITERIA = {
  standing: ({ standing }) => STANDING_RANK[standing],
  'not saturated': ({ saturated }) => (saturated ? 1 : 0),
  'newer build': ({ saturated, record }) => (saturated ? 0 : -record.buildVersion),
  'not full': ({ full }) => (full ? 1 : 0),
  'full, older last use': ({ full, oldestUseMs }) => (full ? oldestUseMs : 0),
  'fewer models': ({ record }) => record.modelCount,
  'more room': ({ remainingUnits }) => -remainingUnits,
  'older last use': ({ oldestUseMs }) => oldestUseMs,
  'more free loading threads': ({ record }) => record.loadsInProgress - record.loadingThreads,
  'fewer loads in progress': ({ record }) => record.loadsInProgress,
  larger: ({ record }) => -record.capacityUnits,
  'less busy': ({ record }) => record.requestsPerMinute,
} as const satisfies Record<string, (instance: Judged) => number>;

/** What decides between two instances; `id` when nothing else does. */
export type CriterionName = keyof typeof CRITERIA | 'id';

const NAMES = Object.keys(CRITERIA) as readonly (keyof typeof CRITERIA)[];
const MEASURES: readonly ((instance: Judged) => number)[] = Object.values(CRITERIA);

/** The place of an instance in the order, except for its id: compared number by number. */
export function desirabilityKey(instance: Judged): Float64Array {
  const key = new Float64Array(MEASURES.length);
  MEASURES.forEach((measure, at) => {
    key[at] = measure(instance);
  });
  return key;
}

/** Negative if `a` is wanted before `b`; 0 only for one and the same instance. */
export function compareDesirability(a: ClusterInstance, b: ClusterInstance): number {
  const [first, second] = [a.key, b.key];
  for (let at = 0; at < MEASURES.length; at++) {
    const one = first[at] ?? 0;
    const other = second[at] ?? 0;
    if (one !== other) return one < other ? -1 : 1;
  }
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** The criterion that orders two instances. */
export const decidingCriterion = (a: ClusterInstance, b: ClusterInstance): CriterionName =>
  NAMES.find((_, at) => a.key[at] !== b.key[at]) ?? 'id';

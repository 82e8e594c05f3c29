/**
 * The order in which instances are wanted for a load (spec `modelmesh.md` §4.5.1), as a list of named comparisons: the first that tells two
 * apart decides.
 */

import type { ClusterInstance, InstanceStanding } from './cluster-instance.ts';

/** One comparison: negative if `a` is wanted before `b`. */
interface Criterion {
  readonly name: string;
  compare(a: ClusterInstance, b: ClusterInstance): number;
}

const STANDING_RANK: Readonly<Record<InstanceStanding, number>> = { candidate: 0, unreachable: 1, leaving: 2 };

const ascending = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);
const by = <Name extends string>(name: Name, measure: (instance: ClusterInstance) => number) => ({
  name,
  compare: (a: ClusterInstance, b: ClusterInstance): number => ascending(measure(a), measure(b)),
});

/**
 * "A newer build first, unless the newer one is saturated" is written as: the saturated last, and the version only among the others. It is
 * the same thing: against an instance that is not saturated, a saturated one loses by each of the next two criteria too, being full with a
 * younger oldest use; and between two saturated ones the version says nothing. Written like this the order is total, whoever meets.
 */
const CRITERIA = [
  by('standing', ({ standing }) => STANDING_RANK[standing]),
  by('not saturated', ({ saturated }) => (saturated ? 1 : 0)),
  by('newer build', ({ saturated, record }) => (saturated ? 0 : -record.buildVersion)),
  by('not full', ({ full }) => (full ? 1 : 0)),
  { name: 'full, older last use', compare: (a, b) => (a.full && b.full ? ascending(a.oldestUseMs, b.oldestUseMs) : 0) },
  by('fewer models', ({ record }) => record.modelCount),
  by('more room', ({ remainingUnits }) => -remainingUnits),
  by('older last use', ({ oldestUseMs }) => oldestUseMs),
  by('more free loading threads', ({ record }) => record.loadsInProgress - record.loadingThreads),
  by('fewer loads in progress', ({ record }) => record.loadsInProgress),
  by('larger', ({ record }) => -record.capacityUnits),
  by('less busy', ({ record }) => record.requestsPerMinute),
  { name: 'id', compare: (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0) },
] as const satisfies readonly Criterion[];

/** What decides between two instances; `id` when nothing else does. */
export type CriterionName = (typeof CRITERIA)[number]['name'];

/** Negative if `a` is wanted before `b`; 0 only for one and the same instance. */
export function compareDesirability(a: ClusterInstance, b: ClusterInstance): number {
  for (const criterion of CRITERIA) {
    const difference = criterion.compare(a, b);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The criterion that orders two instances. */
export const decidingCriterion = (a: ClusterInstance, b: ClusterInstance): CriterionName =>
  CRITERIA.find((criterion) => criterion.compare(a, b) !== 0)?.name ?? 'id';

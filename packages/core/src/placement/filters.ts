/** What forbids an instance to take a copy, in the order in which it is asked (spec `modelmesh.md` §4.5.2): the first that applies is told. */

import type { ClusterInstance } from '../cluster/index.ts';
import type { LabelStanding } from '../constraints/index.ts';
import type { InstanceId } from '../units.ts';
import type { RejectionReason } from './decision.ts';
import type { PlacementRequest, PlacementSituation } from './request.ts';

/** Why an instance may not take the copy; `null` if nothing of this kind forbids it. */
export type Prohibition = (instance: ClusterInstance) => RejectionReason | null;

/** One kind of prohibition. */
export interface Filter {
  readonly name: RejectionReason['by'];
  /** How to judge the instances; `null` if this request cannot be forbidden anywhere in this way. */
  prohibits(request: PlacementRequest, situation: PlacementSituation): Prohibition | null;
}

const typeConstraint: Filter = {
  name: 'type-constraint',
  prohibits({ type }, { cluster }) {
    const rule = cluster.constraints.ruleOf(type);
    const required = cluster.constraints.required(type);
    if (rule === null || required.size === 0) return null;
    // Instances are many and their sets of labels few: what is missing is found out once for each set.
    const missing = new Map<LabelStanding, RejectionReason>();
    return ({ labels, record }) => {
      if (!labels.prohibited.includes(rule)) return null;
      const known = missing.get(labels);
      if (known !== undefined) return known;
      const reason = { by: 'type-constraint', type, missingLabels: [...required.difference(record.labels)].sort() } as const;
      missing.set(labels, reason);
      return reason;
    };
  },
};

const excluded: Filter = {
  name: 'excluded',
  prohibits: ({ exclude }) => (exclude.size === 0 ? null : ({ id }) => (exclude.has(id) ? { by: 'excluded' } : null)),
};

const holdsCopy: Filter = {
  name: 'holds-copy',
  prohibits({ copies }) {
    if (copies.size === 0) return null;
    return ({ id }) => {
      const sinceMs = copies.get(id);
      return sinceMs === undefined ? null : { by: 'holds-copy', sinceMs };
    };
  },
};

/** A stamp in the future is another node's clock and counts as of now. */
const failedThere: Filter = {
  name: 'failed-there',
  prohibits({ failures }, { nowMs, failureExpiryMs }) {
    if (failures.size === 0) return null;
    return ({ id }) => {
      const failure = failures.get(id);
      if (failure === undefined || Math.min(failure.atMs, nowMs) <= nowMs - failureExpiryMs) return null;
      return { by: 'failed-there', atMs: failure.atMs, message: failure.message };
    };
  },
};

const tried: Filter = {
  name: 'tried',
  prohibits: (request) => (request.tried.size === 0 ? null : ({ id }) => (request.tried.has(id) ? { by: 'tried' } : null)),
};

const leaving: Filter = {
  name: 'leaving',
  prohibits:
    () =>
    ({ standing }) =>
      standing === 'leaving' ? { by: 'leaving' } : null,
};

/** This node needs no address to reach itself. */
export const hasAddress = ({ id, record }: ClusterInstance, self: InstanceId): boolean =>
  id === self || record.peerAddress !== undefined;

const unreachable: Filter = {
  name: 'unreachable',
  prohibits:
    (_request, { self }) =>
    (instance) => {
      if (instance.standing === 'unreachable') return { by: 'unreachable', because: 'no-answer' };
      return hasAddress(instance, self) ? null : { by: 'unreachable', because: 'no-address' };
    },
};

const tooSmall: Filter = {
  name: 'too-small',
  prohibits:
    ({ units }) =>
    ({ record: { capacityUnits } }) =>
      units > capacityUnits ? { by: 'too-small', neededUnits: units, capacityUnits } : null,
};

/** All prohibitions, in order. */
export const FILTERS: readonly Filter[] = [
  typeConstraint,
  excluded,
  holdsCopy,
  failedThere,
  tried,
  leaving,
  unreachable,
  tooSmall,
];

/** The first reason of all that forbids an instance to take the copy. */
export function prohibitions(request: PlacementRequest, situation: PlacementSituation): Prohibition {
  const active = FILTERS.flatMap((filter) => filter.prohibits(request, situation) ?? []);
  return (instance) => {
    for (const prohibits of active) {
      const reason = prohibits(instance);
      if (reason !== null) return reason;
    }
    return null;
  };
}

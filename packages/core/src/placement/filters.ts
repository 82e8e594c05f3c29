/** What forbids an instance to take a copy, in the order in which it is asked (spec `modelmesh.md` §4.5.2): the first that applies is told. */

import type { ClusterInstance } from '../cluster/index.ts';
import { type EpochMs, epochMs, type InstanceId } from '../units.ts';
import type { RejectionReason } from './decision.ts';
import type { PlacementRequest, PlacementSituation } from './request.ts';

/** One prohibition. */
export interface Filter {
  readonly name: RejectionReason['by'];
  /** Why the instance may not take the copy; `null` if nothing of this kind forbids it. */
  rejects(instance: ClusterInstance, request: PlacementRequest, situation: PlacementSituation): RejectionReason | null;
}

const fixed = (reason: RejectionReason, applies: (id: InstanceId, request: PlacementRequest) => boolean): Filter => ({
  name: reason.by,
  rejects: ({ id }, request) => (applies(id, request) ? reason : null),
});

const typeConstraint: Filter = {
  name: 'type-constraint',
  rejects({ record }, { type }, { cluster }) {
    const required = cluster.constraints.required(type);
    if (required.isSubsetOf(record.labels)) return null;
    return { by: 'type-constraint', type, missingLabels: [...required.difference(record.labels)].sort() };
  },
};

const holdsCopy: Filter = {
  name: 'holds-copy',
  rejects({ id }, { copies }) {
    const sinceMs = copies.get(id);
    return sinceMs === undefined ? null : { by: 'holds-copy', sinceMs };
  },
};

/** A stamp in the future is another node's clock and counts as of now. */
const expired = (atMs: EpochMs, { nowMs, failureExpiryMs }: PlacementSituation): boolean =>
  Math.min(atMs, nowMs) <= nowMs - failureExpiryMs;

const failedThere: Filter = {
  name: 'failed-there',
  rejects({ id }, { failures }, situation) {
    const failure = failures.get(id);
    if (failure === undefined || expired(failure.atMs, situation)) return null;
    return { by: 'failed-there', atMs: epochMs(failure.atMs), message: failure.message };
  },
};

const leaving: Filter = {
  name: 'leaving',
  rejects: ({ standing }) => (standing === 'leaving' ? { by: 'leaving' } : null),
};

/** This node needs no address to reach itself, and knows without asking that it is there. */
const unreachable: Filter = {
  name: 'unreachable',
  rejects({ id, standing, record }, _request, { self }) {
    if (id === self) return null;
    if (standing === 'unreachable') return { by: 'unreachable', because: 'no-answer' };
    return record.peerAddress === undefined ? { by: 'unreachable', because: 'no-address' } : null;
  },
};

const readOnly: Filter = {
  name: 'read-only',
  rejects: ({ id }, _request, situation) => (situation.readOnly && id === situation.self ? { by: 'read-only' } : null),
};

const tooSmall: Filter = {
  name: 'too-small',
  rejects({ record }, { units }) {
    const { capacityUnits } = record;
    return units > capacityUnits ? { by: 'too-small', neededUnits: units, capacityUnits } : null;
  },
};

/** All prohibitions, in order. */
export const FILTERS: readonly Filter[] = [
  typeConstraint,
  fixed({ by: 'excluded' }, (id, { exclude }) => exclude.has(id)),
  holdsCopy,
  failedThere,
  fixed({ by: 'tried' }, (id, { tried }) => tried.has(id)),
  leaving,
  unreachable,
  readOnly,
  tooSmall,
];

/** The first reason that forbids an instance to take the copy; `null` if it may. */
export function prohibition(
  instance: ClusterInstance,
  request: PlacementRequest,
  situation: PlacementSituation,
): RejectionReason | null {
  for (const filter of FILTERS) {
    const reason = filter.rejects(instance, request, situation);
    if (reason !== null) return reason;
  }
  return null;
}

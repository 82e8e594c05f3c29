/**
 * From all candidates to those that are equally good, in named steps (spec `modelmesh.md` §4.5.3 and §4.5.4). Each step compares with the best
 * one that is left, says why the others go, and never leaves nothing.
 *
 * ModelMesh's code looked at the deciding instance's own record in place of each candidate's (spec §9.4, 2). Here every comparison is with
 * the candidate. Its comments claim half of the best one's room and 1.5 times its models where its code has a quarter and 1.25: the
 * code's numbers are kept, as the spec states them. The count is what balances, and is the stricter one there; the room only keeps out who
 * is nearly full, and half would leave nobody but the largest nodes on the list where capacities differ.
 */

import { type ClusterInstance, decidingCriterion } from '../cluster/index.ts';
import { type DurationMs, durationMs, type EpochMs, type SizeUnits, sizeUnits } from '../units.ts';
import type { Candidate, RejectionReason } from './decision.ts';
import type { PlacementRequest } from './request.ts';
import type { Replacement } from './upgrades.ts';

/** A full instance is as good as the best if its oldest copy is at most this much younger … */
export const OLDEST_USE_WINDOW_MS: DurationMs = durationMs(45_000);
/** … or this part of the age of the best one's. */
export const OLDEST_USE_WINDOW_SHARE = 1 / 10;
/** The same for a preferred instance against a best one that is not: the preference is worth that much age … */
export const PREFERENCE_WINDOW_MS: DurationMs = durationMs(120_000);
/** … or this part of the age of the best one's. */
export const PREFERENCE_WINDOW_SHARE = 1 / 4;
/** An instance with room is as good as the best if it has this part of the best one's room … */
export const ROOM_SHARE = 1 / 4;
/** … and fewer models than this … */
export const FEW_MODELS = 10;
/** … or at most so many times those of the best. */
export const MODELS_FACTOR = 1.25;
/** An instance whose threads have to load this many times more than those with the shortest queue, before they are free, is not chosen. */
export const QUEUED_ROUNDS_MORE = 1;
/** Below this an instance is not busy, whatever the others are. */
export const BUSY_RPM_MIN = 100;

/**
 * How much busier than the quietest an instance may be, by how long ago the model was used: the more likely its next call is soon, the less.
 * A last use in the future is a copy more of a busy model. ModelMesh looks at models used within five days, but its last rule ends after one.
 */
export const BUSY_FACTORS: readonly { readonly agoMs: number; readonly factor: number }[] = [
  { agoMs: -1000, factor: 1.1 },
  { agoMs: 5000, factor: 1.5 },
  { agoMs: 720_000, factor: 3 },
  { agoMs: 86_400_000, factor: 4 },
];

/** What a step may look at. */
export interface Narrowed {
  /** The most wanted one that is left. */
  readonly best: Candidate;
  /** All that are left, most wanted first, the best among them. */
  readonly candidates: readonly Candidate[];
  readonly request: PlacementRequest;
  readonly nowMs: EpochMs;
  /** Which replica set replaces that of an instance; `null` if none is being replaced. */
  readonly replacement: Replacement | null;
}

/** Why a candidate goes; `null` if it stays. */
export type Judge = (candidate: Candidate) => RejectionReason | null;

/** One step. */
export interface Narrowing {
  readonly name: string;
  /** How to judge the candidates; `null` if the step has nothing to say this time. */
  judge(left: Narrowed): Judge | null;
}

const notReplaced: Narrowing = {
  name: 'not being replaced',
  judge({ replacement }) {
    if (replacement === null) return null;
    return ({ id }) => {
      const replicaSet = replacement(id);
      return replicaSet === null ? null : { by: 'being-replaced', replicaSet };
    };
  },
};

const ageMs = (instance: ClusterInstance, nowMs: EpochMs): number => Math.max(0, nowMs - instance.oldestUseMs);

function youngerThanAllowed(candidate: Candidate, best: Candidate, allowedMs: number): RejectionReason | null {
  const youngerByMs = candidate.instance.oldestUseMs - best.instance.oldestUseMs;
  if (youngerByMs <= allowedMs) return null;
  return { by: 'oldest-use', youngerByMs: durationMs(youngerByMs), allowedMs: durationMs(allowedMs) };
}

const outranked = (candidate: Candidate, best: Candidate): RejectionReason => ({
  by: 'class',
  than: best.id,
  criterion: decidingCriterion(best.instance, candidate.instance),
});

/** Room, build and saturation tell classes apart: none of them is traded for anything else. */
const sameClassAs = ({ instance: a }: Candidate, { instance: b }: Candidate): boolean =>
  a.full === b.full && a.saturated === b.saturated && (a.saturated || a.record.buildVersion === b.record.buildVersion);

/** Why a preferred candidate cannot take the place of a best one that is not preferred; `null` if it can. */
function notInPlaceOf(best: Candidate, candidate: Candidate, nowMs: EpochMs): RejectionReason | null {
  if (!best.instance.full) return candidate.instance.full ? outranked(candidate, best) : null;
  if (!sameClassAs(best, candidate)) return outranked(candidate, best);
  const allowedMs = Math.max(PREFERENCE_WINDOW_MS, ageMs(best.instance, nowMs) * PREFERENCE_WINDOW_SHARE);
  return youngerThanAllowed(candidate, best, allowedMs);
}

/** If the best one is not preferred, a preferred one takes its place if it has room too, or would evict something about as old. */
const preference: Narrowing = {
  name: 'preferred by the type',
  judge({ best, candidates, nowMs }) {
    const against: Judge = (candidate) => (best.preferred ? null : notInPlaceOf(best, candidate, nowMs));
    const instead = candidates.find((candidate) => candidate.preferred && against(candidate) === null);
    if (instead === undefined) return null;
    return (candidate) => (candidate.preferred ? against(candidate) : { by: 'preference', than: instead.id });
  },
};

const sameClass: Narrowing = {
  name: 'in the class of the best',
  judge:
    ({ best }) =>
    (candidate) =>
      sameClassAs(best, candidate) ? null : outranked(candidate, best),
};

const fewest = (candidates: readonly Candidate[], of: (candidate: Candidate) => number): number =>
  candidates.reduce((least, candidate) => Math.min(least, of(candidate)), Number.POSITIVE_INFINITY);

/** Copies of one model in one zone go together. */
const zoneSpread: Narrowing = {
  name: 'spread over zones',
  judge({ candidates, request }) {
    if (request.copies.size === 0) return null;
    const least = fewest(candidates, ({ zoneCopies }) => zoneCopies);
    return ({ zoneCopies, instance }) =>
      zoneCopies === least ? null : { by: 'zone', zone: instance.record.zone, copies: zoneCopies, fewest: least };
  },
};

const locationSpread: Narrowing = {
  name: 'spread over locations',
  judge({ candidates, request }) {
    if (request.copies.size === 0) return null;
    const least = fewest(candidates, ({ locationCopies }) => locationCopies);
    return ({ locationCopies, instance }) =>
      locationCopies === least
        ? null
        : { by: 'location', location: instance.record.location, copies: locationCopies, fewest: least };
  },
};

const nearBest: Narrowing = {
  name: 'as good as the best',
  judge({ best, nowMs }) {
    if (best.instance.full) {
      const allowedMs = Math.max(OLDEST_USE_WINDOW_MS, ageMs(best.instance, nowMs) * OLDEST_USE_WINDOW_SHARE);
      return (candidate) => youngerThanAllowed(candidate, best, allowedMs);
    }
    const requiredUnits = sizeUnits(Math.ceil(best.instance.remainingUnits * ROOM_SHARE));
    const allowed = Math.max(FEW_MODELS - 1, best.instance.record.modelCount * MODELS_FACTOR);
    return ({ instance }) => {
      const { remainingUnits, record } = instance;
      if (remainingUnits < requiredUnits) return { by: 'room', remainingUnits, requiredUnits };
      return record.modelCount <= allowed ? null : { by: 'count', models: record.modelCount, allowed };
    };
  },
};

/** Among equally good ones, those that need to evict nothing. */
const fits: Narrowing = {
  name: 'without an eviction',
  judge({ request }) {
    const neededUnits: SizeUnits = request.units;
    return ({ instance }) =>
      instance.remainingUnits >= neededUnits ? null : { by: 'fit', remainingUnits: instance.remainingUnits, neededUnits };
  },
};

/**
 * Loads that wait for a thread make a cold call wait for all of them. ModelMesh does not look at them once an instance is on the shortlist: where
 * every load is an eviction, the instance that was left with what is rarely called has the fewest requests, is the quietest, and is given every
 * further load, while the threads of the others do nothing.
 */
const shortQueue: Narrowing = {
  name: 'not many loads before it',
  judge({ candidates }) {
    const shortest = fewest(candidates, ({ instance }) => roundsBefore(instance));
    return ({ instance }) => {
      if (roundsBefore(instance) <= shortest + QUEUED_ROUNDS_MORE) return null;
      const allowed = Math.floor((shortest + 1 + QUEUED_ROUNDS_MORE) * Math.max(1, instance.record.loadingThreads));
      return { by: 'queue', loadsInProgress: instance.shownLoads, allowed };
    };
  },
};

/**
 * How many times all its threads have to load before one is free, by what it published: what this node sent there a moment ago is not counted, for
 * nodes that place the same model at the same time are to choose the same instance.
 */
const roundsBefore = ({ shownLoads, record }: ClusterInstance): number =>
  Math.max(0, shownLoads / Math.max(1, record.loadingThreads) - 1);

const quiet: Narrowing = {
  name: 'not much busier than the quietest',
  judge({ candidates, request, nowMs }) {
    const agoMs = nowMs - request.lastUsedMs;
    const factor = BUSY_FACTORS.find((rule) => agoMs < rule.agoMs)?.factor;
    if (factor === undefined) return null;
    const allowed =
      factor *
      Math.max(
        BUSY_RPM_MIN,
        fewest(candidates, ({ instance }) => instance.record.requestsPerMinute),
      );
    return ({ instance }) => {
      const { requestsPerMinute } = instance.record;
      return requestsPerMinute <= allowed ? null : { by: 'busy', requestsPerMinute, allowed };
    };
  },
};

/** What makes the shortlist, in order. */
export const SHORTLISTING: readonly Narrowing[] = [
  notReplaced,
  preference,
  sameClass,
  zoneSpread,
  locationSpread,
  nearBest,
  fits,
];

/** What is asked of the shortlist if this instance did not take the copy itself. */
export const BALANCING: readonly Narrowing[] = [shortQueue, quiet];

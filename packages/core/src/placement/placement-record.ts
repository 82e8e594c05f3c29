import type { Bytes, EpochMs, InstanceId, ModelKey, Namespace, SizeUnits } from '../units.ts';
import type { Candidate, ChosenBy, PlacementDecision, RejectionReason } from './decision.ts';
import { reasonText } from './explain.ts';

/** Instances of the shortlist that a record keeps with their scores, besides the chosen one. */
export const RECORDED_SHORTLIST_MAX = 16;
/** Instances that a record names for each reason; all are counted. */
export const RECORDED_PER_REASON_MAX = 8;

/** What a candidate was judged by, as plain values. */
export interface CandidateScore {
  readonly instance: InstanceId;
  /** Its place in the order of desirability, 0 first. */
  readonly rank: number;
  readonly full: boolean;
  readonly saturated: boolean;
  readonly buildVersion: number;
  readonly models: number;
  readonly remainingUnits: SizeUnits;
  readonly reservedUnits: SizeUnits;
  /** Last use of what it would evict first; `null` if there is nothing. */
  readonly oldestUseMs: EpochMs | null;
  readonly loadingThreads: number;
  readonly loadsInProgress: number;
  readonly requestsPerMinute: number;
  readonly zone: string;
  readonly location: string;
  readonly preferred: boolean;
  readonly zoneCopies: number;
  readonly locationCopies: number;
}

/**
 * A decision as it is kept for explanations: plain values of bounded size, that hold on to no picture of the cluster, however many instances
 * were looked at.
 */
export interface PlacementRecord {
  readonly namespace: Namespace;
  readonly model: ModelKey;
  readonly atMs: EpochMs;
  readonly units: SizeUnits;
  readonly bytes: Bytes;
  readonly outcome:
    | { readonly kind: 'placed'; readonly chosen: CandidateScore; readonly chosenBy: ChosenBy }
    | { readonly kind: 'nowhere'; readonly because: string };
  /** Instances that nothing forbade. */
  readonly candidates: number;
  readonly shortlisted: number;
  /** The most wanted of them. */
  readonly shortlist: readonly CandidateScore[];
  /** For each reason how many instances it kept out, and some of them with the reason as a clause. */
  readonly rejected: readonly RecordedReason[];
}

/** Instances that one kind of reason kept out. */
export interface RecordedReason {
  readonly by: RejectionReason['by'];
  readonly instances: number;
  readonly examples: readonly { readonly instance: InstanceId; readonly because: string }[];
}

/** The record of a decision. */
export function placementRecord(decision: PlacementDecision): PlacementRecord {
  const { namespace, model, atMs, units, bytes, candidates } = decision;
  const shortlist = decision.kind === 'placed' ? decision.shortlist : [];
  return {
    namespace,
    model,
    atMs,
    units,
    bytes,
    outcome:
      decision.kind === 'placed'
        ? { kind: 'placed', chosen: score(decision.chosen), chosenBy: decision.chosenBy }
        : { kind: 'nowhere', because: decision.because },
    candidates: candidates.length,
    shortlisted: shortlist.length,
    shortlist: shortlist.slice(0, RECORDED_SHORTLIST_MAX).map(score),
    rejected: rejectedBy(decision),
  };
}

function score({ id, rank, instance, reservedUnits, preferred, zoneCopies, locationCopies }: Candidate): CandidateScore {
  const { record, full, saturated, remainingUnits } = instance;
  const { buildVersion, loadingThreads, loadsInProgress, requestsPerMinute, zone, location } = record;
  return {
    instance: id,
    rank,
    full,
    saturated,
    buildVersion,
    models: record.modelCount,
    remainingUnits,
    reservedUnits,
    oldestUseMs: record.leastRecentUseMs ?? null,
    loadingThreads,
    loadsInProgress,
    requestsPerMinute,
    zone,
    location,
    preferred,
    zoneCopies,
    locationCopies,
  };
}

function rejectedBy({ rejections }: PlacementDecision): readonly RecordedReason[] {
  const byReason = Map.groupBy(rejections, ({ reason }) => reason.by);
  return [...byReason].map(([by, all]) => ({
    by,
    instances: all.length,
    examples: all.slice(0, RECORDED_PER_REASON_MAX).map(({ id, reason }) => ({ instance: id, because: reasonText(reason) })),
  }));
}

/** Whether a loaded copy gets help (spec `modelmesh.md` §4.7), for one copy. The order of the rules is the spec's. */

import type { ModelRecord } from '../records/index.ts';
import { type DurationMs, durationMs, type EpochMs, epochMs, type InstanceId } from '../units.ts';
import { type ClusterFacts, cacheAgeMs, freeShare, liveCopies, type TypeFacts } from './cluster-facts.ts';
import type { ScalingConfig } from './config.ts';
import type { CopyUse } from './copy-use.ts';
import type { AddCopies, HeldBack, HeldRule, ProposeSecondCopy, ScaleUpDecision, ScaleUpReason } from './decision.ts';
import { type CopyLoad, loadText } from './load.ts';

/** A local copy that serves. */
export interface ServingCopy {
  readonly record: ModelRecord;
  /** Calls that the runtime runs at a time in this copy, where it limits them (spec §4.8); else null. */
  readonly maxConcurrency: number | null;
}

/** What one decision looks at. */
export interface ScaleUpView {
  readonly cluster: ClusterFacts;
  readonly config: ScalingConfig;
  readonly nowMs: EpochMs;
  readonly elapsedMs: DurationMs;
  /** Mean concurrency of the local copies whose runtime limits it; null: none does. */
  readonly meanConcurrency: number | null;
}

/** A load that was asked for a copy is placed as if it was used so much later than now, which keeps it off busy instances (spec §4.7.6). */
export const LAST_USED_AHEAD_MS: DurationMs = durationMs(20_000);
/** A second copy for regular use wants at least this share of the instances' room free (spec §4.7.3). */
export const SECOND_COPY_FREE_SHARE_MIN = 0.1;
/** Or a cache whose oldest copy is this old: thirty times the greatest age of an earlier use, at least six hours (spec §4.7.3). */
export const secondCopyCacheAgeMinMs = ({ secondCopyMaxAgeMs }: ScalingConfig): DurationMs =>
  durationMs(Math.max(30 * secondCopyMaxAgeMs, 6 * 3_600_000));
/** In latency mode an instance is as busy as four copies when it runs this much per call of concurrency, in 0.1 % (spec §4.7.4). */
const BUSYNESS_PER_CONCURRENT_CALL = 900;
/** Up to so many copies are added whatever the size of the cluster; more only up to a third of its instances (spec §4.7.5). */
const COPIES_AT_ONCE = 2;
const INSTANCES_PER_COPY = 3;

/** Where another copy could go, and what is in the way. Counts only: most copies that are looked at want nothing. */
interface Elsewhere {
  readonly facts: TypeFacts;
  /** Suitable instances without copy and failure, other than this one. */
  readonly candidates: number;
  /** Live copies. */
  readonly copies: ReadonlyMap<InstanceId, DurationMs>;
  readonly policyRoom: number;
}

/** Decides for a copy that was used since the last step; undefined: it wants nothing. */
export function decideScaleUp(copy: ServingCopy, use: CopyUse, load: CopyLoad, view: ScaleUpView): ScaleUpDecision | undefined {
  const { record } = copy;
  const loaded = load.ratio >= 1;
  if (!loaded && use.regularUseAgeMs === null) return undefined;
  const elsewhere = elsewhereFor(record, view);
  if (elsewhere.candidates === 0)
    return loaded ? held(record, 'no-other-instance', 'no instance is left that may take a copy') : undefined;
  if (!loaded) return secondCopy(record, use, elsewhere, view);
  const recent = otherCopyYoungerThan(elsewhere, view, loadingSpan(elsewhere.facts, view.elapsedMs, view.config));
  if (recent !== null) return held(record, 'already-loading', `a copy is being loaded in ${recent} already`);
  return addCopies(record, 'load', load.copiesWanted, loadText(load), elsewhere, view);
}

/** Adds copies of a model: at least one, as many as are wanted, allowed, and sound for the size of the cluster. */
export function addCopies(
  record: ModelRecord,
  reason: ScaleUpReason,
  wanted: number,
  why: string,
  elsewhere: Elsewhere,
  view: ScaleUpView,
): AddCopies | HeldBack {
  const { facts, candidates, policyRoom } = elsewhere;
  if (policyRoom <= 0)
    return held(record, 'copies-max', `${why}; its owner allows no more than ${record.copiesPolicy.max} copies`);
  const busy = busyOnes(record, facts, view);
  const quiet = candidates - busy.length;
  if (quiet === 0)
    return held(record, 'others-too-busy', `${why}; the ${busy.length} instances that could take a copy are too busy`);
  const share = Math.floor(facts.suitable.size / INSTANCES_PER_COPY);
  const bounded = Math.min(wanted, quiet);
  const copies = Math.max(1, Math.min(bounded > COPIES_AT_ONCE ? Math.min(bounded, share) : bounded, policyRoom));
  return {
    kind: 'add-copies',
    model: record.key,
    reason,
    copies,
    exclude: [...record.copies.keys(), ...record.failures.keys(), ...busy],
    lastUsedMs: epochMs(view.nowMs + LAST_USED_AHEAD_MS),
    because: `${why}; ${candidates} instances could take a copy, ${busy.length} of them too busy`,
  };
}

/** Instances and claims that matter for another copy of a model. Holders and failures are left out once (spec §9.4, 3). */
export function elsewhereFor(record: ModelRecord, { cluster, nowMs }: Pick<ScaleUpView, 'cluster' | 'nowMs'>): Elsewhere {
  const facts = cluster.factsFor(record.type);
  const copies = liveCopies(record, cluster, nowMs);
  const holders = countIn(record.copies.keys(), facts) + countIn(record.failures.keys(), facts);
  const own = facts.suitable.has(cluster.self) && isCandidate(record, cluster.self) ? 1 : 0;
  const candidates = facts.suitable.size - holders - own;
  const max = record.copiesPolicy.max ?? Number.POSITIVE_INFINITY;
  return { facts, candidates, copies, policyRoom: max - copies.size };
}

function countIn(instances: Iterable<InstanceId>, { suitable }: TypeFacts): number {
  let count = 0;
  for (const instance of instances) if (suitable.has(instance)) count += 1;
  return count;
}

/** Neither holds a copy nor failed to load one. */
export const isCandidate = ({ copies, failures }: ModelRecord, instance: InstanceId): boolean =>
  !copies.has(instance) && !failures.has(instance);

/** A load that started within this time is taken to be on its way (spec §4.7.4). */
export const loadingSpan = ({ assumeLoadedAfterMs }: TypeFacts, elapsedMs: DurationMs, { checkMs }: ScalingConfig): DurationMs =>
  durationMs(elapsedMs + checkMs + 2 * assumeLoadedAfterMs);

/** An instance whose copy was claimed within `spanMs`, other than this one; null: none. */
export function otherCopyYoungerThan(
  { copies }: Elsewhere,
  { cluster }: Pick<ScaleUpView, 'cluster'>,
  spanMs: DurationMs,
): InstanceId | null {
  for (const [instance, ageMs] of copies) if (instance !== cluster.self && ageMs < spanMs) return instance;
  return null;
}

/** Regular use of a model with one copy (spec §4.7.3): a burst, however large, is not regular. */
function secondCopy(
  record: ModelRecord,
  use: CopyUse,
  { facts, copies, policyRoom }: Elsewhere,
  { config, nowMs }: ScaleUpView,
): ProposeSecondCopy | undefined {
  const ageMs = use.regularUseAgeMs;
  if (ageMs === null || copies.size !== 1 || policyRoom <= 0) return undefined;
  const free = freeShare(facts.fullness);
  const oldMs = cacheAgeMs(facts.fullness, nowMs);
  if (free < SECOND_COPY_FREE_SHARE_MIN && oldMs <= secondCopyCacheAgeMinMs(config)) return undefined;
  return {
    kind: 'propose-second-copy',
    model: record.key,
    exclude: [...record.copies.keys(), ...record.failures.keys()],
    earlierUseAgeMs: ageMs,
    callsPerMinute: use.window.callsPerMinute,
    because: `used now and ${Math.round(ageMs / 1000)} s ago, ${Math.round(free * 100)} % of the room is free`,
  };
}

/** Those of the candidates that are much busier than this instance (spec §4.7.4). */
function busyOnes(record: ModelRecord, { suitable }: TypeFacts, view: ScaleUpView): readonly InstanceId[] {
  const { cluster, config, meanConcurrency } = view;
  const unit = meanConcurrency === null ? config.callsPerMinuteMax : BUSYNESS_PER_CONCURRENT_CALL * meanConcurrency;
  const bound = Math.max(4 * unit, (suitable.get(cluster.self) ?? 0) - 2 * unit);
  const busy: InstanceId[] = [];
  for (const [instance, busyness] of suitable)
    if (busyness > bound && instance !== cluster.self && isCandidate(record, instance)) busy.push(instance);
  return busy;
}

/** A copy that gets no help. */
export const held = ({ key }: Pick<ModelRecord, 'key'>, rule: HeldRule, because: string): HeldBack => ({
  kind: 'hold',
  model: key,
  rule,
  because,
});

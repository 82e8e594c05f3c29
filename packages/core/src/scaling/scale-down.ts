/** Whether a local copy goes that has others beside it (spec `modelmesh.md` §4.11), for one copy. The order of the rules is their rank. */

import type { ModelRecord } from '../records/index.ts';
import { type DurationMs, durationMs, type EpochMs, type InstanceId, type SizeUnits } from '../units.ts';
import { type ClusterFacts, cacheAgeMs, type Fullness, freeShare, liveCopies } from './cluster-facts.ts';
import { copiesKept, type KeepRule, type RemovalRule, type ScaleDownDecision } from './decision.ts';
import { type CopyLoad, HEAVY_RATIO, loadText } from './load.ts';

/** A local copy as scaling down sees it. */
export interface IdleCopy {
  readonly record: ModelRecord;
  readonly units: SizeUnits;
  /** Last use of this copy, read now. */
  readonly lastUsedMs: EpochMs;
  /** Time since it was last used heavily; null: never. */
  readonly heavyAgeMs: DurationMs | null;
  /** Its load in the last step; undefined if it was not used in it. */
  readonly load: CopyLoad | undefined;
  /** Calls that wait at it. */
  readonly queued: number;
}

/** Nothing goes for want of room while the instances have more than this share free (spec §4.11). */
export const SPACE_WANTED_FREE_SHARE = 0.05;
/** A second copy goes when it was unused for this share of the cache's age (spec §4.11). */
export const SECOND_COPY_IDLE_SHARE = 0.1;
/** At most so long (spec §4.17). */
export const SECOND_COPY_IDLE_MAX_MS: DurationMs = durationMs(10 * 3_600_000);
/** So long where it was used heavily of late: ModelMesh's comment says so, its code the opposite (spec §9.4, 5). */
export const HEAVY_SECOND_COPY_IDLE_MAX_MS: DurationMs = durationMs(16 * 3_600_000);
/** "Of late" is this share of the cache's age (spec §4.11). */
const HEAVY_OF_LATE_SHARE = 0.2;
/** After an unload no further copy of the model goes for eight steps (spec §4.11). */
export const UNLOAD_PAUSE_MS: DurationMs = durationMs(80_000);
/** While a copy is younger than this none goes (spec §4.11). */
export const SURPLUS_AGE_MIN_MS: DurationMs = durationMs(1_800_000);
/** A copy used heavily within 3 % of the cache's age and 104 s stays, that time being 10 min to 5 h (spec §4.11 and §9.4, 4). */
const HEAVY_PAUSE = { share: 0.03, plusMs: 104_000, minMs: 600_000, maxMs: 5 * 3_600_000 } as const;
/** A copy with more load than this share of its bound stays (spec §4.11). */
export const SURPLUS_RATIO_MAX = 2 / 3;
/** With more calls waiting the copy stays (spec §4.11). */
export const SURPLUS_QUEUED_MAX = 1;
/** A full instance gives up what a fresh one took over only if that one still has this share free, a little less than is never filled. */
export const MOVED_FREE_SHARE_MIN = 0.1;
/** And only if it took it over within this time: a pass gives up a twentieth, so that a quarter takes half an hour. */
export const MOVED_AGE_MAX_MS: DurationMs = durationMs(3_600_000);

/** How long ago a heavy use still keeps a copy of three or more: an age, where ModelMesh compared an instant (spec §9.4, 4). */
export const heavyPauseMs = (cacheAge: DurationMs): DurationMs =>
  durationMs(Math.min(HEAVY_PAUSE.maxMs, Math.max(HEAVY_PAUSE.minMs, cacheAge * HEAVY_PAUSE.share + HEAVY_PAUSE.plusMs)));

/** How long a second copy is unused before it goes. */
export function secondCopyIdleMs(cacheAge: DurationMs, heavyAgeMs: DurationMs | null): DurationMs {
  const heavyOfLate = heavyAgeMs !== null && heavyAgeMs <= cacheAge * HEAVY_OF_LATE_SHARE;
  const max = heavyOfLate ? HEAVY_SECOND_COPY_IDLE_MAX_MS : SECOND_COPY_IDLE_MAX_MS;
  return durationMs(Math.min(max, cacheAge * SECOND_COPY_IDLE_SHARE));
}

/** What the rules look at besides the copy. */
export interface ScaleDownView {
  readonly cluster: ClusterFacts;
  readonly nowMs: EpochMs;
  /** Whether this instance has no room left. */
  readonly selfFull: boolean;
  /** Share of an instance's room that is free; 0 for one that is not known. */
  freeShareOf(instance: InstanceId): number;
}

interface Subject {
  readonly copy: IdleCopy;
  readonly view: ScaleDownView;
  readonly fullness: Fullness;
  readonly cacheAge: DurationMs;
  /** Live copies but ours, with the age of their claims; oldest first. */
  readonly others: ReadonlyMap<InstanceId, DurationMs>;
  readonly serving: readonly InstanceId[];
  readonly ownAgeMs: DurationMs;
  readonly idleMs: DurationMs;
}

interface Verdict {
  readonly rule: RemovalRule | KeepRule;
  readonly because: string;
}

const REMOVALS: ReadonlySet<string> = new Set<RemovalRule>(['above-max', 'idle', 'second-copy', 'surplus', 'moved']);
const isRemoval = (rule: RemovalRule | KeepRule): rule is RemovalRule => REMOVALS.has(rule);

/** Decides about a local copy; undefined if it is the only live one: the last copy is the cache's business. */
export function decideScaleDown(copy: IdleCopy, view: ScaleDownView): ScaleDownDecision | undefined {
  const { record } = copy;
  const { cluster, nowMs } = view;
  const live = liveCopies(record, cluster, nowMs);
  const ownAgeMs = live.get(cluster.self);
  if (ownAgeMs === undefined || live.size < 2) return undefined;
  const { fullness, assumeLoadedAfterMs } = cluster.factsFor(record.type);
  const others = new Map([...live].filter(([instance]) => instance !== cluster.self).toSorted(([, a], [, b]) => b - a));
  const subject: Subject = {
    copy,
    view,
    fullness,
    cacheAge: cacheAgeMs(fullness, nowMs),
    others,
    serving: [...others].filter(([, ageMs]) => ageMs > assumeLoadedAfterMs).map(([instance]) => instance),
    ownAgeMs,
    idleMs: durationMs(Math.max(0, nowMs - copy.lastUsedMs)),
  };
  const { rule, because } = judge(subject);
  if (!isRemoval(rule)) return { kind: 'keep-copy', model: record.key, rule, because };
  return { kind: 'remove-copy', model: record.key, rule, units: copy.units, others: [...others.keys()], because };
}

/** What the rules say, the first that has an opinion. */
function judge(subject: Subject): Verdict {
  const { copy, view, others, serving, idleMs } = subject;
  const { copiesPolicy } = copy.record;
  const copies = others.size + 1;
  const minimum = copiesKept(copiesPolicy);
  if (copies <= minimum) return { rule: 'copies-min', because: `${copies} copies, at least ${minimum} are kept` };
  if (serving.length < minimum)
    return { rule: 'others-not-serving', because: `${serving.length} other copies serve, at least ${minimum} are kept` };
  const worse = [...others.keys()].find((other) => view.cluster.isBefore(view.cluster.self, other));
  if (copiesPolicy.max !== undefined && copies > copiesPolicy.max)
    return leastWanted(worse, 'above-max', `${copies} copies, at most ${copiesPolicy.max} are allowed`);
  const { idleAfterMs } = copiesPolicy;
  if (idleAfterMs !== undefined && idleMs >= idleAfterMs)
    return leastWanted(worse, 'idle', `unused for ${seconds(idleMs)}, kept for ${seconds(idleAfterMs)}`);
  if (copiesPolicy.pin) return { rule: 'pinned', because: 'pinned copies go for nobody' };
  const moved = movedTo(subject);
  if (moved !== undefined) return { rule: 'moved', because: `full here, ${moved} has room and took it over` };
  const free = freeShare(subject.fullness);
  if (free > SPACE_WANTED_FREE_SHARE) return { rule: 'space-left', because: `${percent(free)} of the room is free` };
  return copies === 2 ? judgeSecond(subject, worse) : judgeSurplus(subject, worse);
}

/** Only the holder that placement wants least removes: two holders that decide at the same time never remove both. */
const leastWanted = (worse: InstanceId | undefined, rule: RemovalRule, because: string): Verdict =>
  worse === undefined
    ? { rule, because }
    : {
        rule: 'more-wanted-here',
        because: `${because}; ${worse} is the one to remove it, it is less wanted than this instance`,
      };

function judgeSecond(subject: Subject, worse: InstanceId | undefined): Verdict {
  const { copy, cacheAge, idleMs } = subject;
  const wantedMs = secondCopyIdleMs(cacheAge, copy.heavyAgeMs);
  const because = `second copy, unused for ${seconds(idleMs)} of ${seconds(wantedMs)}, cache ${seconds(cacheAge)} old`;
  return idleMs > wantedMs ? leastWanted(worse, 'second-copy', because) : { rule: 'used', because };
}

function judgeSurplus(subject: Subject, worse: InstanceId | undefined): Verdict {
  const { copy, view, cacheAge, others, ownAgeMs } = subject;
  const { record, heavyAgeMs, load, queued } = copy;
  const sinceUnloadMs = view.nowMs - record.lastUnloadMs;
  if (record.lastUnloadMs > 0 && sinceUnloadMs < UNLOAD_PAUSE_MS)
    return { rule: 'unloaded-just-now', because: `a copy was unloaded ${seconds(sinceUnloadMs)} ago` };
  const youngestMs = Math.min(ownAgeMs, ...others.values());
  if (youngestMs < SURPLUS_AGE_MIN_MS)
    return { rule: 'loaded-just-now', because: `a copy was loaded ${seconds(youngestMs)} ago` };
  if (heavyAgeMs !== null && heavyAgeMs < heavyPauseMs(cacheAge))
    return {
      rule: 'used-heavily',
      because: `used heavily ${seconds(heavyAgeMs)} ago, kept for ${seconds(heavyPauseMs(cacheAge))}`,
    };
  const rising = risingLoad(load, others.size);
  if (rising !== undefined) return rising;
  if (queued > SURPLUS_QUEUED_MAX) return { rule: 'calls-wait', because: `${queued} calls wait at it` };
  const because = `${others.size + 1} copies, ${load === undefined ? 'not used' : loadText(load)}`;
  return leastWanted(worse, 'surplus', because);
}

/** What is taken from one copy comes to the others: they must stay below the load at which copies are called heavily used. */
function risingLoad(load: CopyLoad | undefined, others: number): Verdict | undefined {
  if (load === undefined) return undefined;
  const after = (load.ratio * (others + 1)) / others;
  if (load.ratio <= SURPLUS_RATIO_MAX && after <= HEAVY_RATIO) return undefined;
  return { rule: 'load-would-rise', because: `${loadText(load)}; ${percent(after)} of that without this copy` };
}

/** A fresh instance took this copy over, and this one has no room: the younger claim, with much room, in an instance that serves it. */
function movedTo({ copy, view, others, serving, ownAgeMs }: Subject): InstanceId | undefined {
  if (!view.selfFull || (copy.load?.ratio ?? 0) > SURPLUS_RATIO_MAX / 2) return undefined;
  return serving.find((other) => {
    const ageMs = others.get(other) ?? durationMs(0);
    return ageMs < ownAgeMs && ageMs <= MOVED_AGE_MAX_MS && view.freeShareOf(other) >= MOVED_FREE_SHARE_MIN;
  });
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** Which copy of a model a call goes to, when it may be called in several places (spec `modelmesh.md` §2.8, §4.6). */

import { type DurationMs, durationMs, type EpochMs, type InstanceId } from '../units.ts';

/** A copy at another instance, as it claims to be. */
export interface ClaimedCopy {
  readonly instance: InstanceId;
  /** When its load was claimed. */
  readonly sinceMs: EpochMs;
}

/** `ready`: it answers as far as is known. `leaving`: it is about to go, and is called only where no other copy can be. `away`: neither. */
export type PeerStanding = 'ready' | 'leaving' | 'away';

/** What the asking node knows of the instances; answers in constant time. */
export interface CopyLoads {
  /** Whether calls may be sent there. */
  standing(instance: InstanceId): PeerStanding;
  /** Calls for any model that this node has in flight there; of this very node: those in the copy that is asked about. */
  inFlight(instance: InstanceId): number;
  /** Smoothed time of the model's calls there; `null`: none was made lately. */
  latencyMs(instance: InstanceId): DurationMs | null;
}

/** One call that looks for its copy. */
export interface CopyQuestion {
  /** This instance, if it has a copy that serves; `null`: it has none. */
  readonly local: InstanceId | null;
  /** Copies elsewhere, oldest claim first. */
  readonly remotes: readonly ClaimedCopy[];
  /** Copies that this call has tried already. */
  readonly tried: ReadonlySet<InstanceId>;
  /** The caller spreads its calls evenly over all nodes (`mm-balanced`), so that a hop gains nothing. */
  readonly balanced: boolean;
  readonly nowMs: EpochMs;
  /** A copy that was claimed longer ago than this counts as loaded. */
  readonly assumeLoadedAfterMs: DurationMs;
  /** From 0 to 1, 1 excluded. */
  readonly chance: number;
}

/** A copy that was looked at. */
export interface ScoredCopy {
  readonly instance: InstanceId;
  readonly settled: boolean;
  readonly inFlight: number;
  readonly latencyMs: DurationMs | null;
  /** What one more call costs there, in milliseconds if a latency is known; for a copy elsewhere with the margin that a hop has to gain. */
  readonly cost: number;
}

/** Where the call goes. `considered`: the copies that were compared, the chosen one first; empty where there was nothing to compare. */
export type CopyChoice =
  | { readonly kind: 'local'; readonly because: string; readonly considered: readonly ScoredCopy[] }
  | {
      readonly kind: 'peer';
      readonly instance: InstanceId;
      readonly because: string;
      readonly considered: readonly ScoredCopy[];
    }
  /** No copy may be called: ask control. */
  | { readonly kind: 'none' };

/** A local copy with fewer calls than this in flight takes the next one without a look at others. */
export const LOCAL_IN_FLIGHT_BOUND = 8;
/** A copy elsewhere must be cheaper by this factor than the local one: a hop costs about as much CPU again as a local call. */
export const HOP_MARGIN = 2;
/**
 * Where the settled copies are hot, one that was claimed longer ago than this is compared with them: ModelMesh's least time after which a load counts
 * as done (spec §4.1). If it still loads, the calls that wait there make it dear, so that few go there.
 */
export const HOT_SETTLED_AFTER_MS = durationMs(3000);
/** Copies beyond this many are not looked at where the two that chance picked may not be called. */
export const COPIES_SCANNED_MAX = 64;

const LOCAL: CopyChoice = Object.freeze({ kind: 'local', because: 'a copy is here', considered: [] });
const NONE: CopyChoice = Object.freeze({ kind: 'none' });

/** Whether a call of a node with a serving copy stays there whatever others offer; {@link chooseCopy} then says the same at more cost. */
export const staysLocal = (inFlight: number, remotes: number, balanced: boolean): boolean =>
  remotes === 0 || balanced || inFlight < LOCAL_IN_FLIGHT_BOUND;

/**
 * Chooses a copy in constant time: the local one unless it is hot and another is cheaper by {@link HOP_MARGIN}; among the others the cheaper
 * of two that chance picks, settled ones first; where none is settled, the one whose load was claimed first; at last one at an instance that is
 * about to leave.
 */
export function chooseCopy(question: CopyQuestion, loads: CopyLoads): CopyChoice {
  const { local, tried, balanced, remotes } = question;
  const here = local !== null && !tried.has(local) ? local : null;
  if (here !== null && staysLocal(loads.inFlight(here), remotes.length, balanced)) return LOCAL;
  const [settled, [one, other]] = lookAt(question, loads);
  if (one === undefined) {
    if (here !== null) return LOCAL;
    const loading = firstUsable(question, loads, { from: settled, to: remotes.length, standing: 'ready' });
    if (loading === undefined) return leavingOne(question, loads);
    return { kind: 'peer', instance: loading.instance, because: 'its load was claimed first', considered: [] };
  }
  const reference = loads.latencyMs(one.instance) ?? (other === undefined ? null : loads.latencyMs(other.instance));
  const best = cheapest(
    (other === undefined ? [one] : [one, other]).map(({ instance }) =>
      scored(instance, loads, reference, here === null ? 1 : HOP_MARGIN),
    ),
  );
  const [first] = best;
  if (first === undefined) return NONE;
  if (here === null)
    return { kind: 'peer', instance: first.instance, because: 'the cheaper one of those looked at', considered: best };
  const own = scored(here, loads, reference, 1);
  if (first.cost < own.cost) {
    const because = 'the local copy is hot and this one is cheaper, the hop included';
    return { kind: 'peer', instance: first.instance, because, considered: [...best, own] };
  }
  return { kind: 'local', because: 'no other copy is cheaper, the hop included', considered: [own, ...best] };
}

function leavingOne(question: CopyQuestion, loads: CopyLoads): CopyChoice {
  const copy = firstUsable(question, loads, { from: 0, to: question.remotes.length, standing: 'leaving' });
  if (copy === undefined) return NONE;
  return {
    kind: 'peer',
    instance: copy.instance,
    because: 'no other copy can be called; its instance is about to leave',
    considered: [],
  };
}

/** How many copies count as loaded, and the two of them that are compared. */
function lookAt(question: CopyQuestion, loads: CopyLoads): readonly [settled: number, Pair] {
  const settled = settledCount(question, question.assumeLoadedAfterMs);
  const pair = twoOf(question, loads, settled);
  const isHot =
    pair[0] !== undefined && pair.every((copy) => copy === undefined || loads.inFlight(copy.instance) >= LOCAL_IN_FLIGHT_BOUND);
  if (settled === question.remotes.length || !isHot) return [settled, pair];
  const more = settledCount(question, HOT_SETTLED_AFTER_MS);
  return more <= settled ? [settled, pair] : [more, twoOf(question, loads, more)];
}

/** Copies at the front of the list that were claimed longer ago than `afterMs`. */
function settledCount({ remotes, nowMs }: CopyQuestion, afterMs: DurationMs): number {
  let [low, high] = [0, remotes.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((remotes[middle]?.sinceMs ?? 0) <= nowMs - afterMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

type Pair = readonly [ClaimedCopy | undefined, ClaimedCopy | undefined];

/** Two different settled copies that may be called, as far as there are any: picked by chance, or found by looking through them. */
function twoOf(question: CopyQuestion, loads: CopyLoads, settled: number): Pair {
  if (settled === 0) return [undefined, undefined];
  const { remotes, chance } = question;
  const at = chance * settled;
  const first = Math.min(settled - 1, Math.floor(at));
  const second = settled === 1 ? first : (first + 1 + Math.min(settled - 2, Math.floor((at - first) * (settled - 1)))) % settled;
  const one = usable(remotes[first], question, loads, 'ready');
  const other = second === first ? undefined : usable(remotes[second], question, loads, 'ready');
  if (one !== undefined) return [one, other];
  if (other !== undefined) return [other, undefined];
  return [firstUsable(question, loads, { from: 0, to: settled, standing: 'ready' }), undefined];
}

interface Scan {
  readonly from: number;
  readonly to: number;
  readonly standing: PeerStanding;
}

function firstUsable(question: CopyQuestion, loads: CopyLoads, { from, to, standing }: Scan): ClaimedCopy | undefined {
  for (let at = from; at < Math.min(to, from + COPIES_SCANNED_MAX); at++) {
    const copy = usable(question.remotes[at], question, loads, standing);
    if (copy !== undefined) return copy;
  }
  return undefined;
}

function usable(
  copy: ClaimedCopy | undefined,
  { tried }: CopyQuestion,
  loads: CopyLoads,
  standing: PeerStanding,
): ClaimedCopy | undefined {
  return copy !== undefined && !tried.has(copy.instance) && loads.standing(copy.instance) === standing ? copy : undefined;
}

/** A copy of which no latency is known is taken to be as fast as the one it is compared with. */
function scored(instance: InstanceId, loads: CopyLoads, reference: DurationMs | null, margin: number): ScoredCopy {
  const inFlight = loads.inFlight(instance);
  const latencyMs = loads.latencyMs(instance);
  const cost = (inFlight + 1) * (latencyMs ?? reference ?? 1) * margin;
  return { instance, settled: true, inFlight, latencyMs, cost };
}

const cheapest = (copies: readonly ScoredCopy[]): readonly ScoredCopy[] => copies.toSorted((a, b) => a.cost - b.cost);

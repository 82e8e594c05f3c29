/** Who has to go: the first in the order of the policy, never more than needed plus the one that crosses the line. */

import type { IndexedHeap } from '../indexed-heap.ts';
import { type DurationMs, durationMs, type EpochMs, type SizeUnits, sizeUnits } from '../units.ts';
import type { Candidate, EvictionCause } from './decision.ts';
import type { Entry } from './entry.ts';
import { depart } from './leaving.ts';
import { decide, emit, type Machine, measure, rankOf, readUse } from './machine.ts';
import type { CacheRefusal } from './outcome.ts';

/** A new copy, and what it may push out. */
export interface RoomWanted {
  readonly forEntry: Entry;
  /** Units that are about to be booked. */
  readonly insertUnits: SizeUnits;
  /** Nothing of a higher rank may go: a new copy must not push out what the order puts above itself. Null: it is used now. */
  readonly onlyUpToRank: number | null;
}

/** Room was made, or why not; without room nothing was evicted. */
export type RoomMade =
  | { readonly kind: 'made' }
  | { readonly kind: 'refused'; readonly refusal: CacheRefusal }
  /** Everything that could go is awaited by calls: try again when one of them serves. */
  | { readonly kind: 'hold' };

const MADE: RoomMade = { kind: 'made' };
const HOLD: RoomMade = { kind: 'hold' };

/** Evicts the first copies in the order of the policy until `wanted` fits. All or nothing: victims are chosen before the first one goes. */
export function makeRoom(m: Machine, wanted: RoomWanted): RoomMade {
  if (fits(m, wanted, 0, 0)) return MADE;
  const chosen: Entry[] = [];
  const room = choose(m, wanted, chosen);
  if (room.kind !== 'made') {
    putBack(m, chosen);
    return room;
  }
  evictAll(m, wanted.forEntry, 'new-copy', m.buffer.excessAfter(wanted.insertUnits, 0), chosen);
  return MADE;
}

/** What {@link makeRoom} would say now, without evicting anything. */
export function findRoom(m: Machine, wanted: RoomWanted): RoomMade {
  if (fits(m, wanted, 0, 0)) return MADE;
  const chosen: Entry[] = [];
  const room = choose(m, wanted, chosen);
  putBack(m, chosen);
  return room;
}

function putBack(m: Machine, chosen: readonly Entry[]): void {
  for (const entry of chosen) m.ordinary.push(entry.place);
}

/** Evicts everything that may go, in the order of the policy, until the cache is within its capacity or nothing is left. */
export function shedExcess(m: Machine, about: Entry | null, cause: EvictionCause): void {
  const chosen: Entry[] = [];
  let freed = 0;
  while (m.buffer.excessAfter(0, freed) > 0) {
    const next = nextVictim(m);
    if (next === undefined) break;
    next.heap.pop();
    chosen.push(next.entry);
    freed += next.entry.units;
  }
  const first = about ?? chosen[0];
  if (first === undefined || chosen.length === 0) return;
  evictAll(m, first, cause, m.buffer.excessAfter(0, 0), chosen);
}

/** Evicts the first copies in the order that nobody waits for, until `units` are on their way; none if all of them are not enough. */
export function evictInPlaceOf(m: Machine, forEntry: Entry, units: number): void {
  const chosen: Entry[] = [];
  let freed = 0;
  while (freed < units) {
    const next = firstOf(m, m.ordinary);
    if (next === undefined) break;
    m.ordinary.pop();
    chosen.push(next);
    freed += next.units;
  }
  if (freed < units) putBack(m, chosen);
  else if (chosen.length > 0) evictAll(m, forEntry, 'others-drain', units, chosen);
}

/** Last use of the copy that would go first. */
export function oldestUseMs(m: Machine): EpochMs | null {
  const [ordinary, lastResort] = [firstOf(m, m.ordinary, rankNow), firstOf(m, m.lastResort, rankNow)];
  if (ordinary === undefined || lastResort === undefined) return usedAt(ordinary ?? lastResort);
  return usedAt(ordinary.place.key <= lastResort.place.key ? ordinary : lastResort);
}

const usedAt = (entry: Entry | undefined): EpochMs | null => entry?.lastUsedMs ?? null;

/** True when `wanted` can be booked once victims of this size and number have gone. */
export function fits(m: Machine, wanted: RoomWanted, freedUnits: number, freedCopies: number): boolean {
  return bookedCopies(m) - freedCopies + 1 <= m.config.copiesMax && m.buffer.excessAfter(wanted.insertUnits, freedUnits) <= 0;
}

const bookedCopies = ({ waiting, counts }: Machine): number =>
  waiting.size + counts.loading + counts.claiming + counts.sizing + counts.active + counts.failed;

/** Pops victims into `chosen` until it is enough; otherwise leaves them popped, to be put back by the caller. */
function choose(m: Machine, wanted: RoomWanted, chosen: Entry[]): RoomMade {
  if (m.pinnedUnits + wanted.insertUnits > m.buffer.effectiveUnits) return allPinned(m, wanted);
  const young: Entry[] = [];
  const room = chooseAmongOld(m, wanted, chosen, young);
  putBack(m, young);
  return room;
}

/** The choice; copies that the churn age protects are popped into `young`. */
function chooseAmongOld(m: Machine, wanted: RoomWanted, chosen: Entry[], young: Entry[]): RoomMade {
  for (let freed = 0; !fits(m, wanted, freed, chosen.length); ) {
    const next = firstOf(m, m.ordinary);
    if (next === undefined) return nothingLeft(m, wanted, young);
    if (wanted.onlyUpToRank !== null && next.place.key > wanted.onlyUpToRank) return refused(outranked(m, wanted, next));
    m.ordinary.pop();
    if (!isYoung(m, next)) {
      chosen.push(next);
      freed += next.units;
      continue;
    }
    young.push(next);
    // What follows in an order by last use is younger still.
    if (m.policy.isByLastUse) return nothingLeft(m, wanted, young);
  }
  return MADE;
}

/** A use in the future is one of a clock that was set back since, or that is another node's: it counts as now. */
const idleMs = (m: Machine, { lastUsedMs }: Entry): DurationMs => durationMs(Math.max(0, m.now.wallMs - lastUsedMs));

const isYoung = (m: Machine, entry: Entry): boolean => idleMs(m, entry) < m.config.minChurnAgeMs && entry.state.kind !== 'failed';

function nothingLeft(m: Machine, wanted: RoomWanted, young: readonly Entry[]): RoomMade {
  const [first] = young;
  if (first === undefined) return m.lastResort.size > 0 ? HOLD : allPinned(m, wanted);
  return refused({ kind: 'churn', idleForMs: idleMs(m, first), minChurnAgeMs: m.config.minChurnAgeMs });
}

const outranked = (m: Machine, wanted: RoomWanted, { lastUsedMs }: Entry): CacheRefusal =>
  m.policy.isByLastUse
    ? { kind: 'least-recent', lastUsedMs: wanted.forEntry.lastUsedMs, oldestMs: lastUsedMs }
    : { kind: 'outranked', policy: m.policy.name };

const refused = (refusal: CacheRefusal): RoomMade => ({ kind: 'refused', refusal });

const allPinned = (m: Machine, wanted: RoomWanted): RoomMade =>
  refused({
    kind: 'all-pinned',
    neededUnits: wanted.insertUnits,
    pinnedUnits: sizeUnits(m.pinnedUnits),
    effectiveUnits: m.buffer.effectiveUnits,
  });

interface Next {
  readonly entry: Entry;
  readonly heap: IndexedHeap<Entry>;
}

function nextVictim(m: Machine): Next | undefined {
  const ordinary = firstOf(m, m.ordinary);
  if (ordinary !== undefined) return { entry: ordinary, heap: m.ordinary };
  const lastResort = firstOf(m, m.lastResort);
  return lastResort === undefined ? undefined : { entry: lastResort, heap: m.lastResort };
}

/** When this many and a sixteenth of the heap had to be moved, most keys lag, and reading all of them anew is cheaper. */
const REKEY_AFTER_MIN = 32;

/**
 * The exact first copy of a heap. Keys in the heap may lag behind the data plane's counters but never lead, because use raises a rank, so
 * the first node whose key is up to date is the true first; every node that is moved on the way pays for uses since it was looked at last.
 */
function firstOf(m: Machine, heap: IndexedHeap<Entry>, rankIt = rankObserved): Entry | undefined {
  for (let moved = 0; ; moved += 1) {
    if (moved === REKEY_AFTER_MIN + (heap.size >> 4)) heap.rekey((entry) => rankIt(m, entry));
    const node = heap.peek();
    if (node === undefined) return undefined;
    const rank = rankIt(m, node.item);
    if (rank === node.key) return node.item;
    heap.update(node, rank);
  }
}

function rankNow(m: Machine, entry: Entry): number {
  readUse(m, entry);
  return rankOf(m, entry);
}

/** For choices alone: what is only read must not change what will be chosen. */
function rankObserved(m: Machine, entry: Entry): number {
  readUse(m, entry);
  m.policy.observe(entry);
  return rankOf(m, entry);
}

function evict(m: Machine, entry: Entry): void {
  const { idleForMs } = candidate(m, entry);
  const { model, copy, units } = entry;
  emit(m, { kind: 'evicted', model, copy, units, idleForMs, decision: m.decisions.nextNumber - 1 });
  if (entry.state.kind !== 'failed') measure(m, model, { name: 'age-at-eviction', durationMs: idleForMs });
  depart(m, entry, 'evicted', { kind: 'evicted' });
}

/** Writes down why these go, and lets them go; they have left their heap already. */
function evictAll(m: Machine, about: Entry, cause: EvictionCause, needed: number, chosen: readonly Entry[]): void {
  const spared = nextVictim(m)?.entry;
  decide(m, {
    kind: 'evict',
    model: about.model,
    cause,
    neededUnits: sizeUnits(Math.max(0, needed)),
    victims: chosen.map((entry) => candidate(m, entry)),
    spared: spared === undefined ? null : candidate(m, spared),
    pinnedUnits: sizeUnits(m.pinnedUnits),
  });
  for (const victim of chosen) evict(m, victim);
}

function candidate(m: Machine, entry: Entry): Candidate {
  const { model, units, lastUsedMs, standing } = entry;
  const idleForMs = idleMs(m, entry);
  const rank = m.policy.explain(entry);
  return { model, units, lastUsedMs, idleForMs, awaited: standing === 'last-resort', rank };
}

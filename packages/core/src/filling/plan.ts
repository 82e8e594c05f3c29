/** The plan: the best candidates, each put where there is room for it. */

import {
  type DurationMs,
  durationMs,
  type EpochMs,
  type InstanceId,
  type ModelKey,
  type SizeUnits,
  sizeUnits,
} from '../units.ts';
import type { Ranked } from './best-candidates.ts';
import type { FillCandidate, FillReason } from './candidate.ts';
import { type FillBudget, type FillNode, LOADS_PER_THREAD_MAX, roomToFill } from './fill-node.ts';
import { coldMsSaved, HORIZON_MS, victimWorthPerUnit } from './worth.ts';

/** A candidate that evicts must be worth so much more per unit than what goes: two of about the same worth must not replace one another. */
export const EVICT_MARGIN = 1.2;
/** And it must have been used later than what goes by a third of that one's age, at least by this (spec §4.9.4). */
export const EVICT_LATER_MIN_MS: DurationMs = durationMs(1_200_000);
const EVICT_LATER_SHARE = 1 / 3;

/** A load that nobody waits for. */
export interface FillLoad {
  readonly model: ModelKey;
  readonly to: InstanceId;
  readonly reason: FillReason;
  readonly units: SizeUnits;
  /** The last use to load it with: the instance takes nothing in that is older than what it would evict. */
  readonly lastUsedMs: EpochMs;
  /** Expected cold time saved. */
  readonly worthMs: number;
  readonly worthPerUnit: number;
  /** Beyond the room that is filled: something that is worth less has to go for it, now or for the next call. */
  readonly evicts: boolean;
  readonly because: string;
}

/** Why a candidate was not planned. */
export type NotPlanned = 'no-room' | 'not-worth-evicting' | 'budget' | 'no-instance';

/** What is to be loaded, most worth per unit first. */
export interface FillPlan {
  readonly loads: readonly FillLoad[];
  readonly freeUnits: SizeUnits;
  readonly evictUnits: SizeUnits;
  readonly worthMs: number;
  readonly notPlanned: Readonly<Record<NotPlanned, number>>;
}

/** What the plan looks at. */
export interface PlanView {
  readonly nodes: readonly FillNode[];
  readonly nowMs: EpochMs;
  readonly typical: SizeUnits;
  readonly typicalLoadMs: DurationMs;
  /** What fresh instances still want. */
  readonly wanted: ReadonlyMap<InstanceId, SizeUnits>;
  mayHold(type: string, instance: InstanceId): boolean;
}

/** An instance while a plan is made. */
interface Place {
  readonly node: FillNode;
  room: number;
  loads: number;
  wanted: number;
  /** Age of what it would evict first; what is planned is younger, so it does not change much within a plan. */
  readonly oldestAgeMs: DurationMs;
  readonly victimPerUnit: number;
}

/** Makes a plan within a budget. `ranked`: best first. */
export function makePlan(ranked: readonly Ranked[], view: PlanView, budget: FillBudget): FillPlan {
  const places = new Places(view);
  const notPlanned: Record<NotPlanned, number> = { 'no-room': 0, 'not-worth-evicting': 0, budget: 0, 'no-instance': 0 };
  const loads: FillLoad[] = [];
  const spent = { free: 0, evict: 0 };
  const planned = new Set<ModelKey>();
  for (const one of ranked) {
    const { candidate } = one;
    // A model may be proposed for two reasons: the better one has been planned.
    if (planned.has(candidate.model)) continue;
    const left = { free: budget.freeUnits - spent.free, evict: budget.evictUnits - spent.evict };
    const found = loads.length >= budget.loads ? 'budget' : findPlace(one, places.allowedFor(candidate.type), left);
    if (typeof found === 'string') {
      notPlanned[found] += 1;
      continue;
    }
    const { place, evicts } = found;
    planned.add(candidate.model);
    place.room -= evicts ? 0 : candidate.units;
    place.loads -= 1;
    place.wanted -= candidate.units;
    spent[evicts ? 'evict' : 'free'] += candidate.units;
    loads.push(loadOf(one, place, evicts, view));
  }
  const worthMs = loads.reduce((sum, load) => sum + load.worthMs, 0);
  return { loads, freeUnits: sizeUnits(spent.free), evictUnits: sizeUnits(spent.evict), worthMs, notPlanned };
}

function placeOf(node: FillNode, view: PlanView): Place {
  const oldestAgeMs = durationMs(node.oldestUseMs === null ? 0 : Math.max(0, view.nowMs - node.oldestUseMs));
  const units = node.modelCount > 0 ? node.usedUnits / node.modelCount : view.typical;
  return {
    node,
    room: roomToFill(node, view.typical),
    loads: LOADS_PER_THREAD_MAX * node.loadingThreads - node.loadsInProgress,
    wanted: view.wanted.get(node.id) ?? 0,
    oldestAgeMs,
    victimPerUnit: victimWorthPerUnit(oldestAgeMs, view.typicalLoadMs, units),
  };
}

/** The places of a plan, by the types that they may hold. */
class Places {
  readonly #view: PlanView;
  readonly #all: readonly Place[];
  readonly #byType = new Map<string, readonly Place[]>();

  constructor(view: PlanView) {
    this.#view = view;
    this.#all = view.nodes.map((node) => placeOf(node, view));
  }

  allowedFor(type: string): readonly Place[] {
    const known = this.#byType.get(type);
    if (known !== undefined) return known;
    const allowed = this.#all.filter(({ node }) => this.#view.mayHold(type, node.id));
    this.#byType.set(type, allowed);
    return allowed;
  }
}

interface Found {
  readonly place: Place;
  readonly evicts: boolean;
}

function findPlace(
  { candidate, perUnit }: Ranked,
  places: readonly Place[],
  left: { readonly free: number; readonly evict: number },
): Found | NotPlanned {
  const { units, exclude, reason } = candidate;
  let free: Place | undefined;
  let evicting: Place | undefined;
  let suitable = 0;
  for (const place of places) {
    if (place.loads <= 0 || exclude.includes(place.node.id)) continue;
    // What is spread goes to those for which it is spread, until they have what they want.
    if (reason === 'spread' && place.wanted <= 0) continue;
    suitable += 1;
    if (place.room >= units) free = free === undefined || isWantedMore(place, free) ? place : free;
    else if (place.node.full)
      evicting = evicting === undefined || place.victimPerUnit < evicting.victimPerUnit ? place : evicting;
  }
  if (suitable === 0) return 'no-instance';
  if (free !== undefined) return units <= left.free ? { place: free, evicts: false } : 'budget';
  if (evicting === undefined || reason !== 'first-copy') return 'no-room';
  if (!mayEvict(candidate, perUnit, evicting)) return 'not-worth-evicting';
  return units <= left.evict ? { place: evicting, evicts: true } : 'budget';
}

/** The fresh first, as long as they want anything; then the one with the greatest part of itself free. */
function isWantedMore(a: Place, b: Place): boolean {
  const wanted = Math.max(0, a.wanted) - Math.max(0, b.wanted);
  if (wanted !== 0) return wanted > 0;
  return a.room * b.node.capacityUnits > b.room * a.node.capacityUnits;
}

/** What goes must be worth notably less, and must have been used notably earlier. The candidate stays until it is the oldest itself. */
function mayEvict(candidate: FillCandidate, perUnit: number, { oldestAgeMs, victimPerUnit }: Place): boolean {
  const laterMs = Math.max(oldestAgeMs * EVICT_LATER_SHARE, EVICT_LATER_MIN_MS);
  if (candidate.idleMs >= oldestAgeMs - laterMs) return false;
  const staysMs = durationMs(oldestAgeMs - candidate.idleMs);
  const there = coldMsSaved(candidate, candidate.loadMs, staysMs, 1) / Math.max(1, candidate.units);
  return Math.min(there, perUnit) >= EVICT_MARGIN * victimPerUnit;
}

function loadOf({ candidate, perUnit }: Ranked, place: Place, evicts: boolean, view: PlanView): FillLoad {
  const { model, reason, units, idleMs } = candidate;
  const worthMs = perUnit * units;
  const where = evicts
    ? `where what goes was unused for ${seconds(place.oldestAgeMs)}`
    : view.wanted.has(place.node.id)
      ? 'into an instance that has less than its share'
      : 'into free room';
  return {
    model,
    to: place.node.id,
    reason,
    units,
    lastUsedMs: (view.nowMs - idleMs) as EpochMs,
    worthMs,
    worthPerUnit: perUnit,
    evicts,
    because: `${reason}, counted as last used ${seconds(idleMs)} ago, is expected to save ${coldTime(worthMs)} of loading in ${seconds(HORIZON_MS)}, ${where}`,
  };
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
const coldTime = (ms: number): string =>
  ms < 1000 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms / 1000).toPrecision(3))} s`;

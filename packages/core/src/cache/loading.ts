/** From the queue into service: start loads as concurrency and space allow, and follow each to its end. */

import { type Bytes, bytesForUnits, durationMs, type SizeUnits, sizeUnits } from '../units.ts';
import { watchIdle } from './arriving.ts';
import { book, hasRoom, refuse } from './booking.ts';
import type { Entry } from './entry.ts';
import { depart, failLoad } from './leaving.ts';
import {
  arm,
  become,
  decide,
  disarm,
  emit,
  type Machine,
  measure,
  rank,
  serves,
  sinceMs,
  touch,
  unrank,
  wake,
} from './machine.ts';
import { evictInPlaceOf, shedExcess } from './victims.ts';

/**
 * Starts every load that can start, in the order of the queue. While all places are taken, as many more are booked if they push something
 * out, so that the unloads go on beside the loads. Booked ones wait for space in their order; a later one passes in front only while the
 * first has not waited longer than `spaceBypassMaxMs`, so that a large model is not starved by small ones.
 */
export function startLoads(m: Machine): void {
  const concurrency = m.runtime?.loadingConcurrency ?? 0;
  if (m.phase !== 'ready' || !startWaiting(m, concurrency)) return;
  while (m.waiting.size < concurrency) {
    const next = m.queue.peek();
    if (next === undefined) return;
    const isPlaceFree = m.counts.loading < concurrency;
    if (!isPlaceFree && hasRoom(m, next)) return;
    if (book(m, next)) {
      if (isPlaceFree && mayStart(m, next)) start(m, next);
      else waitForSpace(m, next);
    } else if (m.heldBack === next) return;
  }
}

/** False when nothing that waits behind may start either. */
function startWaiting(m: Machine, concurrency: number): boolean {
  for (const entry of m.waiting) {
    if (m.counts.loading >= concurrency) return false;
    if (mayStart(m, entry)) start(m, entry);
    else if (entry.state.kind === 'waiting-for-space' && sinceMs(m, entry.state.sinceMs) > m.config.spaceBypassMaxMs)
      return false;
  }
  return true;
}

/** A model whose load the runtime may have died of loads alone, so that another death has one suspect. */
function mayStart(m: Machine, entry: Entry): boolean {
  if (m.suspectLoading !== null || (entry.crashes > 0 && m.counts.loading > 0)) return false;
  return m.buffer.fits(entry.units) && !m.slots.exhausted;
}

function waitForSpace(m: Machine, entry: Entry): void {
  if (entry.state.kind !== 'queued') return;
  measureQueueDelay(m, entry);
  m.waiting.add(entry);
  become(m, entry, { kind: 'waiting-for-space', sinceMs: m.now.monotonicMs });
  arm(m, entry, 'drain-patience', durationMs(Math.min(m.config.drainPatienceMs, m.config.spaceWaitMs)));
}

function measureQueueDelay(m: Machine, entry: Entry): void {
  if (entry.state.kind === 'queued')
    measure(m, entry.model, { name: 'loading-queue-delay', durationMs: sinceMs(m, entry.state.sinceMs) });
}

function start(m: Machine, entry: Entry): void {
  const slot = m.slots.take();
  if (slot === null) return;
  measureQueueDelay(m, entry);
  m.waiting.delete(entry);
  disarm(m, entry);
  m.buffer.claim(entry.units);
  if (entry.crashes > 0) m.suspectLoading = entry;
  become(m, entry, { kind: 'loading', slot, sinceMs: m.now.monotonicMs, startedMs: null });
  emit(m, { kind: 'start-load', model: entry.model, copy: entry.copy, slot, units: entry.units });
}

/**
 * No space came free for a while: what was to make room may serve calls for as long as they last. Once, what a call waits for pushes out
 * others in the place of copies that still drain.
 */
export function drainsTooLong(m: Machine, entry: Entry): void {
  if (entry.state.kind !== 'waiting-for-space') return;
  if (entry.awaited) evictInPlaceOf(m, entry, m.buffer.lackFor(entry.units) - unitsReturning(m));
  arm(m, entry, 'space', durationMs(Math.max(0, m.config.spaceWaitMs - sinceMs(m, entry.state.sinceMs))));
}

/** Memory that comes back whatever calls do. */
function unitsReturning(m: Machine): number {
  let units = 0;
  for (const leaving of m.leaving.values())
    if (leaving.state.kind === 'unloading' || leaving.state.kind === 'settling') units += leaving.units;
  return units;
}

/** No space came free in time: given up without a failure (spec §4.3). */
export function spaceTimeout(m: Machine, entry: Entry): void {
  if (entry.state.kind === 'waiting-for-space') depart(m, entry, 'evicted', { kind: 'no-space', waitedMs: m.config.spaceWaitMs });
}

/** The runtime really began: only now the load timeout runs (spec §4.4.4). */
export function loadStarted(m: Machine, entry: Entry): void {
  if (entry.state.kind !== 'loading' || entry.state.startedMs !== null || m.runtime === null) return;
  become(m, entry, { ...entry.state, startedMs: m.now.monotonicMs });
  arm(m, entry, 'load-timeout', m.runtime.loadTimeoutMs);
}

/** The runtime took too long: the load is called off and remembered as a failure. */
export function loadTimeout(m: Machine, entry: Entry): void {
  failLoad(m, entry, 'load-timeout', `load timed out after ${m.runtime?.loadTimeoutMs ?? 0} ms`);
}

/** Loaded: book what it really took, then serve as soon as the registry has confirmed the claim. */
export function loadSucceeded(m: Machine, entry: Entry, measured: Bytes | null): void {
  const { state } = entry;
  if (state.kind !== 'loading') return;
  const loadMs = sinceMs(m, state.startedMs ?? state.sinceMs);
  measure(m, entry.model, { name: 'load-time', durationMs: loadMs });
  disarm(m, entry);
  if (m.suspectLoading === entry) m.suspectLoading = null;
  entry.crashes = 0;
  become(m, entry, { kind: 'claiming', slot: state.slot, sinceMs: m.now.monotonicMs, sized: measured !== null });
  m.policy.loaded({ model: entry.model, units: entry.units, loadMs, effectiveUnits: m.buffer.effectiveUnits }, m.now.wallMs);
  rank(m, entry);
  if (measured === null) emit(m, { kind: 'size-model', model: entry.model, copy: entry.copy });
  else bookLoadedSize(m, entry, measured);
  if (entry.claimed) serve(m, entry);
}

/** The registry names this copy. */
export function claimed(m: Machine, entry: Entry): void {
  if (!entry.claimOpen) return;
  entry.claimed = true;
  serve(m, entry);
}

function serve(m: Machine, entry: Entry): void {
  if (entry.state.kind !== 'claiming') return;
  const { slot, sized, sinceMs: loadedMs } = entry.state;
  become(m, entry, sized ? { kind: 'active', slot, sinceMs: m.now.monotonicMs } : { kind: 'sizing', slot, sinceMs: loadedMs });
  if (entry.awaited) touch(m, entry, m.now.wallMs);
  rank(m, entry);
  emit(m, { kind: 'serving', model: entry.model, copy: entry.copy, slot });
  wake(m, entry, { kind: 'serving', slot });
  if (entry.awaited) arm(m, entry, 'first-use', m.config.firstUseMs);
  else watchIdle(m, entry);
}

/** The true size is known, or could not be had and the prediction stays. */
export function sized(m: Machine, entry: Entry, measured: Bytes | null): void {
  const { state } = entry;
  if (state.kind !== 'sizing' && (state.kind !== 'claiming' || state.sized)) return;
  measure(m, entry.model, { name: 'sizing-time', durationMs: sinceMs(m, state.sinceMs) });
  if (state.kind === 'claiming') become(m, entry, { ...state, sized: true });
  else become(m, entry, { kind: 'active', slot: state.slot, sinceMs: m.now.monotonicMs });
  if (measured !== null) bookLoadedSize(m, entry, measured);
}

function bookLoadedSize(m: Machine, entry: Entry, measured: Bytes): void {
  const units = m.ledger.loaded(entry.model, measured);
  measure(m, entry.model, { name: 'loaded-size', size: bytesForUnits(units) });
  rebook(m, entry, units);
}

/** A serving copy was measured: its high water is booked from now on. */
export function usageMeasured(m: Machine, entry: Entry, current: Bytes, peak: Bytes): void {
  if (serves(entry.state) || entry.state.kind === 'claiming') rebook(m, entry, m.ledger.observed(entry.model, current, peak));
}

/**
 * Changes the booking of a loaded copy, and evicts in the same step what no longer fits. The copy itself goes only when it could never
 * fit, or when everything else is pinned and it is not.
 */
function rebook(m: Machine, entry: Entry, units: SizeUnits): void {
  const delta = units - entry.units;
  if (delta === 0) return;
  unrank(m, entry);
  m.buffer.resize(delta);
  entry.units = units;
  if (units > m.buffer.effectiveUnits) {
    refuse(m, entry, { kind: 'too-large', neededUnits: units, effectiveUnits: m.buffer.effectiveUnits });
  } else {
    const excess = m.buffer.excessAfter(0, 0);
    const onlyPinnedLeft = !entry.policy.pinned && sizeUnits(m.pinnedUnits) + units > m.buffer.effectiveUnits;
    if (excess > 0 && onlyPinnedLeft) depart(m, entry, 'evicted', { kind: 'evicted' });
    else shedExcess(m, entry, 'larger-than-booked');
  }
  if (m.entries.get(entry.model) === entry) rank(m, entry);
  noteOverdraft(m, entry);
}

function noteOverdraft(m: Machine, entry: Entry): void {
  const overdraft = m.buffer.bookedUnits - m.buffer.capacityUnits;
  if (overdraft <= 0) return;
  decide(m, {
    kind: 'overdraft',
    model: entry.model,
    overdraftUnits: sizeUnits(overdraft),
    pinnedUnits: sizeUnits(m.pinnedUnits),
  });
}

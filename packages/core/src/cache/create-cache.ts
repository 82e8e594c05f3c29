/** Puts the machine together: each event to its verb, then whatever has become possible. */

import { assertNever } from '../assert.ts';
import { type Bytes, type ModelKey, sizeUnits } from '../units.ts';
import {
  claimLost,
  failBehindLostUnload,
  failureTimer,
  firstUseOver,
  forgetFailure,
  loadsQueued,
  predicted,
  refuse,
  request,
  setPolicy,
  takeIn,
  takeInHeld,
  waitersGone,
  watchIdle,
} from './arriving.ts';
import type { Cache, CacheInstant, CacheSummary, LastUsedOf } from './cache.ts';
import { type CacheConfig, checkCacheConfig } from './config.ts';
import type { CopyView } from './copy-state.ts';
import type { CacheDecision } from './decision.ts';
import type { CacheEffect } from './effect.ts';
import type { Entry, Leaving } from './entry.ts';
import type { CacheEvent } from './event.ts';
import { depart, failLoad, graceIsOver, inFlightZero, startUnload, unloadFailed, unloadSucceeded } from './leaving.ts';
import { claimed, loadStarted, loadSucceeded, loadTimeout, sized, spaceTimeout, startLoads, usageMeasured } from './loading.ts';
import { createMachine, lastUsedMs, type Machine, touch } from './machine.ts';
import {
  endRuntimeWhenDrained,
  recycle,
  recycleWhenTooMuchIsLost,
  runtimeLost,
  runtimeMeasured,
  runtimeReady,
} from './runtime-phase.ts';
import { oldestUseMs, shedExcess } from './victims.ts';

/**
 * A cache without a runtime yet. `lastUsedOf` reads the data plane's counters.
 *
 * @throws {Bug} if a limit of `config` is not positive.
 */
export function createCache(config: CacheConfig, lastUsedOf: LastUsedOf): Cache {
  return new MachineCache(createMachine(checkCacheConfig(config), lastUsedOf));
}

class MachineCache implements Cache {
  readonly #m: Machine;

  constructor(machine: Machine) {
    this.#m = machine;
  }

  step(event: CacheEvent, now: CacheInstant): readonly CacheEffect[] {
    const m = this.#m;
    const effects: CacheEffect[] = [];
    m.effects = effects;
    m.now = now;
    apply(m, event);
    settle(m);
    return effects;
  }

  copy(model: ModelKey): CopyView | null {
    const entry = this.#m.entries.get(model);
    if (entry !== undefined) return liveView(this.#m, entry);
    const leaving = this.#m.leaving.get(model);
    return leaving === undefined ? null : leavingView(leaving);
  }

  *copies(): IterableIterator<CopyView> {
    for (const entry of this.#m.entries.values()) yield liveView(this.#m, entry);
    for (const leaving of this.#m.leaving.values()) yield leavingView(leaving);
  }

  summary(): CacheSummary {
    const m = this.#m;
    return {
      phase: m.phase,
      capacityUnits: m.buffer.capacityUnits,
      effectiveUnits: m.buffer.effectiveUnits,
      usedUnits: m.buffer.occupiedUnits,
      bookedUnits: m.buffer.bookedUnits,
      overdraftUnits: m.buffer.deficitUnits,
      lostUnits: m.buffer.lostUnits,
      pinnedUnits: sizeUnits(m.pinnedUnits),
      copies: m.entries.size,
      leaving: m.leaving.size,
      loadsQueued: loadsQueued(m),
      loadsRunning: m.counts.loading,
      oldestUseMs: oldestUseMs(m),
    };
  }

  decisions(): readonly CacheDecision[] {
    return this.#m.decisions.list();
  }

  rememberedSize(model: ModelKey): Bytes | null {
    return this.#m.ledger.rememberedBytes(model);
  }
}

const liveView = (m: Machine, entry: Entry): CopyView => ({
  model: entry.model,
  copy: entry.copy,
  state: entry.state,
  units: entry.units,
  lastUsedMs: lastUsedMs(m, entry),
  pinned: entry.policy.pinned,
  awaited: entry.awaited,
});

const leavingView = ({ model, copy, state, units, lastUsedMs: usedMs }: Leaving): CopyView => ({
  model,
  copy,
  state,
  units,
  lastUsedMs: usedMs,
  pinned: false,
  awaited: false,
});

/** What one event made possible may make the next thing possible; each of these is asked once, in this order. */
function settle(m: Machine): void {
  if (m.capacityShrank) {
    m.capacityShrank = false;
    shedExcess(m, null, 'capacity-shrank');
    recycleWhenTooMuchIsLost(m);
  }
  const unblocked = m.unblocked;
  if (unblocked.length > 0) {
    m.unblocked = [];
    for (const { entry, lost } of unblocked) {
      if (m.entries.get(entry.model) !== entry) continue;
      if (lost) failBehindLostUnload(m, entry);
      else takeIn(m, entry);
    }
  }
  takeInHeld(m);
  startLoads(m);
  endRuntimeWhenDrained(m);
}

type EventAbout<Kind extends CacheEvent['kind']> = Extract<CacheEvent, { readonly kind: Kind }>;

function apply(m: Machine, event: CacheEvent): void {
  switch (event.kind) {
    case 'request':
      return request(m, event);
    case 'waiters-gone':
    case 'used':
    case 'policy':
    case 'remove':
    case 'artifact-changed':
      return applyToModel(m, event);
    case 'predicted':
    case 'claimed':
    case 'claim-lost':
    case 'load-started':
    case 'load-succeeded':
    case 'load-failed':
    case 'sized':
    case 'measured':
      return applyToCopy(m, event);
    case 'unload-succeeded':
    case 'unload-failed':
      return applyToLeaving(m, event);
    case 'in-flight-zero':
      return inFlightZero(m, event.slot);
    case 'timer':
      return applyTimer(m, event.timer);
    case 'runtime-ready':
      return runtimeReady(m, event);
    case 'runtime-lost':
      return runtimeLost(m);
    case 'runtime-measured':
      return runtimeMeasured(m, event.total, event.empty);
    case 'recycle':
      return recycle(m, event.reason);
    case 'stop':
      return stop(m);
    default:
      return assertNever(event);
  }
}

function applyToModel(m: Machine, event: EventAbout<'waiters-gone' | 'used' | 'policy' | 'remove' | 'artifact-changed'>): void {
  if (event.kind === 'artifact-changed') m.ledger.forget(event.model);
  const entry = m.entries.get(event.model);
  if (entry === undefined) return;
  switch (event.kind) {
    case 'waiters-gone':
      return waitersGone(m, entry);
    case 'used':
      return touch(m, entry, event.atMs);
    case 'policy':
      return setPolicy(m, entry, event.policy);
    case 'artifact-changed':
      return forgetFailure(m, entry);
    case 'remove':
      if (entry.state.kind === 'failed') return forgetFailure(m, entry);
      return depart(m, entry, 'removed', { kind: 'removed' });
    default:
      return assertNever(event);
  }
}

type CopyEvent = EventAbout<
  'predicted' | 'claimed' | 'claim-lost' | 'load-started' | 'load-succeeded' | 'load-failed' | 'sized' | 'measured'
>;

function applyToCopy(m: Machine, event: CopyEvent): void {
  const entry = m.entries.get(event.model);
  if (entry === undefined || entry.copy !== event.copy) return endSettling(m, event);
  switch (event.kind) {
    case 'predicted':
      return predicted(m, entry, event.predicted);
    case 'claimed':
      return claimed(m, entry);
    case 'claim-lost':
      return claimLost(m, entry, event.message);
    case 'load-started':
      return loadStarted(m, entry);
    case 'load-succeeded':
      return entry.state.kind === 'loading' ? loadSucceeded(m, entry, event.measured) : endSettling(m, event);
    case 'load-failed':
      return entry.state.kind === 'loading' ? failLoad(m, entry, 'load-failed', event.message) : endSettling(m, event);
    case 'sized':
      return sized(m, entry, event.measured);
    case 'measured':
      return usageMeasured(m, entry, event.current, event.peak);
    default:
      return assertNever(event);
  }
}

/** The load that was called off has ended: the unload that must follow it need not wait any longer. */
function endSettling(m: Machine, event: CopyEvent): void {
  if (event.kind !== 'load-succeeded' && event.kind !== 'load-failed') return;
  const leaving = m.leaving.get(event.model);
  if (m.phase === 'ready' && leaving?.copy === event.copy && leaving.state.kind === 'settling') startUnload(m, leaving);
}

function applyToLeaving(m: Machine, event: EventAbout<'unload-succeeded' | 'unload-failed'>): void {
  const leaving = m.leaving.get(event.model);
  if (leaving === undefined || leaving.copy !== event.copy) return;
  if (event.kind === 'unload-succeeded') unloadSucceeded(m, leaving);
  else unloadFailed(m, leaving);
}

function applyTimer(m: Machine, timer: number): void {
  const armed = m.timers.get(timer);
  if (armed === undefined) return;
  m.timers.delete(timer);
  const leaving = m.leaving.get(armed.model);
  if (leaving?.timer === timer) {
    leaving.timer = null;
    if (armed.purpose === 'drain-grace') graceIsOver(m, leaving);
    else startUnload(m, leaving);
    return;
  }
  const entry = m.entries.get(armed.model);
  if (entry?.timer !== timer) return;
  entry.timer = null;
  switch (armed.purpose) {
    case 'predict':
      return predicted(m, entry, null);
    case 'first-use':
      return firstUseOver(m, entry);
    case 'space':
      return spaceTimeout(m, entry);
    case 'load-timeout':
      return loadTimeout(m, entry);
    case 'idle':
      return watchIdle(m, entry);
    case 'failure-expiry':
      return failureTimer(m, entry);
    case 'drain-grace':
    case 'unload-delay':
    case 'unload-retry':
      return;
    default:
      return assertNever(armed.purpose);
  }
}

/** No new loads; what has not begun to load is given up, what serves goes on serving. */
function stop(m: Machine): void {
  if (m.stopping) return;
  m.stopping = true;
  for (const entry of [...m.entries.values()]) {
    const { kind } = entry.state;
    if (kind === 'predicting' || kind === 'queued' || kind === 'waiting-for-space') refuse(m, entry, { kind: 'stopping' });
  }
}

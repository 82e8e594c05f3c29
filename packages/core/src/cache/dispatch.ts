/** Each event to its verb, then whatever has become possible. */

import { assertNever } from '../assert.ts';
import {
  claimLost,
  described,
  failBehindLostUnload,
  failureTimer,
  firstUseOver,
  forgetFailure,
  predicted,
  request,
  takeIn,
  waitersGone,
  watchIdle,
} from './arriving.ts';
import { refuse } from './booking.ts';
import type { CacheEvent } from './event.ts';
import { depart, failLoad, graceIsOver, inFlightZero, startUnload, unloadFailed, unloadSucceeded } from './leaving.ts';
import {
  claimed,
  drainsTooLong,
  loadStarted,
  loadSucceeded,
  loadTimeout,
  sized,
  spaceTimeout,
  startLoads,
  usageMeasured,
} from './loading.ts';
import { type Machine, touch } from './machine.ts';
import {
  endRuntimeWhenDrained,
  recycle,
  recycleWhenTooMuchIsLost,
  runtimeLost,
  runtimeMeasured,
  runtimeReady,
} from './runtime-phase.ts';
import { shedExcess } from './victims.ts';

/** What one event made possible may make the next thing possible; each of these is asked once, in this order. */
export function settle(m: Machine): void {
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
  startLoads(m);
  endRuntimeWhenDrained(m);
}

type EventAbout<Kind extends CacheEvent['kind']> = Extract<CacheEvent, { readonly kind: Kind }>;

/** Gives the event to its verb. */
export function apply(m: Machine, event: CacheEvent): void {
  switch (event.kind) {
    case 'request':
      request(m, event);
      return;
    case 'waiters-gone':
    case 'used':
    case 'described':
    case 'remove':
    case 'artifact-changed':
      applyToModel(m, event);
      return;
    case 'predicted':
    case 'claimed':
    case 'claim-lost':
    case 'load-started':
    case 'load-succeeded':
    case 'load-failed':
    case 'sized':
    case 'measured':
      applyToCopy(m, event);
      return;
    case 'unload-succeeded':
    case 'unload-failed':
      applyToLeaving(m, event);
      return;
    case 'in-flight-zero':
      inFlightZero(m, event.slot);
      return;
    case 'timer':
      applyTimer(m, event.timer);
      return;
    case 'runtime-ready':
      runtimeReady(m, event);
      return;
    case 'runtime-lost':
      runtimeLost(m);
      return;
    case 'runtime-measured':
      runtimeMeasured(m, event.total, event.empty);
      return;
    case 'recycle':
      recycle(m, event.reason);
      return;
    case 'stop':
      stop(m);
      return;
    default:
      assertNever(event);
  }
}

function applyToModel(
  m: Machine,
  event: EventAbout<'waiters-gone' | 'used' | 'described' | 'remove' | 'artifact-changed'>,
): void {
  if (event.kind === 'artifact-changed') m.ledger.forget(event.model);
  const entry = m.entries.get(event.model);
  if (entry === undefined) return;
  switch (event.kind) {
    case 'waiters-gone':
      waitersGone(m, entry);
      return;
    case 'used':
      touch(m, entry, event.atMs);
      return;
    case 'described':
      described(m, entry, event.artifact, event.policy);
      return;
    case 'artifact-changed':
      forgetFailure(m, entry);
      return;
    case 'remove':
      if (entry.state.kind === 'failed') {
        forgetFailure(m, entry);
        return;
      }
      depart(m, entry, 'removed', { kind: 'removed' });
      return;
    default:
      assertNever(event);
  }
}

type CopyEvent = EventAbout<
  'predicted' | 'claimed' | 'claim-lost' | 'load-started' | 'load-succeeded' | 'load-failed' | 'sized' | 'measured'
>;

function applyToCopy(m: Machine, event: CopyEvent): void {
  const entry = m.entries.get(event.model);
  if (entry === undefined || entry.copy !== event.copy) {
    endSettling(m, event);
    return;
  }
  switch (event.kind) {
    case 'predicted':
      predicted(m, entry, event.predicted);
      return;
    case 'claimed':
      claimed(m, entry);
      return;
    case 'claim-lost':
      claimLost(m, entry, event.message);
      return;
    case 'load-started':
      loadStarted(m, entry);
      return;
    case 'load-succeeded':
      if (entry.state.kind === 'loading') loadSucceeded(m, entry, event.measured);
      else endSettling(m, event);
      return;
    case 'load-failed':
      if (entry.state.kind === 'loading') failLoad(m, entry, 'load-failed', event.message);
      else endSettling(m, event);
      return;
    case 'sized':
      sized(m, entry, event.measured);
      return;
    case 'measured':
      usageMeasured(m, entry, event.current, event.peak);
      return;
    default:
      assertNever(event);
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
      predicted(m, entry, null);
      return;
    case 'first-use':
      firstUseOver(m, entry);
      return;
    case 'drain-patience':
      drainsTooLong(m, entry);
      return;
    case 'space':
      spaceTimeout(m, entry);
      return;
    case 'load-timeout':
      loadTimeout(m, entry);
      return;
    case 'idle':
      watchIdle(m, entry);
      return;
    case 'failure-expiry':
      failureTimer(m, entry);
      return;
    case 'drain-grace':
    case 'unload-delay':
    case 'unload-retry':
      return;
    default:
      assertNever(armed.purpose);
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

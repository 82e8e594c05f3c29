/** The way in: somebody wants a model; find its size, claim it, and put it into the load queue. */

import { type Bytes, type DurationMs, durationMs, type EpochMs, epochMs, type SizeUnits } from '../units.ts';
import { enqueue } from './booking.ts';
import { FAILED_UNITS } from './config.ts';
import { Entry } from './entry.ts';
import type { CopyPolicy, RequestEvent } from './event.ts';
import { failureExpired } from './failure.ts';
import { depart, rememberFailure, withdrawClaim } from './leaving.ts';
import {
  addEntry,
  arm,
  become,
  decide,
  disarm,
  emit,
  issueCopy,
  lastUsedMs,
  type Machine,
  rank,
  touch,
  unrank,
  wake,
} from './machine.ts';
import { type CacheRefusal, refusalText, type WakeOutcome } from './outcome.ts';

/** The last use of a copy that only shadows want: before that of any other. */
const NEVER_USED_MS = epochMs(1);

/** Joins the copy that there is, or starts one. */
export function request(m: Machine, event: RequestEvent): void {
  const usedMs = usedMsOf(m, event);
  const entry = m.entries.get(event.model);
  if (entry !== undefined && entry.artifact === event.artifact) {
    join(m, entry, event, usedMs);
    return;
  }
  // Whoever waits is told that the copy went, this request among them, and asks again.
  const isTold = entry?.waited === true;
  if (entry !== undefined) replaced(m, entry);
  if (!isTold) arrive(m, event, usedMs);
}

function usedMsOf(m: Machine, { urgency, lastUsedMs, onlyFreeRoom }: RequestEvent): EpochMs {
  if (onlyFreeRoom === true) return NEVER_USED_MS;
  return urgency === 'call' || lastUsedMs === 0 ? m.now.wallMs : clampToNow(m, lastUsedMs);
}

/** The model's record as it is now: a copy of another artifact under the same key leaves, any other hears its owner's wishes. */
export function described(m: Machine, entry: Entry, artifact: string, policy: CopyPolicy): void {
  if (entry.artifact === artifact) setPolicy(m, entry, policy);
  else replaced(m, entry);
}

/** Nothing that was learned of what stood behind the key before holds any longer. Whoever waits for it asks again. */
function replaced(m: Machine, entry: Entry): void {
  m.ledger.forget(entry.model);
  if (entry.state.kind === 'failed') forgetFailure(m, entry);
  else depart(m, entry, 'removed', { kind: 'removed' });
}

const clampToNow = (m: Machine, atMs: EpochMs): EpochMs => epochMs(Math.min(atMs, m.now.wallMs));

function arrive(m: Machine, event: RequestEvent, usedMs: EpochMs): void {
  const refusal = refusesAll(m);
  if (refusal !== null) {
    decide(m, { kind: 'refuse', model: event.model, refusal, because: refusalText(refusal) });
    emit(m, { kind: 'wake-waiters', model: event.model, outcome: { kind: 'refused', refusal } });
    return;
  }
  const state = { kind: 'queued', sinceMs: m.now.monotonicMs } as const;
  const entry = new Entry(event, issueCopy(m), state, usedMs, usedMs === m.now.wallMs);
  addEntry(m, entry);
  takeIn(m, entry);
}

function refusesAll(m: Machine): CacheRefusal | null {
  if (m.stopping) return { kind: 'stopping' };
  const queued = loadsQueued(m);
  return queued >= m.config.loadQueueMax ? { kind: 'queue-full', loadQueueMax: m.config.loadQueueMax } : null;
}

/** Models that are wanted and whose load has not begun. */
export const loadsQueued = (m: Machine): number => m.counts.predicting + m.counts.queued + m.counts['waiting-for-space'];

function join(m: Machine, entry: Entry, event: RequestEvent, usedMs: EpochMs): void {
  touch(m, entry, usedMs);
  entry.waited = true;
  if (event.onlyFreeRoom !== true) entry.onlyFreeRoom = false;
  setPolicy(m, entry, event.policy);
  const { state } = entry;
  switch (state.kind) {
    case 'sizing':
    case 'active':
      wake(m, entry, { kind: 'serving', slot: state.slot });
      return;
    case 'failed':
      answerFailed(m, entry, event, usedMs, state.outcome, state.failedAtMs);
      return;
    default:
      if (event.urgency === 'call') hasten(m, entry);
  }
}

function answerFailed(
  m: Machine,
  entry: Entry,
  event: RequestEvent,
  usedMs: EpochMs,
  outcome: WakeOutcome,
  failedAtMs: EpochMs,
): void {
  if (!failureExpired(failedAtMs, usedMs, m.now.wallMs, m.config.failureExpiryMs)) {
    wake(m, entry, outcome);
    return;
  }
  entry.waited = false;
  forgetFailure(m, entry);
  arrive(m, event, usedMs);
}

/** The failure no longer counts: the next request tries again. */
export function forgetFailure(m: Machine, entry: Entry): void {
  if (entry.state.kind !== 'failed') return;
  emit(m, { kind: 'clear-failure', model: entry.model });
  depart(m, entry, 'removed', { kind: 'removed' });
}

/** Half of the expiry passed: forget the failure of a model in use, give the other the whole time. */
export function failureTimer(m: Machine, entry: Entry): void {
  if (entry.state.kind !== 'failed') return;
  const ageMs = m.now.wallMs - entry.state.failedAtMs;
  // A clock that was set back meanwhile does not make it last longer.
  if (ageMs < 0 || failureExpired(entry.state.failedAtMs, lastUsedMs(m, entry), m.now.wallMs, m.config.failureExpiryMs))
    forgetFailure(m, entry);
  else arm(m, entry, 'failure-expiry', durationMs(Math.max(1, m.config.failureExpiryMs - ageMs)));
}

/** A call waits for a copy that is on its way: it goes in front of loads for later, and is spared as long as anything else can go. */
function hasten(m: Machine, entry: Entry): void {
  if (entry.awaited) return;
  entry.calledMs = m.now.monotonicMs;
  setAwaited(m, entry, true);
}

/** Nobody waits any more: an ordinary victim again, and a load that has not had its turn lets others pass. One that started goes on. */
export function waitersGone(m: Machine, entry: Entry): void {
  entry.waited = false;
  if (entry.awaited) setAwaited(m, entry, false);
}

function setAwaited(m: Machine, entry: Entry, awaited: boolean): void {
  const waitsForTurn = m.queue.has(entry);
  if (waitsForTurn) m.queue.remove(entry);
  entry.awaited = awaited;
  if (waitsForTurn) m.queue.push(entry);
  rank(m, entry);
}

/** A pin or an idle time that changed takes effect at once. */
function setPolicy(m: Machine, entry: Entry, policy: CopyPolicy): void {
  const before = entry.policy;
  if (before.pinned === policy.pinned && before.idleAfterMs === policy.idleAfterMs) return;
  unrank(m, entry);
  entry.policy = policy;
  rank(m, entry);
  if (entry.state.kind !== 'sizing' && entry.state.kind !== 'active') return;
  if (entry.awaited) return; // `firstUseOver` will look at it.
  disarm(m, entry);
  watchIdle(m, entry);
}

/** The calls that waited have had their time: an ordinary victim from now on. */
export function firstUseOver(m: Machine, entry: Entry): void {
  entry.awaited = false;
  rank(m, entry);
  watchIdle(m, entry);
}

/** Serving copies with an idle time look at their last use when it could have passed at the earliest. */
export function watchIdle(m: Machine, entry: Entry): void {
  const idleAfterMs = entry.policy.idleAfterMs;
  if (idleAfterMs === null || entry.policy.pinned) return;
  const idleMs = idleForMs(m, entry);
  if (idleMs >= idleAfterMs) depart(m, entry, 'idle', { kind: 'removed' });
  else arm(m, entry, 'idle', durationMs(idleAfterMs - idleMs));
}

/** Since its last use, or since it serves: one that only shadows use has none, and must not go the moment that it is there. */
function idleForMs(m: Machine, entry: Entry): DurationMs {
  const unusedMs = Math.max(0, m.now.wallMs - lastUsedMs(m, entry));
  if (entry.state.kind !== 'sizing' && entry.state.kind !== 'active') return durationMs(unusedMs);
  return durationMs(Math.min(unusedMs, m.now.monotonicMs - entry.state.sinceMs));
}

/** The next step of a copy that has no place in the queue: wait for the runtime or its predecessor, ask for the size, or queue it. */
export function takeIn(m: Machine, entry: Entry): void {
  if (entry.state.kind !== 'queued' || m.queue.has(entry)) return;
  if (m.phase !== 'ready' || m.runtime === null || m.leaving.has(entry.model)) return;
  const known = m.ledger.known(entry.model, entry.knownUnits);
  if (known !== null) {
    enqueue(m, entry, known);
  } else if (entry.predicted === undefined) {
    become(m, entry, { kind: 'predicting', sinceMs: entry.state.sinceMs });
    emit(m, { kind: 'predict-size', model: entry.model, copy: entry.copy });
    arm(m, entry, 'predict', m.config.predictTimeoutMs);
  } else {
    enqueue(m, entry, m.ledger.guess(entry.declaredUnits, entry.predicted, m.runtime.defaultSizeUnits));
  }
}

/** The runtime said how large the model will be, or did not say in time. */
export function predicted(m: Machine, entry: Entry, size: Bytes | null): void {
  if (entry.state.kind !== 'predicting') return;
  disarm(m, entry);
  entry.predicted = size;
  become(m, entry, { kind: 'queued', sinceMs: entry.state.sinceMs });
  takeIn(m, entry);
}

/** The predecessor could not be unloaded: the runtime may still hold it, so the load is not tried (spec §4.4.7). */
export function failBehindLostUnload(m: Machine, entry: Entry): void {
  failUnbooked(m, entry, 'the previous copy of this model could not be unloaded from the runtime');
}

/** Remembers a failure for a copy that holds no memory yet, where one unit is free for it. */
export function failUnbooked(m: Machine, entry: Entry, message: string): void {
  const outcome = { kind: 'load-failed', message, failedAtMs: m.now.wallMs, timedOut: false } as const;
  if (m.buffer.excessAfter(FAILED_UNITS, 0) > 0 || !m.buffer.fits(FAILED_UNITS)) {
    emit(m, { kind: 'record-failure', model: entry.model, atMs: m.now.wallMs, message });
    depart(m, entry, 'load-failed', outcome);
    return;
  }
  m.buffer.insert(FAILED_UNITS);
  m.buffer.claim(FAILED_UNITS);
  disarm(m, entry);
  rememberFailure(m, entry, outcome);
}

/** The registry's answer to a claim. */
export function claimLost(m: Machine, entry: Entry, message: string): void {
  if (entry.state.kind === 'sizing' || entry.state.kind === 'active' || entry.state.kind === 'failed') return;
  entry.claimOpen = false;
  depart(m, entry, 'claim-lost', { kind: 'claim-lost', message });
}

/** Back to the start, with nothing booked and a new copy: the runtime it was meant for is gone. */
export function requeue(m: Machine, entry: Entry): void {
  const { state } = entry;
  if (state.kind === 'failed' || state.kind === 'sizing' || state.kind === 'active') return;
  disarm(m, entry);
  unrank(m, entry);
  m.queue.remove(entry);
  m.waiting.delete(entry);
  if (m.suspectLoading === entry) m.suspectLoading = null;
  if (state.kind === 'loading') emit(m, { kind: 'cancel-load', model: entry.model, copy: entry.copy });
  if (state.kind === 'loading' || state.kind === 'claiming') m.slots.give(state.slot);
  withdrawClaim(m, entry);
  m.buffer.leave(entry.units);
  entry.units = 0 as SizeUnits;
  entry.predicted = undefined;
  entry.copy = issueCopy(m);
  become(m, entry, { kind: 'queued', sinceMs: state.sinceMs });
}

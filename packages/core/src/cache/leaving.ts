/** The way out: drain or settle, unload, credit the memory; or give up and lose it until the runtime is recycled. */

import { assertNever } from '../assert.ts';
import { type DurationMs, type EpochMs, epochMs, type SizeUnits, sizeUnits } from '../units.ts';
import { FAILED_UNITS, UNLOAD_DELAY_MS } from './config.ts';
import type { LeaveReason, Slot } from './copy-state.ts';
import type { Entry, Leaving, LeavingState } from './entry.ts';
import {
  arm,
  become,
  disarm,
  dropEntry,
  emit,
  lastUsedMs,
  type Machine,
  measure,
  rank,
  sinceMs,
  unrank,
  wake,
} from './machine.ts';
import type { WakeOutcome } from './outcome.ts';

/** Takes a copy out of the cache, whatever its state, and starts what its memory needs to come back. Its waiters learn `outcome`. */
export function depart(m: Machine, entry: Entry, reason: LeaveReason, outcome: WakeOutcome): void {
  const usedMs = lastUsedMs(m, entry);
  const { state, units } = entry;
  dropEntry(m, entry);
  m.buffer.leave(units);
  switch (state.kind) {
    case 'predicting':
    case 'queued':
    case 'waiting-for-space':
      break; // Not loaded: what it had booked was borrowed, and is returned already.
    case 'failed':
      m.buffer.unloaded(units);
      break;
    case 'loading':
      emit(m, { kind: 'cancel-load', model: entry.model, copy: entry.copy });
      m.slots.give(state.slot);
      settleThenUnload(m, entry, units, usedMs, reason);
      break;
    case 'claiming':
      m.slots.give(state.slot);
      startUnload(m, beginLeaving(m, entry, units, usedMs, settling(m, reason, UNLOAD_DELAY_MS.evictedWhileLoading)));
      break;
    case 'sizing':
    case 'active':
      drain(m, entry, units, usedMs, state.slot, reason);
      break;
    default:
      assertNever(state);
  }
  withdrawClaim(m, entry);
  wake(m, entry, outcome);
}

/** Turns a loading copy into a remembered failure of one unit; the rest of its memory leaves. */
export function failLoad(m: Machine, entry: Entry, reason: 'load-failed' | 'load-timeout', message: string): void {
  if (entry.state.kind !== 'loading') return;
  const outcome: WakeOutcome = { kind: 'load-failed', message, failedAtMs: m.now.wallMs, timedOut: reason === 'load-timeout' };
  const rest = sizeUnits(entry.units - FAILED_UNITS);
  if (reason === 'load-timeout') emit(m, { kind: 'cancel-load', model: entry.model, copy: entry.copy });
  m.slots.give(entry.state.slot);
  disarm(m, entry);
  unrank(m, entry);
  m.buffer.leave(rest);
  settleThenUnload(m, entry, rest, entry.lastUsedMs, reason);
  rememberFailure(m, entry, outcome);
}

/** Makes the entry answer every request with this outcome until it expires. Its booking must be one unit by now. */
export function rememberFailure(m: Machine, entry: Entry, outcome: Extract<WakeOutcome, { readonly kind: 'load-failed' }>): void {
  if (m.suspectLoading === entry) m.suspectLoading = null;
  unrank(m, entry);
  entry.units = FAILED_UNITS;
  entry.awaited = false;
  entry.claimOpen = false;
  entry.claimed = false;
  become(m, entry, { kind: 'failed', failedAtMs: outcome.failedAtMs, outcome });
  rank(m, entry);
  measure(m, entry.model, { name: 'load-failure' });
  emit(m, { kind: 'record-failure', model: entry.model, atMs: outcome.failedAtMs, message: outcome.message });
  wake(m, entry, outcome);
  arm(m, entry, 'failure-expiry', halfOf(m.config.failureExpiryMs));
}

const halfOf = (whole: DurationMs): DurationMs => (whole / 2) as DurationMs;

/** The registry no longer names this copy; follows a claim that was written out, and only then. */
export function withdrawClaim(m: Machine, entry: Entry): void {
  if (entry.claimOpen) emit(m, { kind: 'withdraw-claim', model: entry.model, copy: entry.copy });
  entry.claimOpen = false;
  entry.claimed = false;
}

/** Nothing is in flight on a slot any more: a draining copy unloads now, a slot that lingered can be used again. */
export function inFlightZero(m: Machine, slot: Slot): void {
  const leaving = m.draining.get(slot.index);
  const drains = leaving?.state.kind === 'draining' && leaving.state.slot.generation === slot.generation;
  if (!drains && !m.lingering.has(slot.index)) return;
  m.slots.give(slot);
  m.lingering.delete(slot.index);
  if (leaving !== undefined && drains) drained(m, leaving, slot);
}

/** The grace passed: the slot lingers until its calls are gone, the copy does not. */
export function graceIsOver(m: Machine, leaving: Leaving): void {
  if (leaving.state.kind !== 'draining') return;
  m.lingering.add(leaving.state.slot.index);
  drained(m, leaving, leaving.state.slot);
}

function drained(m: Machine, leaving: Leaving, slot: Slot): void {
  m.draining.delete(slot.index);
  disarm(m, leaving);
  // A runtime that is recycled is ended as a whole: its copies need no unload, only an end of their calls.
  if (m.phase === 'recycling')
    leaveAs(m, leaving, { kind: 'settling', sinceMs: m.now.monotonicMs, unloadInMs: NEVER, reason: 'recycle' });
  else startUnload(m, leaving);
}

const NEVER = Number.MAX_SAFE_INTEGER as DurationMs;

/** Begins, or begins again, to unload. */
export function startUnload(m: Machine, leaving: Leaving): void {
  const attempt = leaving.state.kind === 'unload-retry' ? leaving.state.attempt + 1 : 1;
  disarm(m, leaving);
  leaveAs(m, leaving, { kind: 'unloading', sinceMs: m.now.monotonicMs, attempt, reason: leaving.state.reason });
  emit(m, { kind: 'start-unload', model: leaving.model, copy: leaving.copy, attempt });
}

/** The memory is back. What failed to unload before is tried again, because the runtime has shown that it can. */
export function unloadSucceeded(m: Machine, leaving: Leaving): void {
  if (leaving.state.kind !== 'unloading') return;
  measure(m, leaving.model, { name: 'unload-time', durationMs: sinceMs(m, leaving.state.sinceMs) });
  m.buffer.unloaded(leaving.units);
  gone(m, leaving, true);
  sweepRetries(m);
}

/** Tries again later; after the last attempt the memory is written off and the capacity shrinks (spec §4.4.8). */
export function unloadFailed(m: Machine, leaving: Leaving): void {
  if (leaving.state.kind !== 'unloading') return;
  const { attempt, reason } = leaving.state;
  measure(m, leaving.model, { name: 'unload-attempt-failure' });
  if (attempt >= m.config.unloadAttemptsMax) {
    measure(m, leaving.model, { name: 'unload-failure' });
    m.buffer.lose(leaving.units);
    m.capacityShrank = true;
    gone(m, leaving, false);
    return;
  }
  leaveAs(m, leaving, { kind: 'unload-retry', sinceMs: m.now.monotonicMs, attempt, reason });
  arm(m, leaving, 'unload-retry', attempt === 1 ? m.config.unloadFirstRetryMs : m.config.unloadRetryMs);
}

/** Forgets a copy that left; a newer copy of the same model is taken in at the end of the step. */
export function gone(m: Machine, leaving: Leaving, credited: boolean): void {
  disarm(m, leaving);
  m.counts[leaving.state.kind] -= 1;
  m.leaving.delete(leaving.model);
  m.roomChanged = true;
  emit(m, { kind: 'gone', model: leaving.model, copy: leaving.copy, reason: leaving.state.reason, credited });
  const successor = m.entries.get(leaving.model);
  if (successor?.state.kind === 'queued' && !m.queue.has(successor)) m.unblocked.push({ entry: successor, lost: !credited });
}

function sweepRetries(m: Machine): void {
  if (m.counts['unload-retry'] === 0 || m.now.monotonicMs - m.unloadSweepMs < m.config.unloadRetryMs) return;
  m.unloadSweepMs = m.now.monotonicMs;
  for (const leaving of m.leaving.values()) if (leaving.state.kind === 'unload-retry') startUnload(m, leaving);
}

function drain(m: Machine, entry: Entry, units: SizeUnits, usedMs: EpochMs, slot: Slot, reason: LeaveReason): void {
  const leaving = beginLeaving(m, entry, units, usedMs, { kind: 'draining', slot, sinceMs: m.now.monotonicMs, reason });
  m.draining.set(slot.index, leaving);
  emit(m, { kind: 'begin-draining', model: entry.model, copy: entry.copy, slot, graceMs: m.config.drainGraceMs });
  arm(m, leaving, 'drain-grace', m.config.drainGraceMs);
}

function settleThenUnload(m: Machine, entry: Entry, units: SizeUnits, usedMs: number, reason: LeaveReason): void {
  const state = settling(m, reason, unloadDelayMs(reason));
  arm(m, beginLeaving(m, entry, units, epochMs(usedMs), state), 'unload-delay', state.unloadInMs);
}

const settling = (
  m: Machine,
  reason: LeaveReason,
  unloadInMs: DurationMs,
): Extract<LeavingState, { readonly kind: 'settling' }> => ({
  kind: 'settling',
  sinceMs: m.now.monotonicMs,
  unloadInMs,
  reason,
});

function beginLeaving(m: Machine, entry: Entry, units: SizeUnits, usedMs: EpochMs, state: LeavingState): Leaving {
  const leaving: Leaving = { model: entry.model, copy: entry.copy, units, lastUsedMs: usedMs, state, timer: null };
  m.leaving.set(entry.model, leaving);
  m.counts[state.kind] += 1;
  return leaving;
}

function leaveAs(m: Machine, leaving: Leaving, state: LeavingState): void {
  m.counts[leaving.state.kind] -= 1;
  m.counts[state.kind] += 1;
  leaving.state = state;
}

function unloadDelayMs(reason: LeaveReason): DurationMs {
  switch (reason) {
    case 'load-failed':
      return UNLOAD_DELAY_MS.loadFailed;
    case 'load-timeout':
      return UNLOAD_DELAY_MS.loadTimedOut;
    case 'removed':
      return UNLOAD_DELAY_MS.removedWhileLoading;
    case 'evicted':
    case 'idle':
    case 'claim-lost':
    case 'too-large':
    case 'recycle':
      return UNLOAD_DELAY_MS.evictedWhileLoading;
    default:
      return assertNever(reason);
  }
}

/** Decides every repetition, for gRPC, REST, the fast path and the simulation alike (design, *Attempts*). */

import { assertNever } from '../assert.ts';
import type { MeshErrorKind } from '../errors.ts';
import { type DurationMs, durationMs } from '../units.ts';
import type { AttemptHistory, CallFacts, EndOfCall, Evidence, NextAttempt } from './attempt.ts';
import { meaningOf, type StatusMeaning } from './runtime-status.ts';

/** Attempts of one call, the first included (spec §2.8). */
export const ATTEMPTS_MAX = 8;
/** Attempts that a runtime may answer with RESOURCE_EXHAUSTED before the client gets that answer. */
export const EXHAUSTED_MAX = 2;
/** Loads that may fail for one call (spec §2.8). */
export const LOAD_FAILURES_PER_CALL_MAX = 3;
/** Attempts that a runtime may answer with NOT_FOUND: one, and one after each of two fresh loads. Then it is its answer. */
export const MODEL_LOST_MAX = 3;
/** Connections that may be lost under one call: it may itself be what ends them, and must not end one runtime after the other. */
export const CONNECTIONS_LOST_MAX = 3;
/** Every attempt that has an alternative leaves this share of the remaining time to it. */
export const DEADLINE_SHARE_KEPT = 0.2;

/**
 * Whether an attempt that was not answered yet may be left for another. One that was sent was perhaps executed, and perhaps will be; one that waits
 * for its connection was not.
 */
export const mayBeLeft = (call: CallFacts, sent: boolean): boolean =>
  call.elsewhere && (sent ? forbidden(call) : notHeld(call)) === null;

/**
 * Time for the next attempt: all that remains when nothing could follow it, else what leaves {@link DEADLINE_SHARE_KEPT} to the
 * attempt after it. Null: no deadline.
 */
export function attemptTimeoutMs(call: CallFacts, sent = true): DurationMs | null {
  if (call.remainingMs === null) return null;
  const share = mayBeLeft(call, sent) ? 1 - DEADLINE_SHARE_KEPT : 1;
  return durationMs(Math.max(0, call.remainingMs * share));
}

/**
 * What follows an attempt that ended with `evidence`. Pure and total.
 *
 * Provably unprocessed work is always tried again, uncharged, within the limits of attempts and time. Work that was perhaps executed is
 * repeated only if the whole request is still held, the client has seen nothing of a response, neither the model nor the call forbids
 * it, and the model's budget pays. A status of the runtime that is no reason to repeat reaches the client byte for byte.
 */
export function nextAttempt(history: AttemptHistory, evidence: Evidence): NextAttempt {
  switch (evidence.kind) {
    case 'connect-refused':
      return history.current.local
        ? awaitRuntime(history, 'the runtime refused the connection', false)
        : elsewhere(history, 'the peer could not be reached');
    case 'refused-stream':
      return sameAgain(history, 'the stream was refused before it was processed');
    case 'goaway-unprocessed':
      return sameAgain(history, 'the connection was closed before the stream was processed');
    case 'runtime-down':
      return awaitRuntime(history, 'the runtime is restarting', false);
    case 'not-here':
      return sameAgain(history, 'the copy had moved');
    case 'displaced':
      return sameAgain(history, evidence.message);
    case 'load-failed':
      return afterLoadFailure(history, evidence.error, evidence.message);
    case 'refused-by-peer':
      return afterRefusal(history, evidence.error, evidence.message);
    case 'connection-lost':
      return afterLoss(history, 'the connection was lost during the call', deadlyFor(history));
    case 'attempt-timeout':
      return afterTimeout(history);
    case 'runtime-status':
      return afterStatus(history, evidence.code, evidence.message);
    case 'deadline-passed':
      return {
        kind: 'fail',
        error: 'deadline-exceeded',
        message: `deadline passed ${attemptsMade(history)}`,
        whyNotRepeated: 'no time is left',
      };
    case 'cancelled':
      return {
        kind: 'fail',
        error: 'cancelled',
        message: 'the caller cancelled the call',
        whyNotRepeated: 'nobody waits for the answer',
      };
    default:
      return assertNever(evidence);
  }
}

/**
 * How a call ends that was to be repeated elsewhere, where control then found nobody: as the last attempt that reached somebody would have
 * ended it, if it had been known that there was nobody else. Null where none did; then what control says is the reason.
 */
export function endWithoutAlternative(history: Pick<AttemptHistory, 'call' | 'ended'>): EndOfCall | null {
  const last = history.ended.findLast(({ evidence }) => reachedSomebody(evidence));
  if (last === undefined) return null;
  const call = { ...history.call, elsewhere: false };
  const ended = history.ended.filter((attempt) => attempt !== last);
  const next = nextAttempt({ call, ended, current: last.target }, last.evidence);
  return next.kind === 'fail' || next.kind === 'pass-through' ? next : null;
}

/**
 * Whether a call for which control found nobody may wait for an instance with a copy that has just stopped answering, and go there again when it
 * answers: what may be repeated elsewhere may be repeated there. Every attempt that ended before was found repeatable in its turn.
 */
export function mayAwaitHolder({ call, ended }: Pick<AttemptHistory, 'call' | 'ended'>): boolean {
  const hasTime = call.remainingMs === null || call.remainingMs > 0;
  return hasTime && ended.length < ATTEMPTS_MAX && notHeld(call) === null;
}

/** Whether the attempt came so far that somebody answered it, or may have executed it; not as a load, of which control knows more. */
function reachedSomebody({ kind }: Evidence): boolean {
  return kind === 'runtime-status' || kind === 'refused-by-peer' || kind === 'connection-lost' || kind === 'attempt-timeout';
}

/** Unprocessed: any copy will do, the one that was asked included. */
function sameAgain(history: AttemptHistory, because: string): NextAttempt {
  const against = limitReached(history) ?? notHeld(history.call);
  return against === null ? repeat('retry-same', history, because, false) : fail('unavailable', because, against, history);
}

/** Unprocessed, and the one that was asked will not do. */
function elsewhere(history: AttemptHistory, because: string): NextAttempt {
  const against = limitReached(history) ?? notHeld(history.call) ?? nowhereElse(history);
  return against === null ? repeat('retry-other', history, because, false) : fail('unavailable', because, against, history);
}

function awaitRuntime(history: AttemptHistory, because: string, charged: boolean): NextAttempt {
  const against = limitReached(history) ?? notHeld(history.call);
  return against === null
    ? repeat('wait-for-runtime', history, because, charged)
    : fail('unavailable', because, against, history);
}

function afterLoadFailure(history: AttemptHistory, error: MeshErrorKind, message: string): NextAttempt {
  const failures = 1 + countEnded(history, (ended) => ended.kind === 'load-failed');
  const tooMany = failures >= LOAD_FAILURES_PER_CALL_MAX ? `it failed to load ${failures} times` : null;
  const against = limitReached(history) ?? tooMany ?? notHeld(history.call) ?? nowhereElse(history);
  if (against === null) return repeat('retry-other', history, message, false);
  return { kind: 'fail', error, message, whyNotRepeated: against };
}

/** Unprocessed, and the one that was asked says why it will not do; where nobody else is left the caller reads that. */
function afterRefusal(history: AttemptHistory, error: MeshErrorKind, message: string): NextAttempt {
  const against = limitReached(history) ?? notHeld(history.call) ?? nowhereElse(history);
  if (against === null) return repeat('retry-other', history, message, false);
  return { kind: 'fail', error, message, whyNotRepeated: against };
}

/** Perhaps executed. The local runtime has one life at a time, so that its loss means waiting for the next one, or going to a copy elsewhere. */
function afterLoss(history: AttemptHistory, because: string, deadly: string | null): NextAttempt {
  const { local } = history.current;
  const against = limitReached(history) ?? deadly ?? forbidden(history.call) ?? (local ? null : nowhereElse(history));
  if (against !== null) return fail('unavailable', because, against, history);
  return repeat(local ? 'wait-for-runtime' : 'retry-other', history, because, true);
}

/** Perhaps executed, and perhaps still: another copy may be faster, the same one will not. */
function afterTimeout(history: AttemptHistory): NextAttempt {
  const because = 'there was no answer in time';
  const against = limitReached(history) ?? forbidden(history.call) ?? nowhereElse(history);
  return against === null ? repeat('retry-other', history, because, true) : fail('unavailable', because, against, history);
}

function afterStatus(history: AttemptHistory, code: number, message: string): NextAttempt {
  const meaning = meaningOf(code, message);
  switch (meaning) {
    case 'final':
      return { kind: 'pass-through', purge: false };
    case 'model-lost':
      return afterModelLost(history, message);
    case 'exhausted':
      return afterExhausted(history);
    case 'unavailable': {
      if (history.call.responseForwarded) return { kind: 'pass-through', purge: false };
      const because = `the runtime is unavailable: ${message}`;
      const against = limitReached(history) ?? forbidden(history.call) ?? nowhereElse(history);
      return against === null ? repeat('retry-other', history, because, true) : fail('unavailable', because, against, history);
    }
    default:
      return assertNever(meaning);
  }
}

/**
 * The runtime does not know the model. It may have lost it, which a reload heals; or this is what the model answers, which no reload
 * changes. Where the call cannot be repeated its answer passes, and the copy is forgotten for the calls to come.
 */
function afterModelLost(history: AttemptHistory, message: string): NextAttempt {
  const lost = 1 + countEnded(history, meant('model-lost'));
  if (lost >= MODEL_LOST_MAX) {
    return fail('not-found', `the runtime does not know the model: ${message}`, 'reloading it did not help', history);
  }
  if ((limitReached(history) ?? forbidden(history.call)) !== null) return { kind: 'pass-through', purge: true };
  return repeat('purge-and-reload', history, `the runtime does not know the model: ${message}`, true);
}

function afterExhausted(history: AttemptHistory): NextAttempt {
  const exhausted = 1 + countEnded(history, meant('exhausted'));
  const against = limitReached(history) ?? forbidden(history.call) ?? nowhereElse(history);
  if (exhausted >= EXHAUSTED_MAX || against !== null) return { kind: 'pass-through', purge: false };
  return repeat('retry-other', history, 'the runtime is exhausted', true);
}

const meant =
  (meaning: StatusMeaning) =>
  (evidence: Evidence): boolean =>
    evidence.kind === 'runtime-status' && meaningOf(evidence.code, evidence.message) === meaning;

function countEnded(history: AttemptHistory, matches: (evidence: Evidence) => boolean): number {
  return history.ended.filter((ended) => matches(ended.evidence)).length;
}

// Each of these answers null where nothing is against a repetition, else the reason that the caller reads.

function limitReached({ call, ended }: AttemptHistory): string | null {
  if (call.remainingMs !== null && call.remainingMs <= 0) return 'no time is left';
  return ended.length + 1 >= ATTEMPTS_MAX ? `all ${ATTEMPTS_MAX} attempts are used up` : null;
}

function deadlyFor(history: AttemptHistory): string | null {
  const lost = 1 + countEnded(history, ({ kind }) => kind === 'connection-lost');
  return lost >= CONNECTIONS_LOST_MAX ? `${lost} connections were lost under it, which it may have caused` : null;
}

/** Needed by every repetition: what to send, and a client that has seen nothing yet. */
function notHeld(call: CallFacts): string | null {
  if (call.responseForwarded) return 'a part of the answer was already sent to the caller';
  return call.replayable ? null : 'the request is too long, or a stream, and was not kept';
}

/** Needed where the work was perhaps executed. */
function forbidden(call: CallFacts): string | null {
  if (call.modelRetry === 'never') return 'the model says retry: never and may have executed the call';
  if (call.callRetry === 'never') return 'the call says mm-retry: never and may have been executed';
  return notHeld(call) ?? (call.budgetLeft ? null : "the model's retry budget is used up");
}

const nowhereElse = ({ call }: AttemptHistory): string | null =>
  call.elsewhere ? null : 'there is no other copy or instance to try';

type Repetition = Extract<NextAttempt, { readonly charged: boolean }>;

function repeat(kind: Repetition['kind'], { call }: AttemptHistory, because: string, charged: boolean): NextAttempt {
  return { kind, attemptTimeoutMs: attemptTimeoutMs(call), charged, because };
}

function fail(error: MeshErrorKind, what: string, whyNotRepeated: string, history: AttemptHistory): NextAttempt {
  return { kind: 'fail', error, message: `${what} ${attemptsMade(history)}; not repeated: ${whyNotRepeated}`, whyNotRepeated };
}

function attemptsMade({ ended, current }: AttemptHistory): string {
  const attempts = ended.length + 1;
  return `(${attempts} attempt${attempts === 1 ? '' : 's'}, the last on ${current.instance})`;
}

/** Each sentence of the design's *Attempts*, and the quirks of spec §2.3. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs, instanceId } from '../index.ts';
import {
  ATTEMPTS_MAX,
  type AttemptHistory,
  type CallFacts,
  type EndedAttempt,
  type Evidence,
  endWithoutAlternative,
  mayAwaitHolder,
  type NextAttempt,
  nextAttempt,
} from './index.ts';

const HERE = { instance: instanceId('here'), local: true };
const THERE = { instance: instanceId('there'), local: false };
const CALL: CallFacts = {
  replayable: true,
  responseForwarded: false,
  modelRetry: 'safe',
  callRetry: 'safe',
  remainingMs: durationMs(1000),
  elsewhere: true,
  budgetLeft: true,
};

function after(evidence: Evidence, call: Partial<CallFacts> = {}, more: Partial<AttemptHistory> = {}): NextAttempt {
  return nextAttempt({ call: { ...CALL, ...call }, ended: [], current: THERE, ...more }, evidence);
}

const status = (code: number, message = 'text'): Evidence => ({ kind: 'runtime-status', code, message });
const why = (next: NextAttempt): string => (next.kind === 'fail' ? next.whyNotRepeated : next.kind);
const UNPROCESSED: Evidence[] = [
  { kind: 'connect-refused' },
  { kind: 'refused-stream' },
  { kind: 'goaway-unprocessed' },
  { kind: 'not-here' },
  { kind: 'displaced', message: 'evicted' },
  { kind: 'runtime-down' },
];

test('unprocessed work is tried again whatever the retry policy and the budget say, and is not charged', () => {
  for (const evidence of UNPROCESSED) {
    const next = after(evidence, { modelRetry: 'never', callRetry: 'never', budgetLeft: false });
    assert.ok('charged' in next && !next.charged, `${evidence.kind}: ${why(next)}`);
  }
});

test('a runtime that is down is waited for, a peer that refuses is left', () => {
  assert.equal(after({ kind: 'runtime-down' }, {}, { current: HERE }).kind, 'wait-for-runtime');
  assert.equal(after({ kind: 'connect-refused' }, {}, { current: HERE }).kind, 'wait-for-runtime');
  assert.equal(after({ kind: 'connect-refused' }).kind, 'retry-other');
});

test('a lost connection is repeated elsewhere, or with the next life of the local runtime, and is charged', () => {
  const next = after({ kind: 'connection-lost' });
  assert.deepEqual([next.kind, 'charged' in next && next.charged], ['retry-other', true]);
  assert.equal(after({ kind: 'connection-lost' }, { elsewhere: false }, { current: HERE }).kind, 'wait-for-runtime');
  assert.equal(why(after({ kind: 'connection-lost' }, { elsewhere: false })), 'there is no other copy or instance to try');
});

test('a call under which three connections were lost is not sent to a fourth runtime', () => {
  const lost = { target: HERE, evidence: { kind: 'connection-lost' } } as const;
  assert.equal(after(lost.evidence, {}, { ended: [lost], current: HERE }).kind, 'wait-for-runtime');
  assert.match(why(after(lost.evidence, {}, { ended: [lost, lost], current: HERE })), /^3 connections were lost under it/);
});

test('perhaps executed work is not repeated against retry: never, mm-retry: never, or without a token', () => {
  for (const evidence of [{ kind: 'connection-lost' }, { kind: 'attempt-timeout' }, status(14)] as const) {
    assert.match(why(after(evidence, { modelRetry: 'never' })), /retry: never/);
    assert.match(why(after(evidence, { callRetry: 'never' })), /mm-retry: never/);
    assert.match(why(after(evidence, { budgetLeft: false })), /budget/);
  }
});

test('nothing is repeated once a byte of the answer was sent, or when the request was not kept', () => {
  for (const evidence of [...UNPROCESSED, { kind: 'connection-lost' } as const]) {
    assert.match(why(after(evidence, { responseForwarded: true })), /already sent/);
    assert.match(why(after(evidence, { replayable: false })), /not kept/);
  }
});

test('a call that fails nevertheless is UNAVAILABLE and says what happened, how often, where, and why it was not repeated', () => {
  const next = after({ kind: 'connection-lost' }, { modelRetry: 'never' });
  assert.deepEqual(next, {
    kind: 'fail',
    error: 'unavailable',
    message:
      'the connection was lost during the call (1 attempt, the last on there); not repeated: the model says retry: never and may have executed the call',
    whyNotRepeated: 'the model says retry: never and may have executed the call',
  });
});

test('NOT_FOUND, and what Triton and MLServer say instead, purges, reloads and tries again', () => {
  for (const lost of [
    status(5, 'anything'),
    status(14, "Request for unknown model: 'm' is not found"),
    status(14, "Request for unknown model: 'm' has no available versions"),
    status(3, 'Model m not found'),
  ]) {
    assert.equal(after(lost, { elsewhere: false }, { current: HERE }).kind, 'purge-and-reload');
  }
  assert.equal(after(status(3, 'Model m is odd')).kind, 'pass-through');
  assert.equal(after(status(14, 'Request for unknown model')).kind, 'retry-other');
});

test('NOT_FOUND that goes on after two fresh loads ends in NOT_FOUND with the attempts made', () => {
  const lost = { target: HERE, evidence: status(5, 'no such label') };
  const next = after(status(5, 'no such label'), {}, { ended: [lost, lost], current: HERE });
  assert.equal(next.kind === 'fail' && next.error, 'not-found');
  assert.match(next.kind === 'fail' ? next.message : '', /no such label \(3 attempts, the last on here\)/);
});

test('NOT_FOUND that may not be repeated passes, and the copy is forgotten all the same', () => {
  for (const call of [
    { replayable: false },
    { modelRetry: 'never' as const },
    { responseForwarded: true },
    { budgetLeft: false },
  ]) {
    assert.deepEqual(after(status(5), call), { kind: 'pass-through', purge: true });
  }
});

test('RESOURCE_EXHAUSTED is tried once on another copy, the second passes', () => {
  assert.equal(after(status(8)).kind, 'retry-other');
  const first = { target: THERE, evidence: status(8) };
  assert.deepEqual(after(status(8), {}, { ended: [first] }), { kind: 'pass-through', purge: false });
  assert.deepEqual(after(status(8), { elsewhere: false }), { kind: 'pass-through', purge: false });
});

test('every other status of the runtime passes at once', () => {
  for (const code of [1, 2, 3, 4, 6, 7, 9, 10, 11, 12, 13, 15, 16]) {
    assert.deepEqual(after(status(code)), { kind: 'pass-through', purge: false }, `code ${code}`);
  }
});

test('an UNAVAILABLE that follows a part of the answer passes, because it is the end of that stream', () => {
  assert.deepEqual(after(status(14), { responseForwarded: true }), { kind: 'pass-through', purge: false });
});

test('a load that failed is tried elsewhere, three times in all, and keeps its own error', () => {
  const failed = { kind: 'load-failed', error: 'load-failed', message: 'corrupt file' } as const;
  assert.equal(after(failed).kind, 'retry-other');
  const ended = [
    { target: HERE, evidence: failed },
    { target: THERE, evidence: failed },
  ];
  const last = after(failed, {}, { ended });
  assert.deepEqual(last, {
    kind: 'fail',
    error: 'load-failed',
    message: 'corrupt file',
    whyNotRepeated: 'it failed to load 3 times',
  });
  assert.equal(why(after(failed, { elsewhere: false })), 'there is no other copy or instance to try');
});

test('an attempt with an alternative leaves a fifth of what remains, the last one takes it all', () => {
  const next = after({ kind: 'not-here' });
  assert.equal('attemptTimeoutMs' in next && next.attemptTimeoutMs, 800);
  const only = after({ kind: 'not-here' }, { elsewhere: false });
  assert.equal('attemptTimeoutMs' in only && only.attemptTimeoutMs, 1000);
  for (const forbids of [{ callRetry: 'never' }, { modelRetry: 'never' }, { budgetLeft: false }] as const) {
    const once = after({ kind: 'not-here' }, forbids);
    assert.equal('attemptTimeoutMs' in once && once.attemptTimeoutMs, 1000, JSON.stringify(forbids));
  }
  const endless = after({ kind: 'not-here' }, { remainingMs: null });
  assert.equal('attemptTimeoutMs' in endless && endless.attemptTimeoutMs, null);
});

test('a deadline that passed is DEADLINE_EXCEEDED, a cancelled call is CANCELLED', () => {
  assert.deepEqual(
    [errorOf(after({ kind: 'deadline-passed' })), errorOf(after({ kind: 'cancelled' }))],
    ['deadline-exceeded', 'cancelled'],
  );
});

const errorOf = (next: NextAttempt): string => (next.kind === 'fail' ? next.error : next.kind);

test('where control finds nobody else, the call ends as the last attempt that reached somebody, and else as control says', () => {
  const end = (...ended: readonly EndedAttempt[]) => endWithoutAlternative({ call: CALL, ended });
  const moved: EndedAttempt = { target: HERE, evidence: { kind: 'not-here' } };
  assert.deepEqual(end({ target: THERE, evidence: status(14, 'no room') }, moved), {
    kind: 'fail',
    error: 'unavailable',
    message:
      'the runtime is unavailable: no room (2 attempts, the last on there); not repeated: there is no other copy or instance to try',
    whyNotRepeated: 'there is no other copy or instance to try',
  });
  assert.deepEqual(end(moved, { target: HERE, evidence: status(8) }), { kind: 'pass-through', purge: false });
  assert.equal(end({ target: THERE, evidence: { kind: 'connection-lost' } })?.kind, 'fail');
  // The local runtime comes back: that is no end.
  assert.equal(end({ target: HERE, evidence: { kind: 'connection-lost' } }), null);
  for (const evidence of [...UNPROCESSED, { kind: 'load-failed', error: 'load-failed', message: 'corrupt' } as const])
    assert.equal(end({ target: THERE, evidence }), null, evidence.kind);
});

test('a holder that has just stopped answering is waited for within time and attempts, as long as the request is held and nothing was answered', () => {
  const lost: EndedAttempt = { target: THERE, evidence: { kind: 'connection-lost' } };
  const may = (call: Partial<CallFacts>, attempts = 1): boolean =>
    mayAwaitHolder({ call: { ...CALL, elsewhere: false, ...call }, ended: Array(attempts).fill(lost) });
  assert.deepEqual([may({}), may({ remainingMs: null }), may({}, 0), may({}, ATTEMPTS_MAX - 1)], [true, true, true, true]);
  assert.deepEqual(
    [may({ remainingMs: durationMs(0) }), may({}, ATTEMPTS_MAX), may({ replayable: false }), may({ responseForwarded: true })],
    [false, false, false, false],
  );
});

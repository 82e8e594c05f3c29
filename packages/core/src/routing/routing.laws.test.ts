import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { durationMs, instanceId } from '../index.ts';
import {
  ATTEMPTS_MAX,
  type AttemptHistory,
  type CallFacts,
  type EndedAttempt,
  type Evidence,
  earn,
  FULL_RETRY_BUDGET,
  hasToken,
  nextAttempt,
  RETRY_SHARE,
  RETRY_TOKENS_MAX,
  spend,
} from './index.ts';

const aStatus = fc.record({
  kind: fc.constant('runtime-status' as const),
  code: fc.integer({ min: 1, max: 16 }),
  message: fc.constantFrom('', 'Model x not found', 'Request for unknown model: x is not found', 'busy'),
});
const anEvidence: fc.Arbitrary<Evidence> = fc.oneof(
  fc.constantFrom<Evidence>(
    { kind: 'connect-refused' },
    { kind: 'refused-stream' },
    { kind: 'goaway-unprocessed' },
    { kind: 'not-here' },
    { kind: 'runtime-down' },
    { kind: 'connection-lost' },
    { kind: 'attempt-timeout' },
    { kind: 'deadline-passed' },
    { kind: 'cancelled' },
    { kind: 'load-failed', error: 'load-failed', message: 'broken' },
    { kind: 'displaced', message: 'evicted' },
    { kind: 'refused-by-peer', error: 'overloaded', message: 'full' },
  ),
  aStatus,
);
const aTarget = fc.record({ instance: fc.constantFrom(instanceId('a'), instanceId('b')), local: fc.boolean() });
const aRetry = fc.constantFrom('safe' as const, 'never' as const);
const aCall: fc.Arbitrary<CallFacts> = fc.record({
  replayable: fc.boolean(),
  responseForwarded: fc.boolean(),
  modelRetry: aRetry,
  callRetry: aRetry,
  remainingMs: fc.option(fc.nat(10_000).map(durationMs), { nil: null }),
  elsewhere: fc.boolean(),
  budgetLeft: fc.boolean(),
});
const anEnded: fc.Arbitrary<EndedAttempt> = fc.record({ target: aTarget, evidence: anEvidence });
const aHistory: fc.Arbitrary<AttemptHistory> = fc.record({
  call: aCall,
  ended: fc.array(anEnded, { maxLength: 9 }),
  current: aTarget,
});

const PERHAPS_EXECUTED = new Set(['connection-lost', 'attempt-timeout', 'runtime-status']);
const REPETITIONS = new Set(['retry-same', 'retry-other', 'purge-and-reload', 'wait-for-runtime']);

test('law: nothing is repeated beyond the last attempt, without time, without the request, or after a part of the answer', () => {
  fc.assert(
    fc.property(aHistory, anEvidence, (history, evidence) => {
      if (!REPETITIONS.has(nextAttempt(history, evidence).kind)) return;
      const { call, ended } = history;
      assert.ok(ended.length + 1 < ATTEMPTS_MAX && call.replayable && !call.responseForwarded);
      assert.ok(call.remainingMs === null || call.remainingMs > 0);
    }),
    { numRuns: 2000 },
  );
});

test('law: perhaps executed work is repeated only where both permit it and the budget pays, and then it is charged', () => {
  fc.assert(
    fc.property(aHistory, anEvidence, (history, evidence) => {
      const next = nextAttempt(history, evidence);
      if (!('charged' in next)) return;
      assert.equal(next.charged, PERHAPS_EXECUTED.has(evidence.kind));
      if (next.charged)
        assert.deepEqual([history.call.modelRetry, history.call.callRetry, history.call.budgetLeft], ['safe', 'safe', true]);
    }),
    { numRuns: 2000 },
  );
});

test('law: unprocessed work that can be sent again is sent again', () => {
  const unprocessed = fc.constantFrom<Evidence>(
    { kind: 'refused-stream' },
    { kind: 'goaway-unprocessed' },
    { kind: 'not-here' },
    { kind: 'runtime-down' },
  );
  fc.assert(
    fc.property(aHistory, unprocessed, ({ call, ended, current }, evidence) => {
      const able = { ...call, replayable: true, responseForwarded: false, remainingMs: durationMs(5) };
      const next = nextAttempt({ call: able, ended: ended.slice(0, ATTEMPTS_MAX - 2), current }, evidence);
      assert.ok(REPETITIONS.has(next.kind));
    }),
  );
});

test('law: a repetition gets no more than what remains, and leaves a fifth where something can follow', () => {
  fc.assert(
    fc.property(aHistory, anEvidence, (history, evidence) => {
      const next = nextAttempt(history, evidence);
      const { remainingMs, elsewhere, modelRetry, callRetry, budgetLeft } = history.call;
      const canFollow = elsewhere && modelRetry === 'safe' && callRetry === 'safe' && budgetLeft;
      if (!('attemptTimeoutMs' in next) || next.attemptTimeoutMs === null || remainingMs === null) return;
      assert.ok(next.attemptTimeoutMs <= (canFollow ? 0.8 : 1) * remainingMs + 1e-9 && next.attemptTimeoutMs > 0);
    }),
  );
});

test('law: only a status passes to the client, only a status that means "model lost" purges, and every failure says why', () => {
  fc.assert(
    fc.property(aHistory, anEvidence, (history, evidence) => {
      const next = nextAttempt(history, evidence);
      if (next.kind === 'pass-through') assert.equal(evidence.kind, 'runtime-status');
      if (next.kind === 'fail') assert.ok(next.whyNotRepeated.length > 0 && next.message.length > 0);
    }),
    { numRuns: 1000 },
  );
});

test('law: whatever happens to a call, it ends after at most eight attempts', () => {
  fc.assert(
    fc.property(aCall, fc.array(fc.tuple(anEvidence, aTarget), { minLength: 10, maxLength: 10 }), (call, luck) => {
      const ended: EndedAttempt[] = [];
      for (const [evidence, target] of luck) {
        const next = nextAttempt({ call, ended, current: target }, evidence);
        ended.push({ target, evidence });
        if (!REPETITIONS.has(next.kind)) return;
      }
      assert.fail(`${ended.length} attempts`);
    }),
    { numRuns: 1000 },
  );
});

test('law: over any number of calls, repetitions are at most a fifth of them and one full bucket', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 3000, size: 'max' }), (failures) => {
      let budget = FULL_RETRY_BUDGET;
      let repetitions = 0;
      for (const fails of failures) {
        budget = earn(budget);
        for (let tries = 0; fails && hasToken(budget) && tries <= 2 * RETRY_TOKENS_MAX; tries += 1) {
          budget = spend(budget);
          repetitions += 1;
        }
        assert.ok(budget.tokens >= 0 && budget.tokens <= RETRY_TOKENS_MAX);
      }
      assert.ok(repetitions <= RETRY_TOKENS_MAX + RETRY_SHARE * failures.length);
    }),
    { numRuns: 50 },
  );
});

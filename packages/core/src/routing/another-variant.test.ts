import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs } from '../units.ts';
import type { CallFacts, Evidence } from './attempt.ts';
import { causeForAnother } from './index.ts';

const CALL: CallFacts = {
  replayable: true,
  responseForwarded: false,
  modelRetry: 'safe',
  callRetry: 'safe',
  remainingMs: null,
  elsewhere: false,
  budgetLeft: false,
};
const cause = (evidence: Evidence, call: Partial<CallFacts> = {}) =>
  causeForAnother({ ...CALL, ...call }, { kind: 'attempt', evidence });
const status = (code: number, message = ''): Evidence => ({ kind: 'runtime-status', code, message });

describe('another variant', () => {
  it('answers where the runtime says that it failed, and not where it says that the call is wrong', () => {
    for (const code of [2, 10, 13, 14, 15]) assert.equal(cause(status(code)), 'error', String(code));
    for (const code of [1, 3, 6, 7, 9, 11, 12, 16]) assert.equal(cause(status(code)), null, String(code));
    assert.equal(cause(status(8)), 'overloaded');
    assert.equal(cause(status(4)), 'timeout');
    assert.equal(cause(status(5)), 'error', 'a model that is lost again and again');
    assert.equal(cause(status(3, 'Model x not found')), 'error', 'in the words of MLServer');
  });

  it('answers where nobody could be reached, in time or at all', () => {
    assert.equal(cause({ kind: 'connection-lost' }), 'error');
    assert.equal(cause({ kind: 'attempt-timeout' }), 'timeout');
    assert.equal(cause({ kind: 'load-failed', error: 'load-failed', message: '' }), 'unavailable');
    assert.equal(cause({ kind: 'refused-by-peer', error: 'overloaded', message: '' }), 'overloaded');
    assert.equal(cause({ kind: 'refused-by-peer', error: 'no-capacity', message: '' }), 'unavailable');
    assert.equal(cause({ kind: 'refused-by-peer', error: 'unavailable', message: '' }), 'error');
    assert.equal(cause({ kind: 'deadline-passed' }), null);
    for (const [error, expected] of [
      ['load-failed', 'unavailable'],
      ['no-capacity', 'unavailable'],
      ['overloaded', 'overloaded'],
      ['invalid-argument', null],
      ['deadline-exceeded', null],
    ] as const)
      assert.equal(causeForAnother(CALL, { kind: 'refused', error }), expected, error);
  });

  it('needs the whole request, an answer of which nothing is given on, and time', () => {
    const failed = status(13);
    assert.equal(cause(failed, { replayable: false }), null);
    assert.equal(cause(failed, { responseForwarded: true }), null);
    assert.equal(cause(failed, { remainingMs: durationMs(0) }), null);
    assert.equal(cause(failed, { remainingMs: durationMs(1) }), 'error');
  });

  it('does not repeat what was perhaps executed where model or call forbid it', () => {
    for (const call of [{ modelRetry: 'never' }, { callRetry: 'never' }] as const) {
      for (const evidence of [status(13), { kind: 'connection-lost' }, { kind: 'attempt-timeout' }] as const)
        assert.equal(cause(evidence, call), null, evidence.kind);
      assert.equal(cause({ kind: 'connect-refused' }, call), 'error', 'nothing was executed');
      assert.equal(cause({ kind: 'load-failed', error: 'load-failed', message: '' }, call), 'unavailable');
    }
  });
});

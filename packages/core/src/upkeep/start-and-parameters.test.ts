/** Spec §4.15, §6.4 and read-only mode. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { durationMs, monotonicMs } from '../index.ts';
import {
  afterLoad,
  applyParameter,
  CLEARANCE_PERIOD_MS,
  type DynamicParameters,
  type FailFast,
  failFastAt,
  INSTANCE_GONE_AFTER_MS,
  isDisabled,
  JANITOR_FIRST_MS,
  JANITOR_PERIOD_MS,
  type LoadEnd,
  MIGRATED_USED_WITHIN_MS,
  MIGRATION_PARALLEL_MAX,
  maybeReady,
  PARAMETER_CHARS_MAX,
  REAPED_AGE_MIN_MS,
  REAPER_FIRST_MS,
  REAPER_FIRST_READ_ONLY_MS,
  REAPER_PERIOD_MS,
} from './index.ts';

const TIMEOUT = durationMs(90_000);
const failed = (part: Partial<Extract<LoadEnd, { kind: 'failed' }>> = {}): LoadEnd => ({
  kind: 'failed',
  otherCopyAgeMs: null,
  otherFailureAgeMs: null,
  inProgress: 0,
  ...part,
});
const SUCCEEDED: LoadEnd = { kind: 'succeeded' };
const FATAL = failed({ otherCopyAgeMs: durationMs(90_001) });

function after(ends: readonly LoadEnd[], atMs = 1, enabled = true): FailFast {
  let state = failFastAt(monotonicMs(0), enabled);
  for (const end of ends) state = afterLoad(state, end, monotonicMs(atMs), TIMEOUT);
  return state;
}
const repeat = (count: number, end: LoadEnd): LoadEnd[] => Array.from({ length: count }, () => end);

describe('§4.15 fail-fast start', () => {
  test('the third failure of a model that is loaded elsewhere for longer than a load may take ends it', () => {
    assert.equal(after(repeat(2, FATAL)).kind, 'watching');
    const state = after(repeat(3, FATAL));
    assert.deepEqual([state.kind, maybeReady(state)], ['aborted', false]);
    assert.equal(after(repeat(3, failed({ otherCopyAgeMs: TIMEOUT }))).kind, 'watching');
  });

  test('more than half of more than twenty loads failing ends it', () => {
    assert.equal(after(repeat(20, failed())).kind, 'watching');
    assert.equal(after(repeat(21, failed())).kind, 'aborted');
    assert.equal(after([...repeat(11, SUCCEEDED), ...repeat(11, failed())]).kind, 'watching');
    assert.equal(after([...repeat(11, SUCCEEDED), ...repeat(12, failed())]).kind, 'aborted');
    assert.equal(after(repeat(21, failed({ inProgress: 30 }))).kind, 'watching');
  });

  test('a model that failed elsewhere half an hour ago or earlier is broken itself and says nothing', () => {
    assert.equal(after(repeat(50, failed({ otherFailureAgeMs: durationMs(1_800_000) }))).kind, 'watching');
    assert.equal(after(repeat(50, failed({ otherFailureAgeMs: durationMs(1_799_999) }))).kind, 'aborted');
  });

  test('after three minutes nothing counts any more; what was aborted stays aborted', () => {
    assert.equal(after(repeat(3, FATAL), 180_000).kind, 'over');
    const aborted = after(repeat(3, FATAL));
    assert.equal(afterLoad(aborted, SUCCEEDED, monotonicMs(999_999), TIMEOUT), aborted);
  });

  test('it can be switched off', () => assert.equal(after(repeat(50, FATAL), 1, false).kind, 'over'));
});

const OWN: DynamicParameters = {
  logLevel: 'warn',
  logEachInvocation: true,
  scaleUpCallsPerMinute: 2000,
  sendDestinationId: false,
};

describe('§6.4 dynamic parameters', () => {
  const put = (name: string, text: string | undefined, current = OWN) => applyParameter(current, OWN, name, text);

  test('scaleup_rpm_threshold is a whole number of at least 10; what is not is refused and changes nothing', () => {
    assert.equal(put('scaleup_rpm_threshold', ' 10 ').parameters.scaleUpCallsPerMinute, 10);
    for (const text of ['9', '-1', '10.5', '1e3', '', 'many', '0x20', '9'.repeat(16)]) {
      const change = put('scaleup_rpm_threshold', text);
      assert.deepEqual([change.kind, change.parameters], ['refused', OWN], text);
      assert.match(change.because, /whole number of at least 10/);
    }
  });

  test('a deleted one means the node’s own setting again', () => {
    const current = { ...OWN, scaleUpCallsPerMinute: 10, logEachInvocation: false, sendDestinationId: true };
    assert.equal(put('scaleup_rpm_threshold', undefined, current).parameters.scaleUpCallsPerMinute, 2000);
    assert.equal(put('log_each_invocation', undefined, current).parameters.logEachInvocation, true);
    assert.equal(put('send_destination_id', undefined, current).parameters.sendDestinationId, false);
  });

  test('logger_level: unknown or deleted is info', () => {
    assert.equal(put('logger_level', 'DEBUG').parameters.logLevel, 'debug');
    assert.equal(put('logger_level', 'WARNING').parameters.logLevel, 'warn');
    assert.deepEqual([put('logger_level', 'loud').kind, put('logger_level', 'loud').parameters.logLevel], ['refused', 'info']);
    assert.equal(put('logger_level', undefined).parameters.logLevel, 'info');
  });

  test('flags are true or false', () => {
    assert.equal(put('log_each_invocation', 'False').parameters.logEachInvocation, false);
    assert.equal(put('send_destination_id', 'true').parameters.sendDestinationId, true);
    assert.deepEqual([put('send_destination_id', 'yes').kind, put('send_destination_id', 'yes').parameters], ['refused', OWN]);
  });

  test('unknown names and endless values change nothing, and the same again is no change', () => {
    assert.deepEqual([put('scaleup', '10').kind, put('scaleup', '10').parameters], ['unknown', OWN]);
    assert.equal(put('logger_level', 'x'.repeat(PARAMETER_CHARS_MAX + 1)).kind, 'refused');
    assert.equal(put('scaleup_rpm_threshold', '2000').kind, 'unchanged');
  });

  test('disable is looked at at the start: anything but false refuses it', () => {
    assert.deepEqual([undefined, 'false', ' False ', 'true', '', 'no'].map(isDisabled), [false, false, false, true, true, true]);
    assert.deepEqual(put('disable', 'true').parameters, OWN);
  });
});

test('§4.17 the constants are the spec’s', () => {
  assert.deepEqual([JANITOR_FIRST_MS, JANITOR_PERIOD_MS], [1000, 360_000]);
  assert.deepEqual([REAPER_FIRST_MS, REAPER_FIRST_READ_ONLY_MS, REAPER_PERIOD_MS], [120_000, 60_000, 420_000]);
  assert.deepEqual([INSTANCE_GONE_AFTER_MS, REAPED_AGE_MIN_MS], [600_000, 600_000]);
  assert.deepEqual([MIGRATED_USED_WITHIN_MS, MIGRATION_PARALLEL_MAX, CLEARANCE_PERIOD_MS], [3_600_000, 10, 180_000]);
});

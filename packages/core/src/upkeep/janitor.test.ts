/** Each rule of spec §4.10, and what §9.4 says of the janitor. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { durationMs, type EpochMs, epochMs, instanceId, type ModelKey, modelKey, revision } from '../index.ts';
import { type ModelRecord, newModelRecord, type Versioned } from '../records/index.ts';
import {
  decideChecked,
  JANITOR_CHECKS_MAX,
  JANITOR_PERIOD_MS,
  JANITOR_WRITES_MAX,
  type JanitorCopy,
  type JanitorRun,
  publishBehindMs,
  runJanitor,
} from './index.ts';

const NOW = epochMs(1_700_000_000_000);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SELF = instanceId('self');
const OTHER = instanceId('other');
const LOAD_TIMEOUT = durationMs(90_000);
const END_OF_TIME = epochMs(Number.MAX_SAFE_INTEGER);
const ago = (ms: number): EpochMs => epochMs(NOW - ms);

const aCopy = (name: string, part: Partial<JanitorCopy> = {}): JanitorCopy => ({
  model: modelKey(name),
  state: 'serving',
  claimedMs: ago(HOUR),
  lastUsedMs: ago(MINUTE),
  unloadTried: false,
  ...part,
});

const stored = (name: string, part: Partial<ModelRecord> = {}): Versioned<ModelRecord> => ({
  record: newModelRecord({ key: modelKey(name), type: 'onnx', lastUsedMs: ago(MINUTE), ...part }),
  revision: revision(7),
});

const claimedHere = (ms = HOUR): Partial<ModelRecord> => ({ copies: new Map([[SELF, ago(ms)]]) });
const failedHere = (ms: number, lastUsedMs = ago(HOUR)): Partial<ModelRecord> => ({
  failures: new Map([
    [SELF, { atMs: ago(ms), message: 'broken' }],
    [OTHER, { atMs: ago(10 * HOUR), message: 'broken there' }],
  ]),
  lastUsedMs,
});

function run(copies: readonly JanitorCopy[], records: readonly Versioned<ModelRecord>[]): JanitorRun {
  return runJanitor({
    self: SELF,
    nowMs: NOW,
    loadTimeoutMs: LOAD_TIMEOUT,
    failureExpiryMs: durationMs(900_000),
    copies: new Map<ModelKey, JanitorCopy>(copies.map((copy) => [copy.model, copy])),
    records,
  });
}

const faults = (result: JanitorRun) => result.writes.map(({ record, faults: found }) => `${record.key}: ${found.join(' ')}`);

describe('§4.10 records that name this instance', () => {
  test('what agrees is left alone', () => {
    assert.deepEqual(run([aCopy('m')], [stored('m', claimedHere())]), { writes: [], checks: [], lastUses: [], left: 0 });
  });

  test('a claim without a copy is withdrawn, at the revision it was judged at', () => {
    const { writes } = run([], [stored('m', claimedHere())]);
    assert.deepEqual([writes[0]?.record.copies.size, writes[0]?.revision, writes[0]?.faults], [0, 7, ['no-such-copy']]);
    assert.deepEqual(faults(run([aCopy('m', { state: 'failed' })], [stored('m', claimedHere())])), ['m: no-such-copy']);
    assert.deepEqual(faults(run([aCopy('m', { state: 'loading' })], [stored('m', claimedHere())])), []);
  });

  test('a claim with another stamp is corrected', () => {
    const { writes } = run([aCopy('m')], [stored('m', claimedHere(2 * HOUR))]);
    assert.deepEqual([writes[0]?.record.copies.get(SELF), writes[0]?.faults], [ago(HOUR), ['other-claim']]);
  });

  test('§4.4.10 a failure here expires after 15 minutes, after half of that where the model is in use; others are not ours', () => {
    const left = (ms: number, lastUsedMs?: EpochMs) =>
      run([], [stored('m', failedHere(ms, lastUsedMs))]).writes[0]?.record.failures;
    assert.equal(left(15 * MINUTE), undefined);
    assert.deepEqual([...(left(15 * MINUTE + 1)?.keys() ?? [])], [OTHER]);
    assert.equal(left(7.5 * MINUTE, ago(3 * MINUTE)), undefined);
    assert.equal(left(7.5 * MINUTE + 1, ago(3 * MINUTE))?.has(SELF), false);
    assert.equal(left(8 * MINUTE, ago(3 * MINUTE + 1)), undefined);
  });

  test('a last use is written when it is six to seven hours behind, at a time of its own in each instance', () => {
    const behind = publishBehindMs(SELF);
    assert.ok(behind >= 6 * HOUR && behind < 7 * HOUR);
    const spread = new Set(
      Array.from({ length: 50 }, (_, at) => Math.floor((publishBehindMs(instanceId(`pod-${at}`)) - 6 * HOUR) / (6 * MINUTE))),
    );
    assert.ok(spread.size >= 9, `${spread.size} tenths of the hour are used`);
    const write = (age: number) =>
      run([aCopy('m')], [stored('m', { ...claimedHere(), lastUsedMs: ago(MINUTE + age) })]).writes[0];
    assert.equal(write(Math.floor(behind)), undefined);
    assert.equal(write(Math.ceil(behind) + 1)?.record.lastUsedMs, ago(MINUTE));
  });

  test('all that is wrong with a record is one write', () => {
    const part = { ...failedHere(HOUR), lastUsedMs: END_OF_TIME };
    assert.deepEqual(faults(run([], [stored('m', part)])), ['m: failure-expired last-use-impossible']);
  });

  test('§9.4.14 a last use that cannot be true is set back by three hours, and the run goes on', () => {
    const copies = [aCopy('bad', { lastUsedMs: END_OF_TIME })];
    const records = [stored('bad', { ...claimedHere(), lastUsedMs: END_OF_TIME }), stored('gone', claimedHere())];
    const result = run(copies, records);
    assert.deepEqual(result.lastUses, [{ kind: 'set-last-use', model: 'bad', lastUsedMs: ago(3 * HOUR) }]);
    assert.deepEqual(faults(result), ['gone: no-such-copy', 'bad: last-use-impossible']);
    assert.equal(result.writes[1]?.record.lastUsedMs, ago(3 * HOUR));
  });

  test('a last use that is ahead by the skew of clocks is none of its business', () => {
    assert.deepEqual(run([aCopy('m')], [stored('m', { ...claimedHere(), lastUsedMs: ago(-HOUR) })]).writes, []);
  });
});

describe('§4.10.1 copies that no record names', () => {
  const DUE = 2 * JANITOR_PERIOD_MS + LOAD_TIMEOUT;

  test('they are looked up in the registry itself once they should be known, and not before', () => {
    const checks = (copy: JanitorCopy) => run([copy], [stored('m')]).checks.length;
    assert.equal(checks(aCopy('m', { claimedMs: ago(DUE - 1) })), 0);
    assert.equal(checks(aCopy('m', { claimedMs: ago(DUE) })), 1);
    assert.equal(checks(aCopy('m', { claimedMs: ago(DUE), state: 'loading' })), 0);
    assert.equal(checks(aCopy('m', { claimedMs: ago(DUE), lastUsedMs: NOW })), 1);
  });

  test('nothing is decided from the picture alone', () => {
    const result = run([aCopy('m')], []);
    assert.deepEqual([result.writes, result.checks.length], [[], 1]);
  });

  test('by what the registry says: unknown, failed here or being unloaded is dropped; else it is claimed again under its own stamp', () => {
    const decided = (copy: JanitorCopy, record: Versioned<ModelRecord> | undefined) =>
      decideChecked(copy, record, { self: SELF });
    assert.equal(decided(aCopy('m'), undefined).kind, 'drop');
    assert.equal(decided(aCopy('m'), stored('m', failedHere(MINUTE))).kind, 'drop');
    assert.equal(decided(aCopy('m', { unloadTried: true }), stored('m')).kind, 'drop');
    assert.equal(decided(aCopy('m'), stored('m', claimedHere())).kind, 'keep');
    const again = decided(aCopy('m'), stored('m'));
    assert.deepEqual(again.kind === 'claim' && [again.record.copies.get(SELF), again.revision], [ago(HOUR), 7]);
  });
});

describe('limits', () => {
  test('a run writes and checks a bounded number, what sends calls astray first, and says what is left', () => {
    const behind = Array.from({ length: 10 }, (_, at) => `behind${at}`);
    const wrong = Array.from({ length: JANITOR_WRITES_MAX }, (_, at) => `wrong${at}`);
    const lost = Array.from({ length: JANITOR_CHECKS_MAX + 5 }, (_, at) => `lost${at}`);
    const result = run(
      [...behind, ...lost].map((name) => aCopy(name)),
      [
        ...behind.map((name) => stored(name, { ...claimedHere(), lastUsedMs: ago(9 * HOUR) })),
        ...wrong.map((name) => stored(name, claimedHere())),
      ],
    );
    assert.equal(result.writes.length, JANITOR_WRITES_MAX);
    assert.ok(result.writes.every(({ faults: found }) => found[0] === 'no-such-copy'));
    assert.equal(result.checks.length, JANITOR_CHECKS_MAX);
    assert.equal(result.left, 15);
  });
});

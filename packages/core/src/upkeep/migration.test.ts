/** Spec §4.14 as the design corrects it: a copy serves here until another one serves (§9.4.18). */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { durationMs, epochMs, instanceId, modelKey, monotonicMs, sizeUnits } from '../index.ts';
import { DEFAULT_COPIES_POLICY, newModelRecord } from '../records/index.ts';
import {
  type LeavingCopy,
  MIGRATED_OLD_MAX,
  MIGRATION_PARALLEL_MAX,
  Migration,
  type MigrationEffect,
  migrationMs,
} from './index.ts';

const NOW = epochMs(1_700_000_000_000);
const MINUTE = 60_000;
const at = (ms: number) => monotonicMs(ms);

interface Leaving {
  readonly idleMs?: number;
  readonly state?: LeavingCopy['state'];
  readonly others?: Readonly<Record<string, number>>;
  readonly heavy?: boolean;
  readonly min?: number;
}

const leaving = (
  name: string,
  { idleMs = 0, state = 'serving', others = {}, heavy = false, min = 0 }: Leaving = {},
): LeavingCopy => ({
  record: newModelRecord({
    key: modelKey(name),
    type: 'onnx',
    copies: new Map(Object.entries({ self: 60 * MINUTE, ...others }).map(([id, age]) => [instanceId(id), epochMs(NOW - age)])),
    copiesPolicy: { ...DEFAULT_COPIES_POLICY, min },
  }),
  state,
  lastUsedMs: epochMs(NOW - idleMs),
  units: sizeUnits(10),
  heavy,
});

const begun = (copies: readonly LeavingCopy[], hasCandidate = true) => {
  const view = {
    self: instanceId('self'),
    nowMs: NOW,
    isLive: (id: string) => id !== 'dead',
    hasCandidate: () => hasCandidate,
    assumeLoadedAfterMs: () => durationMs(3000),
  };
  const migration = new Migration(copies, view, at(0), durationMs(20_000));
  return { migration, first: said(migration.begin(at(0))) };
};

const said = (effects: readonly MigrationEffect[]) =>
  effects.map((effect) => (effect.kind === 'done' ? 'done' : `${effect.kind} ${effect.model}`));

describe('§4.14 moving copies elsewhere', () => {
  test('most recently used first, so many at a time, each released only when another one serves', () => {
    const copies = Array.from({ length: MIGRATION_PARALLEL_MAX + 2 }, (_, n) =>
      leaving(`m${String(n).padStart(2, '0')}`, { idleMs: n }),
    );
    const { migration, first } = begun(copies);
    assert.deepEqual(
      first,
      copies.slice(0, 10).map(({ record }) => `load-elsewhere ${record.key}`),
    );
    assert.deepEqual(said(migration.served(modelKey('m03'), at(1))), ['release m03', 'load-elsewhere m10']);
    assert.equal(migration.left, 11);
  });

  test('holders and instances where it failed are excluded, last use and size are handed on', () => {
    const { migration } = begun([]);
    assert.equal(migration.isDone, true);
    const copy = leaving('m', { others: { dead: MINUTE }, idleMs: 5 });
    const view = {
      self: instanceId('self'),
      nowMs: NOW,
      isLive: () => false,
      hasCandidate: () => true,
      assumeLoadedAfterMs: () => durationMs(1),
    };
    const [effect] = new Migration([copy], view, at(0), durationMs(9000)).begin(at(0));
    assert.deepEqual(effect, { kind: 'load-elsewhere', model: 'm', exclude: ['self', 'dead'], lastUsedMs: NOW - 5, units: 10 });
  });

  test('loads that have not ended are given up at once', () => {
    assert.deepEqual(begun([leaving('q', { state: 'queued' }), leaving('l', { state: 'loading' })]).first.toSorted(), [
      'abort-load l',
      'abort-load q',
      'done',
    ]);
  });

  test('a copy that others serve is released at once, unless it is used heavily, they are loading, gone, or too few for copies.min', () => {
    const others = { b: MINUTE };
    assert.deepEqual(begun([leaving('m', { others })]).first, ['release m', 'done']);
    assert.deepEqual(begun([leaving('m', { others, heavy: true })]).first, ['load-elsewhere m']);
    assert.deepEqual(begun([leaving('m', { others, min: 2 })]).first, ['load-elsewhere m']);
    assert.deepEqual(begun([leaving('m', { others: { b: 1000 } })]).first, ['load-elsewhere m']);
    assert.deepEqual(begun([leaving('m', { others: { dead: MINUTE } })]).first, ['load-elsewhere m']);
  });

  test('those used within the last hour are waited for, older ones are only asked for, a bounded number of them', () => {
    const { migration, first } = begun([leaving('new', { idleMs: 60 * MINUTE }), leaving('old', { idleMs: 60 * MINUTE + 1 })]);
    assert.deepEqual(first, ['load-elsewhere new', 'load-elsewhere old']);
    assert.deepEqual(said(migration.served(modelKey('new'), at(5))), ['release new', 'release old', 'done']);
    const many = begun(Array.from({ length: 1000 }, (_, n) => leaving(`m${n}`, { idleMs: 100 * MINUTE }))).first;
    assert.equal(many.filter((one) => one.startsWith('load-elsewhere')).length, MIGRATED_OLD_MAX + MIGRATION_PARALLEL_MAX);
    assert.equal(many.filter((one) => one.startsWith('release')).length, 1000);
    assert.equal(many.at(-1), 'done');
  });

  test('at the deadline nothing is waited for any more, and every claim is withdrawn', () => {
    const { migration } = begun([leaving('a'), leaving('b')]);
    assert.deepEqual(said(migration.tick(at(19_999))), []);
    assert.deepEqual(said(migration.tick(at(20_000))), ['release a', 'release b', 'done']);
    assert.deepEqual([migration.tick(at(20_001)), migration.served(modelKey('a'), at(20_002))], [[], []]);
  });

  test('the only instance just withdraws its claims', () => {
    assert.deepEqual(begun([leaving('a'), leaving('b')], false).first, ['release a', 'release b', 'done']);
  });

  test('what no other instance can load is released, and the rest goes on', () => {
    const { migration } = begun([leaving('a'), leaving('b')]);
    const effects = migration.failed(modelKey('a'), 'no room', at(1));
    assert.deepEqual(effects, [{ kind: 'release', model: 'a', because: 'it could not be loaded elsewhere: no room' }]);
    assert.equal(migration.isDone, false);
  });

  test('the time for it is that of the shutdown less four seconds, at least two', () => {
    assert.deepEqual([migrationMs(durationMs(30_000)), migrationMs(durationMs(1000))], [26_000, 2000]);
  });
});

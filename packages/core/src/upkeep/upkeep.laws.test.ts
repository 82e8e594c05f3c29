import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { durationMs, epochMs, instanceId, modelKey, monotonicMs, revision, sizeUnits } from '../index.ts';
import { type ModelRecord, newModelRecord, putOf, type Versioned } from '../records/index.ts';
import { RegistryView } from '../view/index.ts';
import { type JanitorCopy, type JanitorView, type LeavingCopy, Migration, runJanitor, runReaper } from './index.ts';

const NOW = epochMs(1_700_000_000_000);
const HOUR = 3_600_000;
const NAMES = ['self', 'b', 'c', 'd'].map((name) => instanceId(name));
const SELF = instanceId('self');

const anInstant = fc.oneof(
  fc.integer({ min: -2 * HOUR, max: 30 * HOUR }).map((age) => epochMs(NOW - age)),
  fc.constant(epochMs(Number.MAX_SAFE_INTEGER)),
);
const aPast = fc.nat(30 * HOUR).map((age) => epochMs(NOW - age));

const aModel = (name: string): fc.Arbitrary<ModelRecord> =>
  fc
    .record({
      states: fc.tuple(...NAMES.map(() => fc.constantFrom('copy', 'failure', 'nothing'))),
      atMs: aPast,
      lastUsedMs: anInstant,
    })
    .map(({ states, atMs, lastUsedMs }) => {
      const of = (state: string) => NAMES.filter((_, at) => states[at] === state);
      return newModelRecord({
        key: modelKey(name),
        type: 'onnx',
        lastUsedMs,
        copies: new Map(of('copy').map((id) => [id, atMs])),
        failures: new Map(of('failure').map((id) => [id, { atMs, message: '' }])),
      });
    });

const aCopy = (name: string): fc.Arbitrary<JanitorCopy> =>
  fc.record({
    model: fc.constant(modelKey(name)),
    state: fc.constantFrom('loading' as const, 'serving' as const, 'failed' as const),
    claimedMs: aPast,
    lastUsedMs: anInstant,
    unloadTried: fc.boolean(),
  });

const MODELS = ['m0', 'm1', 'm2', 'm3', 'm4', 'm5'];
const someRecords = fc.tuple(...MODELS.map(aModel));
const someCopies = fc.tuple(...MODELS.map((name) => fc.option(aCopy(name), { nil: undefined })));

const viewOf = (records: readonly ModelRecord[], copies: readonly (JanitorCopy | undefined)[]): JanitorView => ({
  self: SELF,
  nowMs: NOW,
  loadTimeoutMs: durationMs(90_000),
  failureExpiryMs: durationMs(900_000),
  copies: new Map(copies.flatMap((copy) => (copy === undefined ? [] : [[copy.model, copy] as const]))),
  records: records.map((record): Versioned<ModelRecord> => ({ record, revision: revision(1) })),
});

test('law: a second run of the janitor on what the first one wrote finds nothing; it never touches what others claim', () => {
  fc.assert(
    fc.property(someRecords, someCopies, (records, copies) => {
      const first = runJanitor(viewOf(records, copies));
      const byKey = new Map(first.writes.map(({ record }) => [record.key, record]));
      const after = records.map((record) => byKey.get(record.key) ?? record);
      for (const [at, record] of after.entries())
        for (const other of NAMES.slice(1)) {
          assert.equal(record.copies.get(other), records[at]?.copies.get(other));
          assert.equal(record.failures.get(other), records[at]?.failures.get(other));
        }
      const repaired = copies.map((copy) => {
        const change = first.lastUses.find(({ model }) => model === copy?.model);
        return copy === undefined || change === undefined ? copy : { ...copy, lastUsedMs: change.lastUsedMs };
      });
      assert.deepEqual({ ...runJanitor(viewOf(after, repaired)), checks: [] }, { writes: [], checks: [], lastUses: [], left: 0 });
      for (const record of after) {
        if (!record.copies.has(SELF)) continue;
        const copy = copies.find((one) => one?.model === record.key);
        assert.ok(copy !== undefined && copy.state !== 'failed' && copy.claimedMs === record.copies.get(SELF));
      }
    }),
    { numRuns: 1000 },
  );
});

test('law: after a run of the reaper no record names a gone instance but for what is young, and nothing else has changed', () => {
  fc.assert(
    fc.property(someRecords, fc.subarray(NAMES), (records, gone) => {
      const view = new RegistryView();
      for (const [at, record] of records.entries()) view.applyCommitted([putOf(record, revision(0))], revision(at + 1), NOW);
      const { writes, confirm } = runReaper(view, gone, NOW);
      assert.equal(new Set(writes.map(({ record }) => record.key)).size, writes.length);
      assert.ok(confirm.every((instance) => gone.includes(instance)));
      for (const before of records) {
        const after = writes.find(({ record }) => record.key === before.key)?.record ?? before;
        for (const instance of NAMES) {
          const claimed = before.copies.get(instance);
          const failure = before.failures.get(instance);
          const goes = (atMs: number | undefined) => gone.includes(instance) && atMs !== undefined && NOW - atMs >= 600_000;
          assert.equal(after.copies.get(instance), goes(claimed) ? undefined : claimed);
          assert.equal(after.failures.get(instance), goes(failure?.atMs) ? undefined : failure);
        }
      }
    }),
    { numRuns: 1000 },
  );
});

const aLeaving = (at: number): fc.Arbitrary<LeavingCopy> =>
  fc.record({
    record: aModel(`m${at}`),
    state: fc.constantFrom('queued' as const, 'loading' as const, 'serving' as const, 'serving' as const),
    lastUsedMs: aPast,
    units: fc.constant(sizeUnits(1)),
    heavy: fc.boolean(),
  });
const someLeaving = fc
  .integer({ min: 0, max: 40 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, at) => aLeaving(at))));

test('law: however loads elsewhere end, every serving copy is released exactly once, and at the deadline it is over', () => {
  fc.assert(
    fc.property(someLeaving, fc.array(fc.boolean(), { maxLength: 60 }), fc.boolean(), (copies, ends, hasCandidate) => {
      const view = {
        self: SELF,
        nowMs: NOW,
        isLive: (id: string) => id !== 'd',
        hasCandidate: () => hasCandidate,
        assumeLoadedAfterMs: () => durationMs(3000),
      };
      const migration = new Migration(copies, view, monotonicMs(0), durationMs(1000));
      const effects = [...migration.begin(monotonicMs(0))];
      for (const [at, served] of ends.entries()) {
        const moving = effects.filter(({ kind }) => kind === 'load-elsewhere').map((effect) => 'model' in effect && effect.model);
        const released = new Set(effects.flatMap((effect) => (effect.kind === 'release' ? [effect.model] : [])));
        const next = moving.find((model) => model !== false && !released.has(model));
        if (next === undefined || next === false) break;
        const now = monotonicMs(at);
        effects.push(...(served ? migration.served(next, now) : migration.failed(next, 'broken', now)));
      }
      effects.push(...migration.tick(monotonicMs(1000)));
      assert.equal(migration.isDone, true);
      assert.equal(effects.filter(({ kind }) => kind === 'done').length, 1);
      assert.equal(effects.at(-1)?.kind, 'done');
      const released = effects.flatMap((effect) => (effect.kind === 'release' ? [effect.model] : []));
      const serving = copies.filter(({ state }) => state === 'serving').map(({ record }) => record.key);
      assert.deepEqual(released.toSorted(), serving.toSorted());
    }),
    { numRuns: 1000 },
  );
});

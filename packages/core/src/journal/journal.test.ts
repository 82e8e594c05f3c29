import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CacheDecision, type CachePolicyName, createCachePolicy } from '../cache/index.ts';
import { CacheRig, mib } from '../cache/testing/index.ts';
import { durationMs, epochMs, instanceId, modelKey } from '../index.ts';
import {
  cacheRecord,
  DecisionJournal,
  type DecisionKind,
  JOURNAL_AGE_MS,
  JOURNAL_RECORDS_MAX,
  RECORD_MODELS_MAX,
} from './index.ts';

const HERE = instanceId('here');
const KINDS = ['placement', 'eviction', 'refusal', 'route', 'scale', 'runtime'] as const;
const body = (kind: DecisionKind, model: string, atMs = 0) =>
  ({ kind, model: modelKey(model), atMs: epochMs(atMs), because: 'it was asked for' }) as const;

test('law: a journal keeps the newest records of each kind, and tells them newest first', () => {
  const added = fc.array(fc.record({ kind: fc.constantFrom(...KINDS), model: fc.constantFrom('a', 'b') }), { maxLength: 60 });
  fc.assert(
    fc.property(added, (bodies) => {
      const journal = new DecisionJournal(3);
      const records = bodies.map(({ kind, model }) => journal.add(body(kind, model)));
      for (const kind of KINDS) {
        const newest = records.filter((record) => record.kind === kind).slice(-3);
        assert.deepEqual(journal.find({ kind }, epochMs(0), 100), newest.toReversed());
        for (const model of ['a', 'b'])
          assert.deepEqual(
            journal.find({ kind, model: modelKey(model) }, epochMs(0), 100),
            newest.filter((record) => record.model === model).toReversed(),
          );
      }
      const all = journal.find({}, epochMs(0), 100).map(({ id }) => id);
      assert.deepEqual(
        all,
        all.toSorted((a, b) => b - a),
      );
    }),
  );
});

test('limits by number and age: a flood of failed calls leaves the one eviction, which is told for a day', () => {
  const journal = new DecisionJournal();
  const eviction = journal.add(body('eviction', 'm'));
  for (let call = 0; call <= JOURNAL_RECORDS_MAX; call += 1) journal.add(body('route', 'm'));
  const find = (kind: DecisionKind, nowMs: number) => journal.find({ kind }, epochMs(nowMs), Number.MAX_SAFE_INTEGER);
  assert.equal(find('route', 0).length, JOURNAL_RECORDS_MAX);
  assert.deepEqual(find('eviction', JOURNAL_AGE_MS), [eviction]);
  assert.deepEqual(find('eviction', JOURNAL_AGE_MS + 1), []);
  assert.equal(journal.find({}, epochMs(0), 5).length, 5);
});

test('a record is found by the models that it touched, its instance and its request', () => {
  const journal = new DecisionJournal(10, durationMs(1000));
  const victims = Array.from({ length: RECORD_MODELS_MAX + 1 }, (_, at) => modelKey(`v${at}`));
  journal.add({ ...body('eviction', 'new'), models: victims, instance: HERE });
  const call = journal.add({ ...body('route', 'new'), requestId: 'r-1' });
  const ids = (query: Parameters<DecisionJournal['find']>[0]) => journal.find(query, epochMs(0), 9).map(({ id }) => id);
  assert.deepEqual(ids({ model: modelKey('v7') }), [1]);
  assert.deepEqual(ids({ model: modelKey(`v${RECORD_MODELS_MAX}`) }), [], 'beyond the limit of a record');
  assert.deepEqual(ids({ model: modelKey('new') }), [2, 1]);
  assert.deepEqual(ids({ instance: HERE }), [1]);
  assert.deepEqual(ids({ requestId: 'r-1' }), [call.id]);
  assert.deepEqual(ids({ requestId: 'r-2' }), []);
});

/** Records of what a real cache decided when it was full. */
function decided(policy: CachePolicyName): readonly CacheDecision[] {
  const rig = new CacheRig({}, {}, createCachePolicy(policy));
  rig.ready(mib(256));
  for (let model = 0; model < 7; model += 1) {
    rig.request(`m${model}`);
    rig.clock.advance(2000);
  }
  rig.request('huge', { declaredUnits: null, knownUnits: null, urgency: 'background', lastUsedMs: epochMs(1) });
  rig.clock.runAll();
  return rig.cache.decisions();
}

test('decisions of the cache become records with a sentence, with the scores of the policy that made them', () => {
  for (const policy of ['lru', 'cost-aware'] as const) {
    const decisions = decided(policy);
    const records = decisions.map((decision) => cacheRecord(decision, HERE));
    const [first] = records;
    assert.equal(first?.kind, 'eviction');
    assert.match(first?.because ?? '', /^m0 goes, since \d+\.\d MiB had to come free: m\d is to be loaded$/);
    assert.deepEqual(first?.models, ['m0']);
    assert.equal(first?.instance, HERE);
    const [evict] = decisions;
    assert.ok(evict?.kind === 'evict' && evict.victims[0] !== undefined);
    assert.equal(evict.victims[0].rank.policy, policy);
    assert.deepEqual(first?.details?.victims, evict.victims);
    assert.equal(records.at(-1)?.kind, 'refusal');
    assert.match(records.at(-1)?.because ?? '', /^no room: /);
    assert.doesNotThrow(() => structuredClone(records));
  }
});

test('every kind of decision of the cache has its sentence', () => {
  const about = { number: 0, atMs: epochMs(1), model: modelKey('m') };
  const units = 128 as never;
  const sentences = (
    [
      { ...about, kind: 'hold', neededUnits: units, awaitedCopies: 3 },
      { ...about, kind: 'overdraft', overdraftUnits: units, pinnedUnits: units },
      { ...about, model: '' as never, kind: 'recycle', because: 'memory was not given back' },
    ] as const
  ).map((decision) => cacheRecord(decision, HERE));
  assert.deepEqual(
    sentences.map(({ kind, because, model }) => [kind, because, model]),
    [
      ['refusal', 'waits for 1.0 MiB: the 3 copies that could go are awaited by calls themselves', 'm'],
      ['runtime', 'measured 1.0 MiB above what there is, and nothing that could go is left', 'm'],
      ['runtime', 'memory was not given back', null],
    ],
  );
});

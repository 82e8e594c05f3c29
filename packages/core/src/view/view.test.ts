import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { resolveName, versionedKey } from '../identity/index.ts';
import {
  keyOf,
  type ModelRecord,
  modelRecordKey,
  newEndpointPolicy,
  newEndpointRecord,
  newFiguresRecord,
  newInstanceRecord,
  newModelRecord,
  newPolicyRecord,
  newVariant,
  newWeightsRecord,
  type RegistryEvent,
  type RegistryRecord,
  withCopyClaimed,
  withFailure,
} from '../records/index.ts';
import { DEFAULT_NAMESPACE, endpointId, epochMs, instanceId, modelKey, namespace, revision } from '../units.ts';
import { failingUntilMs, isClean, isServable, LOAD_FAILURE_EXPIRY_MS, REMEMBERED_DELETIONS_MAX, RegistryView } from './index.ts';

const ns = DEFAULT_NAMESPACE;
const nowMs = epochMs(10_000_000);
const put = (record: RegistryRecord, at: number): RegistryEvent => ({
  kind: 'put',
  key: keyOf(record),
  record,
  revision: revision(at),
});
const gone = (record: RegistryRecord, at: number): RegistryEvent => ({
  kind: 'delete',
  key: keyOf(record),
  revision: revision(at),
});
const model = (key: string, more: Partial<ModelRecord> = {}) => newModelRecord({ key: modelKey(key), type: 't', ...more });
const version = (text: string, more: Partial<ModelRecord> = {}) =>
  newModelRecord({ key: versionedKey('f', text), type: 't', family: 'f', version: text, ...more });
const i1 = instanceId('i1');
const e = endpointId('e');
const failedAt = (record: ModelRecord, atMs: number) => withFailure(record, i1, { atMs: epochMs(atMs), message: 'no' });

test('a model fails as long as a failure counts and no copy is anywhere; a stamp from another clock counts as of now', () => {
  const until = (record: ModelRecord) => failingUntilMs(record, nowMs, LOAD_FAILURE_EXPIRY_MS);
  assert.equal(until(model('a')), null);
  assert.equal(until(failedAt(model('a'), nowMs - 1000)), nowMs - 1000 + LOAD_FAILURE_EXPIRY_MS);
  assert.equal(until(failedAt(model('a'), nowMs + 5000)), nowMs + LOAD_FAILURE_EXPIRY_MS);
  assert.equal(until(failedAt(model('a'), nowMs - LOAD_FAILURE_EXPIRY_MS)), null);
  assert.equal(until(withCopyClaimed(failedAt(model('a'), nowMs), instanceId('i2'), nowMs)), null);
});

describe('what became dirty', () => {
  it('is each changed name once', () => {
    const view = new RegistryView();
    const a = model('a');
    const dirty = view.apply([put(a, 1), put(withCopyClaimed(a, i1, nowMs), 2)], nowMs);
    assert.deepEqual(dirty, {
      models: [{ namespace: ns, name: 'a' }],
      endpoints: [],
      families: [],
      instances: [],
      policyAcks: [],
    });
  });

  it('names the endpoints of a model that appears or vanishes, and not of one that merely changes', () => {
    const view = new RegistryView();
    const [a, b] = [model('a'), model('b')];
    const endpoint = newEndpointRecord({ id: e, active: a.key, target: b.key });
    view.apply([put(endpoint, 1)], nowMs);
    assert.deepEqual(view.apply([put(a, 2)], nowMs).endpoints, [{ namespace: ns, name: 'e' }]);
    assert.deepEqual(view.apply([put({ ...a, refs: 1 }, 3)], nowMs).endpoints, []);
    assert.deepEqual(view.apply([gone(a, 4)], nowMs).endpoints, [{ namespace: ns, name: 'e' }]);
  });

  it('names the endpoint of a variant whose model vanishes, whichever of its two records was learned first', () => {
    const b = model('b');
    const endpoint = newEndpointRecord({ id: e, active: modelKey('a'), policyRevision: 1 });
    const variants = [newVariant({ name: 'x', model: endpoint.active }), newVariant({ name: 'y', model: b.key })];
    const policy = newPolicyRecord({ id: e, revision: 1, policy: newEndpointPolicy({ variants, defaultVariant: 'x' }) });
    for (const [first, second] of [
      [endpoint, policy],
      [policy, endpoint],
    ] as const) {
      const view = new RegistryView();
      view.apply([put(b, 1), put(first, 2)], nowMs);
      view.apply([put(second, 3)], nowMs);
      assert.deepEqual([...view.referentsOf(ns, b.key)], ['e']);
      assert.deepEqual(view.apply([gone(b, 4)], nowMs).endpoints, [{ namespace: ns, name: 'e' }]);
      view.apply([gone(endpoint, 5), gone(policy, 5)], nowMs);
      assert.deepEqual([...view.referentsOf(ns, b.key)], []);
    }
  });

  it('names an endpoint whose policy changed, and an instance', () => {
    const view = new RegistryView();
    const policy = newPolicyRecord({ id: e, revision: 1, policy: newEndpointPolicy({ variants: [], defaultVariant: 'x' }) });
    const instance = newInstanceRecord({ id: i1, startedAtMs: nowMs });
    const dirty = view.apply([put(policy, 1), put(instance, 1)], nowMs);
    assert.deepEqual([dirty.endpoints, dirty.instances], [[{ namespace: ns, name: 'e' }], ['i1']]);
    assert.equal(view.policy(ns, e)?.record, policy);
    assert.equal(view.instance(i1)?.record, instance);
    assert.ok(!isClean(view.apply([gone(policy, 2), gone(instance, 2)], nowMs)));
    assert.deepEqual([view.policy(ns, e), view.instance(i1)], [undefined, undefined]);
  });

  it('names an endpoint whose weights changed, and nothing for what instances count', () => {
    const view = new RegistryView();
    const weights = newWeightsRecord({ id: e, revision: 1, sequence: 1, changedAtMs: nowMs, slots: [] });
    const figures = newFiguresRecord({ instance: i1, incarnation: 'a', endpoints: [] });
    assert.deepEqual(view.apply([put(weights, 1)], nowMs).endpoints, [{ namespace: ns, name: 'e' }]);
    assert.ok(isClean(view.apply([put(figures, 2)], nowMs)));
    assert.equal(view.weights(ns, e)?.record, weights);
    assert.deepEqual([...view.figures()], [{ record: figures, revision: revision(2) }]);
    view.reset([], revision(3), nowMs);
    assert.deepEqual([view.weights(ns, e), [...view.figures()]], [undefined, []]);
  });

  it('is nothing for an event that is known already', () => {
    const view = new RegistryView();
    const a = model('a');
    view.apply([put(a, 5)], nowMs);
    assert.ok(isClean(view.apply([put({ ...a, refs: 9 }, 4), put(a, 5), gone(a, 3)], nowMs)));
    assert.equal(view.model(ns, a.key)?.record.refs, 0);
  });
});

describe('a family', () => {
  it('is answered by its newest servable version, and is dirty when that changes', () => {
    const view = new RegistryView();
    assert.deepEqual(view.apply([put(version('1'), 1)], nowMs).families, [{ namespace: ns, name: 'f' }]);
    assert.deepEqual(view.apply([put(version('10'), 2)], nowMs).families, [{ namespace: ns, name: 'f' }]);
    assert.deepEqual(view.apply([put(version('9'), 3)], nowMs).families, []);
    assert.equal(view.newestOf(ns, 'f'), 'f@10');
    assert.deepEqual(
      view.versionsOf(ns, 'f').map(({ version: text }) => text),
      ['10', '9', '1'],
    );
    assert.deepEqual(resolveName(view, { namespace: ns, name: 'f' }), { kind: 'model', key: 'f@10', by: 'family' });
  });

  it('passes over a version that failed until the failure expires', () => {
    const view = new RegistryView();
    view.apply([put(version('1'), 1), put(failedAt(version('2'), nowMs), 2)], nowMs);
    assert.equal(view.newestOf(ns, 'f'), 'f@1');
    assert.ok(isClean(view.expireFailures(epochMs(nowMs + LOAD_FAILURE_EXPIRY_MS - 1))));
    const dirty = view.expireFailures(epochMs(nowMs + LOAD_FAILURE_EXPIRY_MS));
    assert.deepEqual([dirty.families, view.newestOf(ns, 'f')], [[{ namespace: ns, name: 'f' }], 'f@2']);
  });

  it('is answered by its newest version where none is servable, and by none where all are gone', () => {
    const view = new RegistryView();
    view.apply([put(failedAt(version('1'), nowMs), 1), put(failedAt(version('2'), nowMs), 2)], nowMs);
    assert.equal(view.newestOf(ns, 'f'), 'f@2');
    const dirty = view.apply([gone(version('1'), 3), gone(version('2'), 3)], nowMs);
    assert.deepEqual([dirty.families.length, view.newestOf(ns, 'f')], [1, undefined]);
  });

  it('loses a version that moves to another family', () => {
    const view = new RegistryView();
    view.apply([put(version('1'), 1), put(version('2'), 1)], nowMs);
    view.apply([put({ ...version('2'), family: 'g' }, 2)], nowMs);
    assert.deepEqual([view.newestOf(ns, 'f'), view.newestOf(ns, 'g')], ['f@1', 'f@2']);
  });
});

describe('servable', () => {
  it('is a model with a copy or without an unexpired failure; a failure stamped in the future counts as of now', () => {
    const fresh = failedAt(model('a'), nowMs);
    assert.ok(isServable(model('a'), nowMs, LOAD_FAILURE_EXPIRY_MS));
    assert.ok(!isServable(fresh, nowMs, LOAD_FAILURE_EXPIRY_MS));
    assert.ok(isServable(withCopyClaimed(fresh, instanceId('i2'), nowMs), nowMs, LOAD_FAILURE_EXPIRY_MS));
    assert.ok(isServable(fresh, epochMs(nowMs + LOAD_FAILURE_EXPIRY_MS), LOAD_FAILURE_EXPIRY_MS));
    assert.ok(!isServable(failedAt(model('a'), nowMs * 2), nowMs, LOAD_FAILURE_EXPIRY_MS));
  });
});

describe('the indexes', () => {
  it('know the endpoints of a model and the models of an instance, and forget them', () => {
    const view = new RegistryView();
    const a = withCopyClaimed(model('a'), i1, nowMs);
    const b = failedAt(model('b'), nowMs);
    const endpoint = newEndpointRecord({ id: e, active: a.key });
    view.apply([put(a, 1), put(b, 1), put(endpoint, 1)], nowMs);
    assert.deepEqual([...view.referentsOf(ns, a.key)], ['e']);
    assert.deepEqual(
      [...view.modelsNaming(i1)].map(({ name }) => name),
      ['a', 'b'],
    );
    view.apply([put({ ...endpoint, active: b.key, target: b.key }, 2), gone(a, 2)], nowMs);
    assert.deepEqual([[...view.referentsOf(ns, a.key)], [...view.referentsOf(ns, b.key)]], [[], ['e']]);
    assert.deepEqual(
      [...view.modelsNaming(i1)].map(({ name }) => name),
      ['b'],
    );
    assert.deepEqual([...view.namedInstances()], [i1]);
    view.apply([gone(b, 3)], nowMs);
    assert.deepEqual([...view.namedInstances()], []);
  });

  it('keep namespaces apart', () => {
    const view = new RegistryView();
    const other = namespace('other');
    view.apply([put(model('a', { namespace: other }), 1)], nowMs);
    assert.deepEqual([view.hasModel(ns, modelKey('a')), view.hasModel(other, modelKey('a'))], [false, true]);
    assert.deepEqual([[...view.models(ns)].length, [...view.models()].length, [...view.namespaces()]], [0, 1, ['other']]);
  });
});

describe('a transaction of our own', () => {
  it('is seen before the watch tells it, and a late watch does not undo it', () => {
    const view = new RegistryView();
    const a = model('a');
    view.applyCommitted([{ kind: 'put', key: keyOf(a), record: a, expected: revision(0) }], revision(3), nowMs);
    view.applyCommitted([{ kind: 'delete', key: keyOf(a), expected: revision(3) }], revision(5), nowMs);
    assert.ok(isClean(view.apply([put(a, 3)], nowMs)), 'a put older than our deletion');
    assert.ok(isClean(view.apply([gone(a, 5)], nowMs)));
    assert.ok(!isClean(view.apply([put(a, 6)], nowMs)), 'a put after it');
  });

  it('of somebody else that the watch told first stands against a write of our own that was committed before it', () => {
    const view = new RegistryView();
    const a = model('a');
    view.apply([put(a, 1)], nowMs);
    view.apply([gone(a, 3)], nowMs);
    const late = { kind: 'put', key: keyOf(a), record: a, expected: revision(1) } as const;
    assert.ok(isClean(view.applyCommitted([late], revision(2), nowMs)));
    assert.equal(view.model(ns, a.key), undefined);
    assert.ok(!isClean(view.apply([put(a, 4)], nowMs)), 'one that is registered anew is new');
  });

  it('that is forgotten because of its limit shows the record again until the watch deletes it', () => {
    const view = new RegistryView();
    const a = model('a');
    view.applyCommitted([{ kind: 'put', key: keyOf(a), record: a, expected: revision(0) }], revision(1), nowMs);
    const deletions = Array.from({ length: REMEMBERED_DELETIONS_MAX }, (_, at) => modelRecordKey(modelKey(`m${at}`)));
    for (const key of [keyOf(a), ...deletions])
      view.applyCommitted([{ kind: 'delete', key, expected: 'any' }], revision(2), nowMs);
    assert.ok(!isClean(view.apply([put(a, 1)], nowMs)));
    assert.ok(!isClean(view.apply([gone(a, 2)], nowMs)));
  });
});

describe('a whole listing', () => {
  it('replaces what is older, deletes what is missing and keeps what is newer', () => {
    const view = new RegistryView();
    const [a, b, c] = [model('a'), model('b'), model('c')];
    view.apply([put(a, 1), put(b, 1)], nowMs);
    view.applyCommitted([{ kind: 'put', key: keyOf(c), record: c, expected: revision(0) }], revision(9), nowMs);
    const dirty = view.reset([{ record: { ...a, refs: 2 }, revision: revision(4) }], revision(5), nowMs);
    assert.deepEqual(dirty.models.map(({ name }) => name).toSorted(), ['a', 'b']);
    assert.deepEqual([...view.models()].map(({ record }) => `${record.key} ${record.refs}`).toSorted(), ['a 2', 'c 0']);
  });
});

describe('the laws of the view', () => {
  const versions = ['1', '2', '10', 'b'];
  const change = fc.record({
    text: fc.constantFrom(...versions),
    what: fc.constantFrom('put' as const, 'fail' as const, 'copy' as const, 'delete' as const),
    family: fc.constantFrom('f', 'g', undefined),
  });
  const recordOf = ({ text, what, family }: { text: string; what: string; family: string | undefined }): ModelRecord => {
    const plain = { ...version(text), family };
    return what === 'fail' ? failedAt(plain, nowMs) : what === 'copy' ? withCopyClaimed(plain, i1, nowMs) : plain;
  };
  const eventsOf = (changes: readonly { text: string; what: string; family: string | undefined }[]): RegistryEvent[] =>
    changes.map((item, at) => (item.what === 'delete' ? gone(recordOf(item), at + 1) : put(recordOf(item), at + 1)));
  const pictureOf = (view: RegistryView) => ({
    models: [...view.models()].map(({ record, revision: at }) => `${record.key} ${at}`).toSorted(),
    newest: ['f', 'g'].map((family) => view.newestOf(ns, family)),
    versions: ['f', 'g'].map((family) => view.versionsOf(ns, family).map(({ key }) => key)),
    naming: [...view.modelsNaming(i1)].map(({ name }) => name).toSorted(),
    named: [...view.namedInstances()].toSorted(),
  });

  it('law: the picture is the same whether events come one by one, in one batch, twice, or as a listing', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const events = eventsOf(changes);
        const [single, batch, twice, listed] = [1, 2, 3, 4].map(() => new RegistryView());
        assert.ok(single && batch && twice && listed);
        for (const event of events) single.apply([event], nowMs);
        batch.apply(events, nowMs);
        for (const event of events) twice.apply([event, event], nowMs);
        listed.reset([...single.models()], revision(events.length), nowMs);
        for (const other of [batch, twice, listed]) assert.deepEqual(pictureOf(other), pictureOf(single));
      }),
    );
  });

  it('law: the counts are those of the records that there are', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const view = new RegistryView();
        for (const event of eventsOf(changes)) view.apply([event], nowMs);
        const records = [...view.models()].map(({ record }) => record);
        assert.deepEqual(view.counts(), {
          registered: records.length,
          withCopy: records.filter(({ copies }) => copies.size > 0).length,
          withFailure: records.filter(({ failures }) => failures.size > 0).length,
        });
      }),
    );
  });

  it('law: every name whose answer changed is dirty', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const view = new RegistryView();
        for (const event of eventsOf(changes)) {
          const before = ['f', 'g'].map((family) => view.newestOf(ns, family));
          const dirty = view.apply([event], nowMs).families.map(({ name }) => name);
          ['f', 'g'].forEach((family, at) => {
            if (view.newestOf(ns, family) !== before[at]) assert.ok(dirty.includes(family), family);
          });
        }
      }),
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Bug } from '../assert.ts';
import { endpointId, epochMs, type InstanceId, instanceId, modelKey, revision } from '../units.ts';
import {
  type EndpointRecord,
  historyKeyOf,
  keyOf,
  LOAD_FAILURE_MESSAGE_CHARS_MAX,
  leastRecentUseOrEndOfTime,
  type ModelRecord,
  newEndpointPolicy,
  newEndpointRecord,
  newInstanceRecord,
  newModelRecord,
  newPolicyRecord,
  putOf,
  referencedModels,
  sameInfo,
  withCopyClaimed,
  withCopyUnloaded,
  withCopyWithdrawn,
  withFailure,
  withLastUsed,
  withoutFailureOf,
  withoutFailures,
  withoutFailuresUntil,
  withRefs,
  withShutdownAnnounced,
  withTarget,
  withTransitionDone,
  withTransitionFailed,
} from './index.ts';

const model = newModelRecord({ key: modelKey('m'), type: 'onnx' });
const i1 = instanceId('i1');
const i2 = instanceId('i2');
const i3 = instanceId('i3');
const i4 = instanceId('i4');
const failure = (atMs: number, message = 'broken') => ({ atMs: epochMs(atMs), message });

describe('a model record', () => {
  it('is born without copies, failures and references and with the defaults of an absent field', () => {
    assert.equal(model.copies.size + model.failures.size + model.refs, 0);
    assert.deepEqual(
      [model.path, model.encKey, model.retry, model.autoDelete, model.namespace],
      ['', '', 'safe', false, 'default'],
    );
  });

  it('refuses to be born with an instance in both maps', () => {
    const both = { copies: new Map([[i1, epochMs(1)]]), failures: new Map([[i1, failure(1)]]) };
    assert.throws(() => newModelRecord({ key: modelKey('m'), type: 't', ...both }), Bug);
  });

  it('forgets a failure where a copy is claimed, and a copy where a load failed', () => {
    const failed = withFailure(withCopyClaimed(model, i1, epochMs(1)), i1, failure(2));
    assert.deepEqual([failed.copies.size, failed.failures.get(i1)?.message], [0, 'broken']);
    const claimed = withCopyClaimed(failed, i1, epochMs(3));
    assert.deepEqual([claimed.copies.get(i1), claimed.failures.size], [3, 0]);
  });

  it('cuts a failure message that is longer than the limit', () => {
    const failed = withFailure(model, i1, failure(1, 'x'.repeat(LOAD_FAILURE_MESSAGE_CHARS_MAX + 1)));
    assert.equal(failed.failures.get(i1)?.message.length, LOAD_FAILURE_MESSAGE_CHARS_MAX);
  });

  it('stamps an unload only where at least three copies remain', () => {
    const four = [i1, i2, i3, i4].reduce((record, id) => withCopyClaimed(record, id, epochMs(1)), model);
    const three = withCopyUnloaded(four, i1, epochMs(9));
    assert.equal(three.lastUnloadMs, 9);
    assert.equal(withCopyUnloaded(three, i2, epochMs(10)).lastUnloadMs, 0);
  });

  it('forgets failures of one instance, up to an instant, or all', () => {
    const failed = withFailure(withFailure(model, i1, failure(1)), i2, failure(5));
    assert.deepEqual([...withoutFailuresUntil(failed, epochMs(1)).failures.keys()], ['i2']);
    assert.deepEqual([...withoutFailureOf(failed, i2).failures.keys()], ['i1']);
    assert.equal(withoutFailures(failed).failures.size, 0);
  });

  it('is the same object after a verb that changes nothing', () => {
    const used = withLastUsed(model, epochMs(5));
    for (const same of [withLastUsed(used, epochMs(5)), withRefs(used, 0), withoutFailures(used), withCopyWithdrawn(used, i1)]) {
      assert.equal(same, used);
    }
    assert.equal(withoutFailuresUntil(used, epochMs(99)), used);
    assert.equal(withoutFailureOf(used, i1), used);
  });

  it('never has fewer than no references', () => {
    assert.equal(withRefs(withRefs(model, 2), -2).refs, 0);
    assert.throws(() => withRefs(model, -1), Bug);
  });

  it('is of the same model only if type, path and key are the same', () => {
    assert.ok(sameInfo(model, { type: 'onnx', path: '', encKey: '' }));
    for (const other of [{ type: 'x' }, { path: 'x' }, { encKey: 'x' }]) assert.ok(!sameInfo(model, { ...model, ...other }));
  });
});

describe('the verbs of a model record', () => {
  const verbs = fc.record({
    verb: fc.constantFrom('claim', 'withdraw', 'unload', 'fail', 'forget'),
    instance: fc.constantFrom(i1, i2, i3, i4),
  });
  const apply = (record: ModelRecord, verb: string, instance: InstanceId): ModelRecord => {
    switch (verb) {
      case 'claim':
        return withCopyClaimed(record, instance, epochMs(1));
      case 'withdraw':
        return withCopyWithdrawn(record, instance);
      case 'unload':
        return withCopyUnloaded(record, instance, epochMs(2));
      case 'fail':
        return withFailure(record, instance, failure(3));
      default:
        return withoutFailureOf(record, instance);
    }
  };
  it('law: no history of verbs puts an instance into both maps, touches the record before, or loses an unknown field', () => {
    fc.assert(
      fc.property(fc.array(verbs, { maxLength: 30 }), (history) => {
        const unknownFields = new Map<string, unknown>([['later', { deep: [1] }]]);
        let record = newModelRecord({ key: modelKey('m'), type: 't', unknownFields });
        for (const { verb, instance } of history) {
          const [copies, failures] = [new Map(record.copies), new Map(record.failures)];
          const next = apply(record, verb, instance);
          assert.deepEqual([record.copies, record.failures], [copies, failures]);
          assert.ok([...next.copies.keys()].every((id) => !next.failures.has(id)));
          assert.equal(next.unknownFields, unknownFields);
          record = next;
        }
      }),
    );
  });
});

describe('an endpoint record', () => {
  const [a, b] = [modelKey('a'), modelKey('b')];
  const settled: EndpointRecord = newEndpointRecord({ id: endpointId('e'), active: a });

  it('is born settled and refers to one model', () => {
    assert.deepEqual([settled.target, referencedModels(settled)], ['a', ['a']]);
  });

  it('refers to both models while in transition, and forgets a failure with a new target', () => {
    const failed = withTransitionFailed(withTarget(settled, b));
    assert.deepEqual([failed.failed, referencedModels(failed)], [true, ['a', 'b']]);
    assert.equal(withTransitionFailed(failed), failed);
    assert.equal(withTarget(failed, a).failed, false);
    assert.deepEqual(referencedModels(withTransitionDone(failed)), ['b']);
  });
});

describe('keys of records', () => {
  it('follow from the records', () => {
    const policy = newPolicyRecord({
      id: endpointId('e'),
      revision: 3,
      policy: newEndpointPolicy({ variants: [], defaultVariant: 'x' }),
    });
    assert.deepEqual(keyOf(model), { kind: 'model', namespace: 'default', key: 'm' });
    assert.deepEqual(keyOf(policy), { kind: 'policy', namespace: 'default', id: 'e' });
    assert.deepEqual(historyKeyOf(policy), { kind: 'policy-revision', namespace: 'default', id: 'e', revision: 3 });
    const instance = newInstanceRecord({ id: i1, startedAtMs: epochMs(1) });
    assert.deepEqual(keyOf(instance), { kind: 'instance', id: 'i1' });
    assert.deepEqual(putOf(instance, revision(4)), { kind: 'put', key: keyOf(instance), record: instance, expected: 4 });
    assert.deepEqual(
      [withShutdownAnnounced(instance).shuttingDown, leastRecentUseOrEndOfTime(instance)],
      [true, Number.MAX_SAFE_INTEGER],
    );
  });
});

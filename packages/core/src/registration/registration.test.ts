import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ModelRecord, newModelRecord, type Versioned, withCopyClaimed, withFailure } from '../records/index.ts';
import { DEFAULT_NAMESPACE, durationMs, epochMs, instanceId, modelKey, revision } from '../units.ts';
import {
  type ApplyModelRequest,
  type CopyKnowledge,
  decideApplyModel,
  decideEnsure,
  decideForgetFailures,
  decideRegister,
  decideUnregister,
  initialLastUsed,
  isReady,
  lastUsedForEnsure,
  type ModelReader,
  modelReadiness,
  modelStatus,
  type RegisterRequest,
} from './index.ts';

const HOUR = 3_600_000;
const nowMs = epochMs(1000 * HOUR);
const env = { nowMs };
const key = modelKey('m');
const info = { type: 'onnx', path: 'p', encKey: '{}' };
const record = newModelRecord({ key, ...info, lastUsedMs: epochMs(nowMs - 6 * HOUR) });
const reader = (stored?: ModelRecord): ModelReader => ({
  model: (): Versioned<ModelRecord> | undefined => (stored === undefined ? undefined : { record: stored, revision: revision(7) }),
});
const request = (differing: Partial<RegisterRequest> = {}): RegisterRequest => ({
  namespace: DEFAULT_NAMESPACE,
  modelId: 'm',
  info,
  loadNow: false,
  sync: false,
  lastUsedMs: epochMs(0),
  ...differing,
});

describe('registerModel', () => {
  it('takes a new model for one used six hours ago, one hour ago if it is loaded at once, never for one used later than now', () => {
    assert.equal(initialLastUsed(nowMs, false, epochMs(0)), nowMs - 6 * HOUR);
    assert.equal(initialLastUsed(nowMs, true, epochMs(0)), nowMs - HOUR);
    assert.equal(initialLastUsed(nowMs, true, epochMs(5)), 5);
    assert.equal(initialLastUsed(nowMs, true, epochMs(nowMs + 1)), nowMs);
    assert.deepEqual([lastUsedForEnsure(nowMs, epochMs(0)), lastUsedForEnsure(nowMs, epochMs(nowMs + 9))], [nowMs, nowMs]);
  });

  it('creates with what is known beyond the wire, guarded against another creation', () => {
    const decision = decideRegister(reader(), request({ description: { family: 'f', version: '1' }, loadNow: true }), env);
    assert.ok(decision.kind === 'write' && decision.created && decision.writes[0]?.kind === 'put');
    assert.equal(decision.writes[0].expected, 0);
    assert.deepEqual([decision.record?.family, decision.record?.createdAtMs], ['f', nowMs]);
    assert.deepEqual(decision.next, { kind: 'ensure-loaded', model: 'm', lastUsedMs: nowMs - HOUR, sync: false });
  });

  it('moves the last use of a model that is there only by more than an hour, and not where it is loaded anyway', () => {
    const at = (offset: number) => request({ lastUsedMs: epochMs(record.lastUsedMs + offset) });
    assert.equal(decideRegister(reader(record), at(HOUR), env).kind, 'no-change');
    const moved = decideRegister(reader(record), at(HOUR + 1), env);
    assert.ok(moved.kind === 'write' && moved.record?.lastUsedMs === record.lastUsedMs + HOUR + 1);
    assert.equal(moved.writes[0]?.kind === 'put' && moved.writes[0].expected, 7);
    assert.equal(decideRegister(reader(record), { ...at(2 * HOUR), loadNow: true }, env).kind, 'no-change');
  });

  it('and unregisterModel are refused while read-only, with the recorded text', () => {
    for (const decision of [
      decideRegister(reader(), request(), { nowMs, readOnly: true }),
      decideUnregister(reader(record), DEFAULT_NAMESPACE, 'm', { nowMs, readOnly: true }),
    ]) {
      assert.ok(decision.kind === 'error');
      assert.deepEqual([decision.error.kind, decision.error.message], ['internal', 'model-mesh read-only mode']);
    }
  });

  it('refuses an id that is longer than the limit', () => {
    const decision = decideRegister(reader(), request({ modelId: 'x'.repeat(2000) }), env);
    assert.ok(decision.kind === 'error' && /1024 bytes/.test(decision.error.message));
  });
});

describe('ensureLoaded', () => {
  it('counts as a use now, and never writes', () => {
    const ask = { namespace: DEFAULT_NAMESPACE, modelId: 'm', lastUsedMs: epochMs(0), sync: true };
    const decision = decideEnsure(reader(record), ask, env);
    assert.ok(decision.kind === 'no-change');
    assert.deepEqual(decision.next, { kind: 'ensure-loaded', model: 'm', lastUsedMs: nowMs, sync: true });
  });
});

describe('a Model manifest', () => {
  const description: ApplyModelRequest['description'] = {
    family: undefined,
    version: undefined,
    format: { name: 'onnx', version: undefined },
    labels: new Map([['team', 'risk']]),
    declaredMemoryBytes: undefined,
    copiesPolicy: { min: 0, max: 2, pin: false, idleAfterMs: durationMs(5) },
    retry: 'safe',
    sha256: undefined,
    warmup: [{ request: 'w.json' }],
  };
  const wanted: ApplyModelRequest = { namespace: DEFAULT_NAMESPACE, key, info, description };
  const applied = newModelRecord({ key, ...info, ...description, generation: 1 });
  const i1 = instanceId('i1');

  it('creates a model of the first generation, and the same again changes nothing', () => {
    const created = decideApplyModel(reader(), wanted, env);
    assert.ok(created.kind === 'write' && created.created);
    assert.deepEqual([created.record?.generation, created.record?.lastUsedMs], [1, nowMs - 6 * HOUR]);
    assert.equal(decideApplyModel(reader(created.record), wanted, env).kind, 'no-change');
  });

  it('changes what may change as a new generation, each field alone', () => {
    const changes: Partial<ApplyModelRequest['description']>[] = [
      { labels: new Map([['team', 'ads']]) },
      { retry: 'never' },
      { copiesPolicy: { ...description.copiesPolicy, min: 1 } },
      { warmup: [] },
      { format: undefined },
    ];
    for (const change of changes) {
      const decision = decideApplyModel(reader(applied), { ...wanted, description: { ...description, ...change } }, env);
      assert.ok(decision.kind === 'write' && decision.record?.generation === 2, JSON.stringify(change));
    }
  });

  it('never changes what a model is, and names the differences without showing the key', () => {
    const other = { ...wanted, info: { type: 'xgb', path: 'q', encKey: 'secret' } };
    const decision = decideApplyModel(reader(withCopyClaimed(applied, i1, nowMs)), other, env);
    assert.ok(decision.kind === 'error' && decision.error.kind === 'already-exists');
    assert.match(decision.error.message, /type \(onnx, not xgb\), path \(p, not q\), storage key/);
    assert.doesNotMatch(decision.error.message, /secret/);
  });

  it('corrects the key of an artifact that could not be loaded, and forgets its failures', () => {
    const failed = withFailure(applied, i1, { atMs: nowMs, message: 'digest mismatch' });
    const corrected = decideApplyModel(reader(failed), { ...wanted, info: { ...info, encKey: '{"sha256":"x"}' } }, env);
    assert.ok(corrected.kind === 'write');
    assert.deepEqual(
      [corrected.record?.encKey, corrected.record?.failures.size, corrected.record?.generation],
      ['{"sha256":"x"}', 0, 2],
    );
    const again = decideApplyModel(reader(failed), wanted, env);
    assert.ok(again.kind === 'write' && again.record?.failures.size === 0 && again.record.generation === 1);
  });
});

describe('the readiness of a model', () => {
  const i1 = instanceId('i1');
  const expiryMs = durationMs(HOUR);
  const failed = withFailure(record, i1, { atMs: epochMs(nowMs - 1), message: 'corrupt' });
  const claimed = withCopyClaimed(record, i1, nowMs);
  const readiness = (of: ModelRecord, copy: CopyKnowledge = 'unknown', atMs = nowMs) =>
    modelReadiness(of, () => copy, atMs, expiryMs);

  it('is that it is loaded, loads, would be loaded, or failed lately and why', () => {
    assert.deepEqual(readiness(claimed, 'loaded'), { state: 'READY' });
    assert.deepEqual(readiness(claimed, 'loading'), { state: 'LOADING' });
    assert.deepEqual([readiness(record), readiness(claimed)], [{ state: 'STANDBY' }, { state: 'STANDBY' }]);
    assert.deepEqual(readiness(failed), { state: 'UNAVAILABLE', reason: 'corrupt' });
    assert.deepEqual(readiness(failed, 'unknown', epochMs(nowMs + HOUR)), { state: 'STANDBY' });
  });

  it('is ready where a call would be answered, and asked for loaded only where it is', () => {
    const states = [readiness(claimed, 'loaded'), readiness(claimed, 'loading'), readiness(record), readiness(failed)];
    assert.deepEqual(
      states.map((state) => isReady(state, false)),
      [true, true, true, false],
    );
    assert.deepEqual(
      states.map((state) => isReady(state, true)),
      [true, false, false, false],
    );
  });

  it('comes back when the failures are forgotten on request', () => {
    const decision = decideForgetFailures(reader(failed), DEFAULT_NAMESPACE, key, env);
    assert.ok(decision.kind === 'write' && decision.record !== undefined);
    assert.deepEqual(readiness(decision.record), { state: 'STANDBY' });
    for (const nothing of [record, undefined]) {
      assert.equal(decideForgetFailures(reader(nothing), DEFAULT_NAMESPACE, key, env).kind, 'no-change');
    }
    assert.equal(decideForgetFailures(reader(failed), DEFAULT_NAMESPACE, key, { nowMs, readOnly: true }).kind, 'error');
  });
});

describe('the status of a model', () => {
  const [i1, i2, i3] = ['i1', 'i2', 'i3'].map(instanceId);
  assert.ok(i1 !== undefined && i2 !== undefined && i3 !== undefined);
  const failed = withFailure(withFailure(record, i1, { atMs: epochMs(1), message: 'old' }), i2, {
    atMs: epochMs(3),
    message: 'new',
  });

  it('gives the failures, most recent first', () => {
    const status = modelStatus(failed, () => 'unknown');
    assert.deepEqual(
      [status.status, status.errors, status.copies.map(({ location }) => location)],
      ['LOADING_FAILED', ['new', 'old'], ['i2', 'i1']],
    );
  });

  it('is what the best copy says, whatever failed elsewhere', () => {
    const mixed = withCopyClaimed(failed, i3, epochMs(2));
    const loaded = modelStatus(mixed, () => 'loaded');
    assert.deepEqual(
      [loaded.status, loaded.errors, loaded.copies.map(({ location, status }) => `${location} ${status}`)],
      ['LOADED', [], ['i2 LOADING_FAILED', 'i3 LOADED', 'i1 LOADING_FAILED']],
    );
    assert.equal(modelStatus(mixed, () => 'loading').status, 'LOADING');
  });

  it('does not count a copy of which nothing is known', () => {
    const claimed = withCopyClaimed(record, i1, epochMs(2));
    assert.deepEqual(
      modelStatus(claimed, () => 'unknown'),
      { status: 'NOT_LOADED', errors: [], copies: [] },
    );
  });
});

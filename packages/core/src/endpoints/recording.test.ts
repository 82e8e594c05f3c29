import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshError } from '../errors.ts';
import { SmallMesh, type SpelledSet } from './testing/index.ts';

/**
 * The management calls that a real ModelMesh answered, replayed on the decisions in the recorded order: one story, each line a recorded
 * step. Copy states say LOADED where the recording says UNKNOWN, and load errors carry no Java class name; both are decided differences.
 */

const onnx = (path: string) => ({ type: 'onnx', path, key: '{}' });
const corrupt = onnx('fail INVALID_ARGUMENT corrupt model');
const copy = (status: string) => [{ location: 'inst1', status, timeMs: 1_000_000_000_000 }];
const LOADED = { status: 'LOADED', errors: [], copies: copy('LOADED') };
const NOT_LOADED = { status: 'NOT_LOADED', errors: [], copies: [] };
const MODEL_GONE = { status: 'NOT_FOUND', errors: [], copies: [] };
const CORRUPT = { status: 'LOADING_FAILED', errors: ['INVALID_ARGUMENT: corrupt model'], copies: copy('LOADING_FAILED') };
const NOTHING = { status: 'NOT_FOUND' };
const defined = (model: string, status: object = LOADED) => ({
  status: 'DEFINED',
  owner: 'me',
  activeModelId: model,
  targetModelId: model,
  activeModelStatus: status,
  targetModelStatus: undefined,
});
const refused = (kind: MeshError['kind'], message: string) => (error: unknown) => {
  const { kind: actual, message: text } = error as MeshError;
  assert.deepEqual([actual, text], [kind, message]);
  return true;
};

describe('the recorded calls about models', () => {
  const mesh = new SmallMesh();
  const emptyId = refused('invalid-argument', 'must provide non-empty modelId');
  const emptyType = refused('invalid-argument', 'Must provide non-empty model type string');
  const different = refused('already-exists', 'Model already exists with different attribute values');

  it('1 to 9: unknown and empty ids and types', () => {
    assert.deepEqual(mesh.modelStatus('a'), MODEL_GONE);
    assert.throws(() => mesh.ensureLoaded('a'), refused('model-not-found', 'model not found'));
    mesh.unregister('a');
    assert.throws(() => mesh.register('', onnx('p')), emptyId);
    assert.throws(() => mesh.register('a'), emptyType);
    assert.throws(() => mesh.register('a', { path: 'p' }), emptyType);
    assert.throws(() => mesh.ensureLoaded(''), emptyId);
    assert.throws(() => mesh.unregister(''), emptyId);
  });

  it('10 to 15: the same registration again succeeds, any other is refused', () => {
    assert.deepEqual(mesh.register('a', onnx('p')), NOT_LOADED);
    assert.deepEqual(mesh.register('a', onnx('p')), NOT_LOADED);
    assert.equal(mesh.committed.length, 1);
    for (const other of [onnx('q'), { ...onnx('p'), type: 'xgb' }, { type: 'onnx', path: 'p' }]) {
      assert.throws(() => mesh.register('a', other), different);
    }
  });

  it('16 to 25: loads and failed loads are answers, not errors', () => {
    assert.deepEqual(mesh.ensureLoaded('a'), LOADED);
    assert.deepEqual(mesh.register('b', onnx('p'), { loadNow: true }), LOADED);
    assert.deepEqual(mesh.register('bad', corrupt, { loadNow: true }), CORRUPT);
    assert.deepEqual(mesh.ensureLoaded('bad'), CORRUPT);
    assert.deepEqual(mesh.modelStatus('bad'), CORRUPT);
  });
});

describe('the recorded calls about vmodels', () => {
  const mesh = new SmallMesh();
  mesh.register('a', onnx('p'), { loadNow: true });
  mesh.register('b', onnx('p'), { loadNow: true });
  const set = (spelled: SpelledSet) => mesh.setVModel({ vModelId: 'v', ...spelled });
  const refuses = (spelled: SpelledSet, kind: MeshError['kind'], message: string) =>
    assert.throws(() => mesh.setVModel(spelled), refused(kind, message));

  it('48 to 51: an unknown vmodel is an empty answer, and deleting it succeeds', () => {
    for (const id of ['v', '']) {
      assert.deepEqual(mesh.vModelStatus(id), NOTHING);
      mesh.deleteVModel(id);
    }
  });

  it('52 to 56: what a new vmodel is refused for', () => {
    refuses({ vModelId: 'v', targetModelId: 'missing' }, 'model-not-found', 'Target model missing not found');
    refuses({ targetModelId: 'a' }, 'invalid-argument', 'Must provide vModelId');
    refuses({ vModelId: 'v' }, 'invalid-argument', 'Must provide target modelId for vmodel v');
    refuses({ vModelId: 'v', targetModelId: 'a', updateOnly: true }, 'endpoint-not-found', 'vmodel v not found');
    refuses({ vModelId: 'v', targetModelId: 'a', expectedTargetModelId: 'b' }, 'failed-precondition', 'vmodel v not found');
  });

  it('57 to 60: a vmodel is defined, seen by its owner and by nobody else who names one', () => {
    assert.deepEqual(set({ targetModelId: 'a', owner: 'me', sync: true }), defined('a'));
    assert.deepEqual(mesh.vModelStatus('v'), defined('a'));
    assert.deepEqual(mesh.vModelStatus('v', 'other'), NOTHING);
    assert.deepEqual(mesh.vModelStatus('v', 'me'), defined('a'));
  });

  it('64 and 65: another owner is refused, no owner is not', () => {
    refuses(
      { vModelId: 'v', targetModelId: 'b', owner: 'other' },
      'already-exists',
      'vmodel v already exists with different owner "me"',
    );
    assert.deepEqual(set({ targetModelId: 'b' }), defined('b'));
  });

  it('66 to 68: a target that is reached already succeeds whatever was expected, because nothing changes', () => {
    const before = mesh.committed.length;
    for (const expectedTargetModelId of ['zzz', 'a', 'b']) {
      assert.deepEqual(set({ targetModelId: 'b', owner: 'me', expectedTargetModelId }), defined('b'));
    }
    assert.equal(mesh.committed.length, before);
  });

  it('69: a model with a vmodel cannot be unregistered', () => {
    assert.throws(() => mesh.unregister('b'), refused('failed-precondition', 'Model b has referents'));
  });

  it('71 to 74: a target is created, refused if it is another, and deleted with its last reference', () => {
    const made = { targetModelId: 'n1', owner: 'me', autoDeleteTargetModel: true, sync: true };
    assert.deepEqual(set({ ...made, modelInfo: onnx('p'), loadNow: true }), defined('n1'));
    const other: SpelledSet = { vModelId: 'v', targetModelId: 'n1', owner: 'me', modelInfo: onnx('other') };
    refuses(other, 'already-exists', 'Target model n1 already exists with different attribute values');
    assert.deepEqual(set({ targetModelId: 'a', owner: 'me', sync: true }), defined('a'));
    assert.deepEqual(mesh.modelStatus('n1'), MODEL_GONE);
  });

  it('75 and 76: a transition to a model that fails leaves the active one in place', () => {
    const answer = set({ targetModelId: 'badv', owner: 'me', modelInfo: corrupt, autoDeleteTargetModel: true, sync: true });
    assert.deepEqual(answer, { ...defined('a'), status: 'TRANSITION_FAILED', targetModelId: 'badv', targetModelStatus: CORRUPT });
    assert.deepEqual(mesh.vModelStatus('v'), answer);
  });

  it('78 and 79: force switches to it nevertheless', () => {
    assert.deepEqual(set({ targetModelId: 'badv', owner: 'me', force: true }), defined('badv', CORRUPT));
  });

  it('81: an info without a type is an invalid argument, where the recording has UNKNOWN', () => {
    const noType: SpelledSet = { vModelId: 'w', targetModelId: 'w1', modelInfo: { path: 'p' } };
    refuses(noType, 'invalid-argument', 'Must provide non-empty model type string');
  });

  it('82 to 87: delete by another owner does nothing, by the owner leaves no model behind, where the recording leaks badv', () => {
    mesh.deleteVModel('v', 'other');
    assert.equal(mesh.vModelStatus('v').status, 'DEFINED');
    mesh.deleteVModel('v', 'me');
    assert.deepEqual(mesh.vModelStatus('v'), NOTHING);
    assert.deepEqual(mesh.modelStatus('badv'), MODEL_GONE);
    mesh.unregister('a');
    assert.deepEqual(mesh.modelStatus('a'), MODEL_GONE);
  });
});

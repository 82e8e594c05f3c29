import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError } from '../errors.ts';
import {
  type EndpointPolicy,
  keyOf,
  newEndpointPolicy,
  newVariant,
  POLICY_HISTORY_MAX,
  type RegistryWrite,
  withCopyClaimed,
} from '../records/index.ts';
import { DEFAULT_NAMESPACE, endpointId, epochMs, instanceId, modelKey } from '../units.ts';
import {
  decideApplyEndpoint,
  decideDeleteEndpoint,
  decideSetEndpoint,
  nextTransitionStep,
  type SetEndpointRequest,
} from './index.ts';
import { FAILURE_EXPIRY_MS, SmallMesh } from './testing/index.ts';

const ns = DEFAULT_NAMESPACE;
const v = endpointId('v');
const onnx = { type: 'onnx', path: 'p', key: '{}' };
const broken = { ...onnx, path: 'fail INTERNAL no' };

const meshWith = (...models: string[]): SmallMesh => {
  const mesh = new SmallMesh();
  for (const model of models) mesh.register(model, onnx, { loadNow: true });
  return mesh;
};
const request = (differing: Partial<SetEndpointRequest>): SetEndpointRequest => ({
  namespace: ns,
  vModelId: 'v',
  targetModelId: 'a',
  owner: '',
  updateOnly: false,
  modelInfo: undefined,
  autoDeleteTargetModel: false,
  loadNow: false,
  force: false,
  sync: false,
  expectedTargetModelId: '',
  ...differing,
});
const policyOf = (model: string, name = 'stable'): EndpointPolicy =>
  newEndpointPolicy({ variants: [newVariant({ name, model: modelKey(model) })], defaultVariant: name });
const apply = (mesh: SmallMesh, policy: EndpointPolicy, owner = 'endpoint') =>
  decideApplyEndpoint(mesh.view, { namespace: ns, id: v, owner, policy, loadNow: false, force: false, sync: false }, mesh.env);
const kindsOf = (writes: readonly RegistryWrite[]) => writes.map(({ kind, key }) => `${kind} ${key.kind}`);
const refsOf = (mesh: SmallMesh, model: string) => mesh.view.model(ns, modelKey(model))?.record.refs;

describe('setVModel', () => {
  it('gives a vmodel without an owner the default one', () => {
    const mesh = meshWith('a');
    const decision = decideSetEndpoint(mesh.view, request({}), { ...mesh.env, defaultOwner: 'house' });
    assert.equal(decision.kind === 'write' && decision.endpoint?.owner, 'house');
  });

  it('says what the target is where another was expected', () => {
    const mesh = meshWith('a', 'b');
    mesh.setVModel({ vModelId: 'v', targetModelId: 'a' });
    const decision = decideSetEndpoint(mesh.view, request({ targetModelId: 'b', expectedTargetModelId: 'x' }), mesh.env);
    assert.ok(decision.kind === 'error' && decision.error.kind === 'failed-precondition');
    assert.match(decision.error.message, /vmodel v has target model a, not the expected x/);
  });

  it('is refused while read-only', () => {
    const mesh = meshWith('a');
    const decision = decideSetEndpoint(mesh.view, request({}), { ...mesh.env, readOnly: true });
    assert.deepEqual(decision, { kind: 'error', error: new MeshError('unavailable', 'model-mesh is in read-only mode') });
    const deletion = decideDeleteEndpoint(mesh.view, { namespace: ns, vModelId: 'v', owner: '' }, { readOnly: true });
    assert.equal(deletion.kind, 'error');
  });

  it('starts a transition where the active model is loaded and the target is not, and says so', () => {
    const mesh = meshWith('a');
    mesh.setVModel({ vModelId: 'v', targetModelId: 'a' });
    const decision = decideSetEndpoint(
      mesh.view,
      request({ targetModelId: 'n', modelInfo: { type: 't', path: '', encKey: '' } }),
      mesh.env,
    );
    assert.ok(decision.kind === 'write');
    assert.deepEqual(decision.next, { kind: 'await-transition', id: 'v', target: 'n', sync: false });
    assert.deepEqual([decision.endpoint?.active, decision.endpoint?.target], ['a', 'n']);
    assert.deepEqual(kindsOf(decision.writes), ['put endpoint', 'put model']);
  });

  it('switches at once where the active model serves nobody, and lets the target inherit its last use', () => {
    const mesh = meshWith('a');
    mesh.setVModel({ vModelId: 'v', targetModelId: 'a' });
    mesh.evict(modelKey('a'));
    const lastUsedMs = mesh.view.model(ns, modelKey('a'))?.record.lastUsedMs;
    mesh.setVModel({ vModelId: 'v', targetModelId: 'n', modelInfo: onnx });
    assert.equal(mesh.vModelStatus('v').status, 'DEFINED');
    assert.equal(mesh.view.model(ns, modelKey('n'))?.record.lastUsedMs, lastUsedMs);
  });

  it('goes through a transition where the active model has several copies, though the target is loaded', () => {
    const mesh = meshWith('a', 'b');
    mesh.setVModel({ vModelId: 'v', targetModelId: 'a' });
    const stored = mesh.view.model(ns, modelKey('a'));
    assert.ok(stored);
    const record = withCopyClaimed(stored.record, instanceId('inst2'), mesh.nowMs);
    mesh.commit([{ kind: 'put', key: keyOf(record), record, expected: stored.revision }]);
    const decision = decideSetEndpoint(mesh.view, request({ targetModelId: 'b' }), mesh.env);
    assert.equal(decision.kind === 'write' && decision.next.kind, 'await-transition');
  });

  it('counts a target that is forced while in transition to it once', () => {
    const mesh = meshWith('a');
    mesh.setVModel({ vModelId: 'v', targetModelId: 'a' });
    mesh.setVModel({ vModelId: 'v', targetModelId: 'n', modelInfo: broken });
    assert.deepEqual([refsOf(mesh, 'a'), refsOf(mesh, 'n')], [1, 1]);
    mesh.setVModel({ vModelId: 'v', targetModelId: 'n', force: true });
    assert.deepEqual([refsOf(mesh, 'a'), refsOf(mesh, 'n')], [0, 1]);
  });

  it('counts an active model that becomes the target again once, and drops the target that was given up', () => {
    const mesh = meshWith('a');
    mesh.setVModel({ vModelId: 'v', targetModelId: 'a' });
    mesh.setVModel({ vModelId: 'v', targetModelId: 'n', modelInfo: broken, autoDeleteTargetModel: true });
    mesh.setVModel({ vModelId: 'v', targetModelId: 'a' });
    assert.deepEqual([refsOf(mesh, 'a'), refsOf(mesh, 'n')], [1, undefined]);
    assert.equal(mesh.vModelStatus('v').status, 'DEFINED');
  });

  it('does not turn a model that exists into one that is deleted with its last reference', () => {
    const mesh = meshWith('a', 'b');
    mesh.setVModel({ vModelId: 'v', targetModelId: 'a', modelInfo: onnx, autoDeleteTargetModel: true });
    mesh.setVModel({ vModelId: 'v', targetModelId: 'b' });
    assert.equal(refsOf(mesh, 'a'), 0);
  });

  it('loads again on request without a write where everything is as asked', () => {
    const mesh = meshWith('a');
    mesh.setVModel({ vModelId: 'v', targetModelId: 'a' });
    const decision = decideSetEndpoint(mesh.view, request({ loadNow: true, sync: true }), mesh.env);
    assert.equal(decision.kind, 'no-change');
    assert.ok(decision.kind === 'no-change' && decision.next.kind === 'ensure-loaded');
    assert.deepEqual([decision.next.model, decision.next.sync], ['a', true]);
  });

  it('makes the target anew where its record has vanished', () => {
    const mesh = meshWith('a');
    mesh.setVModel({ vModelId: 'v', targetModelId: 'a' });
    mesh.commit([{ kind: 'delete', key: { kind: 'model', namespace: ns, key: modelKey('a') }, expected: 'any' }]);
    mesh.setVModel({ vModelId: 'v', targetModelId: 'a', modelInfo: onnx });
    assert.equal(refsOf(mesh, 'a'), 1);
  });
});

describe('a transition', () => {
  const inTransition = (target: typeof onnx): SmallMesh => {
    const mesh = meshWith('a');
    mesh.setVModel({ vModelId: 'v', targetModelId: 'a' });
    mesh.setVModel({ vModelId: 'v', targetModelId: 'n', modelInfo: target, autoDeleteTargetModel: true });
    return mesh;
  };
  const n = modelKey('n');

  it('loads the target as warm as the active model, then switches and drops the reference', () => {
    const mesh = inTransition(onnx);
    const lastUsedMs = mesh.view.model(ns, modelKey('a'))?.record.lastUsedMs;
    const step = nextTransitionStep(mesh.view, ns, v, undefined, mesh.transitionEnv());
    assert.deepEqual(step, { kind: 'ensure-target', model: 'n', copies: 1, lastUsedMs, timeoutMs: 600_000 });
    mesh.runTransition('v');
    assert.deepEqual([mesh.vModelStatus('v').status, refsOf(mesh, 'a'), refsOf(mesh, 'n')], ['DEFINED', 0, 1]);
  });

  it('reports the target as loading until it is known to have failed', () => {
    const mesh = inTransition(broken);
    mesh.load(n);
    const early = mesh.vModelStatus('v');
    assert.deepEqual(
      [early.status, early.status !== 'NOT_FOUND' && early.targetModelStatus?.status],
      ['TRANSITIONING', 'LOADING'],
    );
    mesh.runTransition('v');
    const late = mesh.vModelStatus('v');
    assert.deepEqual(
      [late.status, late.status !== 'NOT_FOUND' && late.targetModelStatus?.status],
      ['TRANSITION_FAILED', 'LOADING_FAILED'],
    );
  });

  it('that failed waits, and goes on when the failure is gone', () => {
    const mesh = inTransition(broken);
    mesh.runTransition('v');
    assert.equal(nextTransitionStep(mesh.view, ns, v, undefined, mesh.transitionEnv()).kind, 'wait');
    const stored = mesh.view.model(ns, n);
    assert.ok(stored);
    const mended = { ...stored.record, path: 'p', failures: new Map() };
    mesh.commit([{ kind: 'put', key: { kind: 'model', namespace: ns, key: n }, record: mended, expected: stored.revision }]);
    mesh.runTransition('v');
    assert.equal(mesh.vModelStatus('v').status, 'DEFINED');
  });

  it('switches at once when the active model lost its last copy, even to a target that failed', () => {
    const mesh = inTransition(broken);
    mesh.runTransition('v');
    mesh.evict(modelKey('a'));
    assert.equal(nextTransitionStep(mesh.view, ns, v, undefined, mesh.transitionEnv()).kind, 'switch');
  });

  it('§5.3 loads as many copies of the target as the active model has, those that it was given meanwhile included', () => {
    const mesh = inTransition(onnx);
    mesh.load(modelKey('a'), 2);
    const step = (copies: number) =>
      nextTransitionStep(mesh.view, ns, v, { target: n, copies, outcome: 'loaded' }, mesh.transitionEnv());
    const first = nextTransitionStep(mesh.view, ns, v, undefined, mesh.transitionEnv());
    assert.equal(first.kind === 'ensure-target' && first.copies, 2);
    assert.equal(step(2).kind, 'switch');
    mesh.load(modelKey('a'), 3);
    const more = step(2);
    assert.equal(more.kind === 'ensure-target' && more.copies, 3);
    mesh.runTransition('v');
    assert.equal(mesh.view.model(ns, n)?.record.copies.size, 3);
  });

  it('§5.3 loads no more copies of the target than its owner allows', () => {
    const mesh = inTransition(onnx);
    mesh.load(modelKey('a'), 3);
    const stored = mesh.view.model(ns, n);
    assert.ok(stored);
    const record = { ...stored.record, copiesPolicy: { ...stored.record.copiesPolicy, max: 2 } };
    mesh.commit([{ kind: 'put', key: keyOf(record), record, expected: stored.revision }]);
    const step = nextTransitionStep(mesh.view, ns, v, undefined, mesh.transitionEnv());
    assert.equal(step.kind === 'ensure-target' && step.copies, 2);
  });

  it('§5.3 that failed waits until the failure counts for nothing, then tries again', () => {
    const mesh = inTransition(broken);
    mesh.runTransition('v');
    const untilMs = mesh.nowMs + FAILURE_EXPIRY_MS;
    assert.deepEqual(nextTransitionStep(mesh.view, ns, v, undefined, mesh.transitionEnv()), { kind: 'wait', untilMs });
    const env = { ...mesh.transitionEnv(), nowMs: epochMs(untilMs) };
    assert.equal(nextTransitionStep(mesh.view, ns, v, undefined, env).kind, 'ensure-target');
  });

  it('ignores what became of an earlier target', () => {
    const mesh = inTransition(onnx);
    const step = nextTransitionStep(
      mesh.view,
      ns,
      v,
      { target: modelKey('other'), copies: 1, outcome: 'loaded' },
      mesh.transitionEnv(),
    );
    assert.equal(step.kind, 'ensure-target');
  });

  it('to a model that is gone fails and reports it as not found', () => {
    const mesh = inTransition(onnx);
    mesh.commit([{ kind: 'delete', key: { kind: 'model', namespace: ns, key: n }, expected: 'any' }]);
    mesh.runTransition('v');
    const status = mesh.vModelStatus('v');
    assert.deepEqual(
      [status.status, status.status !== 'NOT_FOUND' && status.targetModelStatus?.status],
      ['TRANSITION_FAILED', 'NOT_FOUND'],
    );
  });

  it('marks a target that did not load in time as failed, and waits where it was not loaded at all', () => {
    const mesh = inTransition(onnx);
    assert.equal(
      nextTransitionStep(mesh.view, ns, v, { target: n, copies: 1, outcome: 'loading' }, mesh.transitionEnv()).kind,
      'mark-failed',
    );
    assert.equal(
      nextTransitionStep(mesh.view, ns, v, { target: n, copies: 1, outcome: 'not-loaded' }, mesh.transitionEnv()).kind,
      'wait',
    );
    assert.equal(nextTransitionStep(mesh.view, ns, endpointId('none'), undefined, mesh.transitionEnv()).kind, 'settled');
  });
});

describe('an Endpoint manifest', () => {
  it('becomes a vmodel with a numbered policy beside it and in the history', () => {
    const mesh = meshWith('a');
    const decision = apply(mesh, policyOf('a'));
    assert.ok(decision.kind === 'write');
    assert.deepEqual(kindsOf(decision.writes), ['put endpoint', 'put policy', 'put policy-revision', 'put model']);
    assert.deepEqual(
      [decision.endpoint?.policyRevision, decision.endpoint?.owner, decision.endpoint?.target],
      [1, 'endpoint', 'a'],
    );
  });

  it('that says the same again writes nothing; one that renames its variant is a new revision without a transition', () => {
    const mesh = meshWith('a');
    mesh.carryOut(apply(mesh, policyOf('a')));
    assert.equal(apply(mesh, policyOf('a')).kind, 'no-change');
    mesh.carryOut(apply(mesh, policyOf('a', 'blue')));
    const stored = mesh.view.policy(ns, v)?.record;
    assert.deepEqual([stored?.revision, stored?.policy.defaultVariant, mesh.vModelStatus('v').status], [2, 'blue', 'DEFINED']);
    assert.equal(refsOf(mesh, 'a'), 1);
  });

  it('cannot be changed by a setVModel of another owner or of none, but by one of its own, which moves the policy along', () => {
    const mesh = meshWith('a', 'b');
    mesh.carryOut(apply(mesh, policyOf('a')));
    for (const owner of ['', 'me']) {
      const decision = decideSetEndpoint(mesh.view, request({ targetModelId: 'b', owner }), mesh.env);
      assert.ok(decision.kind === 'error' && decision.error.kind === 'already-exists');
      assert.match(decision.error.message, /^vmodel v already exists with different owner "endpoint"$/);
    }
    mesh.deleteVModel('v');
    assert.equal(mesh.vModelStatus('v').status, 'DEFINED');
    mesh.setVModel({ vModelId: 'v', targetModelId: 'b', owner: 'endpoint' });
    const stored = mesh.view.policy(ns, v)?.record;
    assert.deepEqual([stored?.revision, stored?.policy.variants[0]?.model], [2, 'b']);
    assert.equal(mesh.view.endpoint(ns, v)?.record.policyRevision, 2);
  });

  it('does not take over an endpoint that somebody else owns, and needs its model', () => {
    const mesh = meshWith('a');
    mesh.setVModel({ vModelId: 'v', targetModelId: 'a', owner: 'isvc' });
    const foreign = apply(mesh, policyOf('a'));
    assert.ok(foreign.kind === 'error' && foreign.error.kind === 'already-exists');
    const missing = apply(meshWith(), policyOf('a'));
    assert.ok(missing.kind === 'error' && missing.error.kind === 'model-not-found');
  });

  it('without its default is refused', () => {
    const decision = apply(meshWith('a'), { ...policyOf('a'), defaultVariant: 'other' });
    assert.ok(decision.kind === 'error' && decision.error.kind === 'invalid-argument');
  });

  it('keeps a bounded history, and takes it along when the endpoint is deleted', () => {
    const mesh = meshWith('a');
    for (let revision = 1; revision <= POLICY_HISTORY_MAX + 2; revision++)
      mesh.carryOut(apply(mesh, policyOf('a', `v${revision}`)));
    const history = new Set<number>();
    const replay = (writes: readonly RegistryWrite[]) => {
      for (const { kind, key } of writes) {
        if (key.kind === 'policy-revision') kind === 'put' ? history.add(key.revision) : history.delete(key.revision);
      }
    };
    mesh.committed.forEach(replay);
    assert.deepEqual([history.size, Math.min(...history)], [POLICY_HISTORY_MAX, 3]);
    mesh.deleteVModel('v', 'endpoint');
    replay(mesh.committed.at(-1) ?? []);
    assert.deepEqual([history.size, mesh.view.policy(ns, v), refsOf(mesh, 'a')], [0, undefined, 0]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newEndpointPolicy, newVariant } from '../records/index.ts';
import { MODEL_NOT_FOUND, type ModelStatus } from '../registration/index.ts';
import { epochMs, instanceId, type ModelKey, modelKey } from '../units.ts';
import { inferenceServiceStatus } from './index.ts';

const [v1, v2] = [modelKey('svc__isvc-1'), modelKey('svc__isvc-2')];
const copy = (status: 'LOADED' | 'LOADING_FAILED') => ({ location: instanceId('i'), status, timeMs: epochMs(1) });
const LOADED: ModelStatus = { status: 'LOADED', errors: [], copies: [copy('LOADED')] };
const FAILED: ModelStatus = { status: 'LOADING_FAILED', errors: ['no such file'], copies: [copy('LOADING_FAILED')] };
const STANDBY: ModelStatus = { status: 'NOT_LOADED', errors: [], copies: [] };
const of = (statuses: Readonly<Record<string, ModelStatus>>) => (model: ModelKey) => statuses[model] ?? MODEL_NOT_FOUND;
const shares = (latest: number, previous: number) =>
  newEndpointPolicy({
    variants: [
      newVariant({ name: 'latest', model: v2, weight: latest }),
      newVariant({ name: 'prev', model: v1, weight: previous }),
    ],
    defaultVariant: latest === 100 ? 'latest' : 'prev',
  });

describe('the status of a service (spec kserve.md §1.8)', () => {
  it('of one predictor is one revision with all calls', () => {
    const status = inferenceServiceStatus({ record: { active: v1, target: v1 }, policy: null }, of({ [v1]: STANDBY }));
    assert.deepEqual(status.components.predictor, {
      latestCreatedRevision: v1,
      latestReadyRevision: v1,
      latestRolledoutRevision: v1,
      previousRolledoutRevision: null,
      traffic: [{ revisionName: v1, percent: 100, latestRevision: true, tag: null }],
    });
    assert.deepEqual(status.modelStatus, {
      transitionStatus: 'UpToDate',
      states: { activeModelState: 'Standby', targetModelState: 'Standby' },
      copies: { totalCopies: 0, failedCopies: 0 },
      lastFailureInfo: null,
    });
  });

  it('of a canary has both revisions, the one before under its tag', () => {
    const endpoint = { record: { active: v1, target: v1 }, policy: shares(10, 90) };
    const { components, canaryStatuses } = inferenceServiceStatus(endpoint, of({ [v1]: LOADED, [v2]: LOADED }));
    assert.deepEqual(components.predictor.traffic, [
      { revisionName: v2, percent: 10, latestRevision: true, tag: null },
      { revisionName: v1, percent: 90, latestRevision: false, tag: 'prev' },
    ]);
    assert.deepEqual([components.predictor.latestRolledoutRevision, canaryStatuses], [v1, []]);
  });

  it('of one that was promoted remembers what was before it', () => {
    const endpoint = { record: { active: v2, target: v2 }, policy: shares(100, 0) };
    const { predictor } = inferenceServiceStatus(endpoint, of({ [v1]: STANDBY, [v2]: LOADED })).components;
    assert.deepEqual([predictor.latestRolledoutRevision, predictor.previousRolledoutRevision], [v2, v1]);
    assert.deepEqual(predictor.traffic, [{ revisionName: v2, percent: 100, latestRevision: true, tag: null }]);
  });

  it('of a predictor that cannot be loaded says so, and which one is ready', () => {
    const endpoint = { record: { active: v1, target: v1 }, policy: shares(10, 90) };
    const { components, modelStatus } = inferenceServiceStatus(endpoint, of({ [v1]: LOADED, [v2]: FAILED }));
    assert.equal(components.predictor.latestReadyRevision, v1);
    assert.deepEqual(modelStatus, {
      transitionStatus: 'BlockedByFailedLoad',
      states: { activeModelState: 'Loaded', targetModelState: 'Loaded' },
      copies: { totalCopies: 0, failedCopies: 1 },
      lastFailureInfo: { reason: 'ModelLoadFailed', message: 'no such file', modelRevisionName: v2 },
    });
  });

  it('of one that waits for its load is under way', () => {
    const moving = { record: { active: v1, target: v2 }, policy: null };
    const { modelStatus, components } = inferenceServiceStatus(
      moving,
      of({ [v1]: LOADED, [v2]: { ...STANDBY, status: 'LOADING' } }),
    );
    assert.equal(modelStatus.transitionStatus, 'InProgress');
    assert.deepEqual(modelStatus.states, { activeModelState: 'Loaded', targetModelState: 'Loading' });
    assert.deepEqual(components.predictor.traffic, [{ revisionName: v1, percent: 100, latestRevision: false, tag: null }]);
  });

  it('lists the canaries that the manifest names', () => {
    const policy = newEndpointPolicy({
      variants: [newVariant({ name: 'stable', model: v1, weight: 90 }), newVariant({ name: 'next', model: v2, weight: 10 })],
      defaultVariant: 'stable',
    });
    const { canaryStatuses } = inferenceServiceStatus(
      { record: { active: v1, target: v1 }, policy },
      of({ [v1]: LOADED, [v2]: FAILED }),
    );
    assert.deepEqual(canaryStatuses, [{ name: 'next', ready: false, trafficPercent: 10 }]);
  });
});

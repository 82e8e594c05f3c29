import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { INFERENCE_SERVICE_OWNER } from '../endpoints/index.ts';
import { SmallMesh } from '../endpoints/testing/index.ts';
import { DEFAULT_NAMESPACE, endpointId, type ModelKey } from '../units.ts';
import { decideInferenceService, parseManifest, problemText } from './index.ts';

const ID = endpointId('fraud');
/** The last one never loads. */
const PATHS = ['v1', 'v2', 'v3', 'fail INTERNAL boom'];

type Fields = Record<string, unknown>;
const predictor = (path: string): Fields => ({ model: { modelFormat: { name: 'onnx' }, storage: { key: 'k', path } } });

/** What happens to a service. */
type Step =
  | {
      readonly kind: 'apply';
      readonly path: string;
      readonly percent: number | undefined;
      readonly canaries: readonly [string, number][];
    }
  /** Calls come, which load the models that answer; what is under way goes on. */
  | { readonly kind: 'use' }
  | { readonly kind: 'transition' };

const path = fc.constantFrom(...PATHS);
const percent = fc.option(fc.constantFrom(0, 10, 50, 100), { nil: undefined });
const canaries = fc.oneof(
  { weight: 3, arbitrary: fc.constant<[string, number][]>([]) },
  { weight: 1, arbitrary: fc.array(fc.tuple(path, fc.constantFrom(0, 10, 40)), { minLength: 1, maxLength: 2 }) },
);
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('apply' as const), path, percent, canaries }) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'use' }) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'transition' }) },
  ),
  { maxLength: 14 },
);

function serviceOf({ path: own, percent: share, canaries: beside }: Extract<Step, { kind: 'apply' }>) {
  const canary = beside.map(([other, trafficPercent], at) => ({
    predictor: { name: `c${at}`, ...predictor(other) },
    trafficPercent,
  }));
  const canaryTrafficPercent = beside.length === 0 ? share : undefined;
  const spec = { predictor: { ...predictor(own), canaryTrafficPercent }, canary };
  const result = parseManifest({
    apiVersion: 'serving.kserve.io/v1beta1',
    kind: 'InferenceService',
    metadata: { name: ID },
    spec,
  });
  assert.ok(result.ok, result.ok ? '' : result.problems.map(problemText).join('\n'));
  assert.ok(result.resource.kind === 'InferenceService');
  return result.resource;
}

/** Whose models the service refers to, and how the calls are shared out. */
function stateOf(mesh: SmallMesh) {
  const record = mesh.view.endpoint(DEFAULT_NAMESPACE, ID)?.record;
  const policy = mesh.view.policy(DEFAULT_NAMESPACE, ID)?.record.policy;
  const models = new Set<ModelKey>(policy?.variants.map(({ model }) => model));
  if (record !== undefined) models.add(record.active).add(record.target);
  return { record, policy, models };
}

const registered = (mesh: SmallMesh) => [...mesh.view.models(DEFAULT_NAMESPACE)].map((stored) => stored.record);

it('law: after any history a service has exactly the models that it names, each counted once, and applying again changes nothing', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const mesh = new SmallMesh();
      for (const step of history) {
        if (step.kind === 'use') for (const { key, path: at } of registered(mesh)) if (!at.startsWith('fail')) mesh.load(key);
        if (step.kind === 'transition') mesh.runTransition(ID);
        if (step.kind !== 'apply') continue;
        const service = serviceOf(step);
        mesh.carryOut(decideInferenceService(mesh.view, service, mesh.env));
        const { policy, models } = stateOf(mesh);
        const weights = policy?.variants.map(({ weight }) => weight) ?? [100];
        assert.equal(
          weights.reduce((sum, weight) => sum + weight, 0),
          100,
        );
        assert.deepEqual(
          registered(mesh)
            .map(({ key }) => key)
            .toSorted(),
          [...models].toSorted(),
        );
        for (const { refs, key } of registered(mesh)) assert.equal(refs, 1, key);
        const again = decideInferenceService(mesh.view, service, mesh.env);
        assert.equal(again.kind, 'no-change');
      }
      mesh.runTransition(ID);
      mesh.deleteVModel(ID, INFERENCE_SERVICE_OWNER);
      assert.deepEqual(registered(mesh), []);
    }),
    { seed: 6, numRuns: 500 },
  );
});

it('law: who answers is never a model that cannot be loaded while there is another, whatever is edited', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const mesh = new SmallMesh();
      const first = serviceOf({ kind: 'apply', path: 'v1', percent: undefined, canaries: [] });
      mesh.carryOut(decideInferenceService(mesh.view, first, mesh.env));
      for (const { key } of registered(mesh)) mesh.load(key);
      for (const step of history) {
        if (step.kind === 'apply') mesh.carryOut(decideInferenceService(mesh.view, serviceOf(step), mesh.env));
        mesh.runTransition(ID);
        for (const { key, path: at } of registered(mesh)) if (!at.startsWith('fail')) mesh.load(key);
        const { record } = stateOf(mesh);
        const active = record && mesh.view.model(DEFAULT_NAMESPACE, record.active)?.record;
        assert.ok(active !== undefined && !active.path.startsWith('fail'), active?.path ?? 'nobody');
      }
    }),
    { seed: 7, numRuns: 500 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MeshError } from '../errors.ts';
import { newEndpointPolicy, newVariant, referencedModels } from '../records/index.ts';
import { DEFAULT_NAMESPACE, endpointId, modelKey } from '../units.ts';
import { decideApplyEndpoint } from './index.ts';
import { INSTANCES_MAX, SmallMesh } from './testing/index.ts';

const models = ['a', 'b', 'made', 'broken'] as const;
const endpoints = ['v', 'w'] as const;

const call = fc.oneof(
  fc.record({
    call: fc.constant('set' as const),
    vModelId: fc.constantFrom(...endpoints),
    targetModelId: fc.constantFrom(...models),
    withInfo: fc.boolean(),
    force: fc.boolean(),
    sync: fc.boolean(),
    loadNow: fc.boolean(),
  }),
  fc.record({
    call: fc.constant('apply' as const),
    vModelId: fc.constantFrom(...endpoints),
    variants: fc.uniqueArray(fc.constantFrom(...models), { minLength: 1, maxLength: models.length }),
    weights: fc.array(fc.nat(100), { minLength: models.length, maxLength: models.length }),
    makes: fc.boolean(),
    force: fc.boolean(),
  }),
  fc.record({ call: fc.constant('delete' as const), vModelId: fc.constantFrom(...endpoints) }),
  fc.record({ call: fc.constant('run' as const), vModelId: fc.constantFrom(...endpoints) }),
  fc.record({ call: fc.constant('evict' as const), model: fc.constantFrom(...models) }),
  fc.record({
    call: fc.constant('scale' as const),
    model: fc.constantFrom(...models),
    copies: fc.integer({ min: 1, max: INSTANCES_MAX }),
  }),
  fc.record({ call: fc.constant('unregister' as const), model: fc.constantFrom(...models) }),
);
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

const infoOf = (model: string) => ({ type: 'onnx', path: model === 'broken' ? 'fail INTERNAL no' : 'p', key: '{}' });

function applyPolicy(mesh: SmallMesh, { vModelId, variants, weights, makes, force }: Extract<Call, { call: 'apply' }>): void {
  const policy = newEndpointPolicy({
    variants: variants.map((model, at) => newVariant({ name: model, model: modelKey(model), weight: weights[at] ?? 0 })),
    defaultVariant: variants[0] ?? '',
  });
  const info = (model: string) => ({ type: 'onnx', path: infoOf(model).path, encKey: '{}' });
  const brought = variants.map((model) => ({ key: modelKey(model), info: info(model), description: {}, autoDelete: true }));
  const request = {
    namespace: DEFAULT_NAMESPACE,
    id: endpointId(vModelId),
    owner: '',
    policy,
    loadNow: false,
    force,
    sync: false,
  };
  mesh.carryOut(decideApplyEndpoint(mesh.view, { ...request, models: makes ? brought : [] }, mesh.env));
}

function perform(mesh: SmallMesh, what: Call): void {
  switch (what.call) {
    case 'set': {
      const { withInfo, call: _set, ...request } = what;
      const info = withInfo ? { modelInfo: infoOf(what.targetModelId), autoDeleteTargetModel: true } : {};
      mesh.setVModel({ ...request, ...info });
      return;
    }
    case 'apply':
      applyPolicy(mesh, what);
      return;
    case 'delete':
      mesh.deleteVModel(what.vModelId);
      return;
    case 'run':
      mesh.runTransition(what.vModelId);
      return;
    case 'evict':
      mesh.evict(modelKey(what.model));
      return;
    case 'scale':
      mesh.load(modelKey(what.model), what.copies);
      return;
    case 'unregister':
      mesh.unregister(what.model);
      return;
  }
}

/** Every model's references are the endpoints that name it, and every name of an endpoint is a model's. */
function checkReferences(mesh: SmallMesh): void {
  const counted = new Map<string, number>();
  for (const { record } of mesh.view.endpoints()) {
    const policy = mesh.view.policy(record.namespace, record.id)?.record;
    assert.equal(policy?.revision ?? 0, record.policyRevision, 'endpoint and policy disagree');
    for (const key of referencedModels(record, policy?.policy)) {
      counted.set(key, (counted.get(key) ?? 0) + 1);
      assert.ok(mesh.view.hasModel(record.namespace, key), `${record.id} names ${key}, which is gone`);
    }
  }
  for (const { record } of mesh.view.models()) {
    assert.equal(record.refs, counted.get(record.key) ?? 0, `references of ${record.key}`);
    assert.ok(record.refs > 0 || !record.autoDelete, `${record.key} was made for an endpoint and outlived it`);
  }
}

test('law: after any history the references of a model are the endpoints that name it, and nothing made for an endpoint outlives it', () => {
  fc.assert(
    fc.property(fc.array(call, { maxLength: 25 }), (history) => {
      const mesh = new SmallMesh();
      for (const model of ['a', 'b']) mesh.register(model, infoOf(model), { loadNow: true });
      for (const what of history) {
        try {
          perform(mesh, what);
        } catch (refusal) {
          assert.ok(refusal instanceof MeshError, String(refusal));
        }
        checkReferences(mesh);
      }
    }),
    { numRuns: 150 },
  );
});

test('law: without force an active model that is loaded is only replaced by a model that has as many copies', () => {
  fc.assert(
    fc.property(fc.array(call, { maxLength: 25 }), (history) => {
      const mesh = new SmallMesh();
      for (const model of ['a', 'b']) mesh.register(model, infoOf(model), { loadNow: true });
      const active = (id: string) => [...mesh.view.endpoints()].find(({ record }) => record.id === id)?.record.active;
      const copies = (key: string | undefined) => (key === undefined ? 0 : mesh.modelStatus(key).copies.length);
      for (const what of history) {
        if (what.call === 'delete' || ('force' in what && what.force)) continue;
        const before = endpoints.map((id) => ({ id, key: active(id), had: copies(active(id)) }));
        try {
          perform(mesh, what);
        } catch (refusal) {
          assert.ok(refusal instanceof MeshError, String(refusal));
        }
        for (const { id, key, had } of before) {
          if (active(id) !== key) assert.ok(copies(active(id)) >= had, `${id}: ${key} with ${had} copies → ${active(id)}`);
        }
      }
    }),
    { numRuns: 150 },
  );
});

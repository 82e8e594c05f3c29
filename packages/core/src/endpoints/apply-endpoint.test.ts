import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshError } from '../errors.ts';
import { type EndpointPolicy, newEndpointPolicy, newVariant, newWeightsRecord, putOf, type Variant } from '../records/index.ts';
import { apportion, movedSlots, slotCounts } from '../traffic/index.ts';
import { DEFAULT_NAMESPACE, endpointId, modelKey } from '../units.ts';
import {
  type ApplyEndpointRequest,
  decideApplyEndpoint,
  EDIT_OPERATIONS_MAX,
  type EndpointDecision,
  type PolicyAbilities,
} from './index.ts';
import { SmallMesh } from './testing/index.ts';

const ns = DEFAULT_NAMESPACE;
const v = endpointId('v');
const onnx = { type: 'onnx', path: 'p', key: '{}' };

const meshWith = (...models: string[]): SmallMesh => {
  const mesh = new SmallMesh();
  for (const model of models) mesh.register(model, onnx);
  return mesh;
};
const variant = (name: string, model: string, weight: number): Variant => newVariant({ name, model: modelKey(model), weight });
const policyOf = (variants: readonly Variant[], fields: Partial<EndpointPolicy> = {}): EndpointPolicy =>
  newEndpointPolicy({ variants, defaultVariant: variants[0]?.name ?? '', ...fields });
const halves = policyOf([variant('stable', 'a', 50), variant('canary', 'b', 50)]);

const decide = (
  mesh: SmallMesh,
  policy: EndpointPolicy,
  fields: Partial<ApplyEndpointRequest> = {},
  abilities?: PolicyAbilities,
) =>
  decideApplyEndpoint(
    mesh.view,
    { namespace: ns, id: v, owner: 'endpoint', policy, loadNow: false, force: false, sync: false, ...fields },
    abilities === undefined ? mesh.env : { ...mesh.env, abilities },
  );
const errorOf = (decision: EndpointDecision): Pick<MeshError, 'kind' | 'message'> => {
  assert.ok(decision.kind === 'error', `the decision was ${decision.kind}`);
  return decision.error;
};
const refsOf = (mesh: SmallMesh) =>
  Object.fromEntries([...mesh.view.models(ns)].map(({ record }) => [record.key as string, record.refs]));
const slotsOf = (mesh: SmallMesh) => mesh.view.policy(ns, v)?.record.slots.get('') ?? [];

describe('an endpoint whose strategy published weights', () => {
  it('is edited from the slots that these put in force, so that no more units move than shares change', () => {
    const mesh = meshWith('a', 'b');
    const learning = { strategy: { name: 'thompson', config: {} } };
    mesh.carryOut(decide(mesh, { ...halves, ...learning }));
    const shares = [
      { variant: 'stable', weight: 95 },
      { variant: 'canary', weight: 5 },
    ];
    const slots = apportion(slotsOf(mesh), shares);
    const revision = mesh.view.policy(ns, v)?.record.revision ?? 0;
    mesh.commit([putOf(newWeightsRecord({ id: v, revision, sequence: 1, changedAtMs: mesh.nowMs, slots }), 'any')]);
    mesh.carryOut(decide(mesh, policyOf([variant('stable', 'a', 90), variant('canary', 'b', 10)])));
    assert.deepEqual(movedSlots(slots, slotsOf(mesh)), [{ from: 'stable', to: 'canary', count: 500 }]);
  });
});

describe('an endpoint with several variants', () => {
  it('refers to the model of each, once, however many variants share one', () => {
    const mesh = meshWith('a', 'b', 'c');
    mesh.carryOut(decide(mesh, policyOf([variant('x', 'a', 1), variant('y', 'b', 1), variant('z', 'b', 0)])));
    assert.deepEqual(refsOf(mesh), { a: 1, b: 1, c: 0 });
    assert.deepEqual([...mesh.view.referentsOf(ns, modelKey('b'))], ['v']);
    mesh.carryOut(decide(mesh, policyOf([variant('x', 'a', 1), variant('y', 'c', 1)])));
    assert.deepEqual(refsOf(mesh), { a: 1, b: 0, c: 1 });
    assert.deepEqual([...mesh.view.referentsOf(ns, modelKey('b'))], []);
    assert.throws(() => mesh.unregister('c'), /has referents/);
    mesh.deleteVModel('v', 'endpoint');
    assert.deepEqual(refsOf(mesh), { a: 0, b: 0, c: 0 });
  });

  it('keeps its references through a transition of the default variant', () => {
    const mesh = meshWith('a', 'b', 'c');
    mesh.load(modelKey('a'));
    mesh.carryOut(decide(mesh, halves));
    mesh.carryOut(decide(mesh, policyOf([variant('stable', 'c', 50), variant('canary', 'b', 50)])));
    assert.equal(mesh.vModelStatus('v').status, 'TRANSITIONING');
    assert.deepEqual(refsOf(mesh), { a: 1, b: 1, c: 1 });
    mesh.runTransition('v');
    assert.deepEqual([mesh.vModelStatus('v').status, refsOf(mesh)], ['DEFINED', { a: 0, b: 1, c: 1 }]);
  });

  it('keeps the reference to a model that moves from the default variant to another', () => {
    const mesh = meshWith('a', 'b');
    mesh.load(modelKey('a'));
    mesh.carryOut(decide(mesh, halves));
    mesh.carryOut(decide(mesh, { ...halves, defaultVariant: 'canary' }));
    mesh.runTransition('v');
    assert.deepEqual([mesh.view.endpoint(ns, v)?.record.active, refsOf(mesh)], ['b', { a: 1, b: 1 }]);
  });

  it('whose weights change moves half of what changed, and whose other fields change moves nothing', () => {
    const mesh = meshWith('a', 'b', 'c');
    const three = (x: number, y: number, z: number) =>
      policyOf([variant('x', 'a', x), variant('y', 'b', y), variant('z', 'c', z)]);
    mesh.carryOut(decide(mesh, three(50, 30, 20)));
    const first = slotsOf(mesh);
    mesh.carryOut(decide(mesh, three(20, 30, 50)));
    const second = slotsOf(mesh);
    assert.deepEqual(movedSlots(first, second), [{ from: 'x', to: 'z', count: 3000 }]);
    mesh.carryOut(decide(mesh, { ...three(20, 30, 50), callerChooses: true }));
    assert.deepEqual(slotsOf(mesh), second);
    mesh.carryOut(decide(mesh, three(50, 30, 20)));
    assert.deepEqual([...slotCounts(slotsOf(mesh))].toSorted(), [
      ['x', 5000],
      ['y', 3000],
      ['z', 2000],
    ]);
  });

  it('loads what gets a share ahead of its calls where the endpoint is in use, and nothing else', () => {
    const mesh = meshWith('a', 'b', 'c');
    const wide = policyOf([...halves.variants, variant('shadow', 'c', 0)]);
    const idle = decide(mesh, wide);
    assert.deepEqual(idle.kind === 'write' && idle.warm, []);
    mesh.load(modelKey('a'));
    const used = decide(mesh, wide);
    assert.deepEqual(used.kind === 'write' && used.warm?.map(({ model }) => model), ['b']);
  });

  it('brings models along that go with their last reference', () => {
    const mesh = meshWith('a');
    const models = [{ key: modelKey('b'), info: { type: 'onnx', path: 'q', encKey: '' }, description: {}, autoDelete: true }];
    mesh.carryOut(decide(mesh, halves, { models }));
    assert.deepEqual(refsOf(mesh), { a: 1, b: 1 });
    const differs = errorOf(
      decide(mesh, halves, { models: models.map((one) => ({ ...one, info: { ...one.info, path: 'r' } })) }),
    );
    assert.equal(differs.kind, 'already-exists');
    mesh.carryOut(decide(mesh, policyOf([variant('stable', 'a', 1)])));
    assert.deepEqual(refsOf(mesh), { a: 1 });
  });
});

describe('an edit', () => {
  it('made from a revision that is not in force any more is refused; one that says what is in force is not', () => {
    const mesh = meshWith('a', 'b');
    mesh.carryOut(decide(mesh, halves, { expectedRevision: 0 }));
    const edit = policyOf([variant('stable', 'a', 90), variant('canary', 'b', 10)]);
    const other = policyOf([variant('stable', 'a', 10), variant('canary', 'b', 90)]);
    mesh.carryOut(decide(mesh, edit, { expectedRevision: 1 }));
    const lost = errorOf(decide(mesh, other, { expectedRevision: 1 }));
    assert.equal(lost.kind, 'failed-precondition');
    assert.match(lost.message, /endpoint v is at revision 2, this edit was made from revision 1/);
    assert.equal(decide(mesh, edit, { expectedRevision: 1 }).kind, 'no-change');
    assert.equal(errorOf(decide(mesh, other, { expectedRevision: 0 })).kind, 'failed-precondition');
    assert.equal(decide(mesh, other).kind, 'write');
  });

  it('from a revision of an endpoint that is gone is refused', () => {
    assert.match(errorOf(decide(meshWith('a', 'b'), halves, { expectedRevision: 3 })).message, /does not exist/);
  });

  it('that exchanges more models than one transaction can count is refused', () => {
    const keys = (from: string) => Array.from({ length: 64 }, (_, at) => `${from}${at}`);
    const mesh = meshWith(...keys('a'), ...keys('b'));
    const of = (from: string) => policyOf(keys(from).map((key, at) => variant(`v${at}`, key, 1)));
    mesh.carryOut(decide(mesh, of('a')));
    const { kind, message } = errorOf(decide(mesh, of('b')));
    assert.equal(kind, 'invalid-argument');
    assert.match(message, new RegExp(`at most ${EDIT_OPERATIONS_MAX} can be made at once`));
    const half = policyOf([...of('b').variants.slice(0, 32), ...of('a').variants.slice(32)]);
    assert.equal(decide(mesh, half).kind, 'write');
  });
});

describe('a policy is refused', () => {
  const refused = (policy: EndpointPolicy, pattern: RegExp, abilities?: PolicyAbilities) => {
    const { kind, message } = errorOf(decide(meshWith('a', 'b'), policy, {}, abilities));
    assert.equal(kind, 'invalid-argument');
    assert.match(message, pattern);
  };

  it('with all models that there are not', () => {
    const mesh = meshWith('a');
    const wide = policyOf([variant('x', 'a', 1), variant('y', 'b', 1), variant('z', 'c', 1)]);
    const { kind, message } = errorOf(decide(mesh, wide));
    assert.deepEqual([kind, message], ['model-not-found', 'Target models b, c not found']);
  });

  it('where a variant names an endpoint, itself or another', () => {
    const mesh = meshWith('a');
    mesh.setVModel({ vModelId: 'w', targetModelId: 'a' });
    mesh.carryOut(decide(mesh, policyOf([variant('x', 'a', 1)])));
    for (const name of ['w', 'v']) {
      const { kind, message } = errorOf(decide(mesh, policyOf([variant('x', 'a', 1), variant('y', name, 1)])));
      assert.equal(kind, 'invalid-argument');
      assert.match(message, new RegExp(`variant y: ${name} is an endpoint`));
    }
  });

  it('with weights that are none, names that are twice there or not at all', () => {
    for (const weight of [-1, Number.NaN, Number.POSITIVE_INFINITY])
      refused(policyOf([variant('x', 'a', 1), variant('y', 'b', weight)]), /the weight of y is/);
    refused(policyOf([variant('x', 'a', 0), variant('y', 'b', 0)]), /all weights are 0/);
    refused(policyOf([variant('x', 'a', 1), variant('x', 'b', 1)]), /two variants have one name/);
    const rule = { name: 'r', when: 'true', to: { kind: 'variant', variant: 'none' } } as const;
    refused({ ...halves, rules: [rule] }, /spec\.rules\[0\]\.to: got "none"/);
    refused({ ...halves, fallback: { on: ['error'], to: 'none', timeoutMs: null } }, /spec\.fallback\.to: got "none"/);
  });

  it('that asks for what this mesh cannot do, each thing by name', () => {
    const abilities: PolicyAbilities = {
      expressionProblems: () => [{ where: 'spec.rules[0].when', message: 'unknown name "x"', at: 4 }],
      strategies: () => ['mine'],
      comparers: () => ['own'],
      tokenProblem: () => 'no keys are configured',
    };
    const lifetimeMs = 1 as never;
    refused(
      {
        ...halves,
        strategy: { name: 'other', config: {} },
        sticky: { salt: 's', unit: { kind: 'token', header: 'h', cookie: null, lifetimeMs } },
        mirrors: [{ to: 'canary', percent: 1, compare: { tolerance: 0, topK: 0, output: null, segment: null, comparer: 'odd' } }],
      },
      /rules\[0\]\.when: unknown name "x" \(at character 5\).*spec.strategy.name: expected one of weighted, .*, mine.*comparer: got "odd", expected one of .*, own.*no keys are configured/s,
      abilities,
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError } from '@modelmesh/core';
import { SLOTS, UnitHasher } from '@modelmesh/core/traffic';
import { createCelEngine } from '../../cel/index.ts';
import { policyExpressions } from '../../dataplane/index.ts';
import type { PreviewedCall } from '../control.ts';
import { MeshRig } from '../testing/index.ts';

const SPEC = {
  variants: [
    { name: 'stable', model: 'a', weight: 75 },
    { name: 'canary', model: 'b', weight: 25, label: 'canary' },
    { name: 'shadow', model: 'c', weight: 0 },
  ],
  default: 'stable',
  rules: [
    { name: 'acme', when: 'tenant == "acme"', to: 'canary' },
    { name: 'old', when: 'payload.age >= 60 && query["k"] == "v"', to: 'stable' },
  ],
  payload: [{ name: 'age', type: 'int', json: 'age' }],
  sticky: { by: 'header["x-user-id"]', salt: 's' },
  mirror: [{ to: 'shadow', percent: 5 }],
  fallback: { on: ['error'], to: 'stable' },
};
const call = (fields: Partial<PreviewedCall> = {}): PreviewedCall => ({
  headers: new Map(),
  query: new Map(),
  path: '/v2/models/e/infer',
  method: 'POST',
  tenant: '',
  client: '',
  payload: new Map(),
  unit: null,
  ...fields,
});

async function rigWith(spec: object = SPEC): Promise<MeshRig> {
  const rig = await MeshRig.of(['n1'], { expressionsOf: policyExpressions(createCelEngine()) });
  await rig.register('a', 'b', 'c');
  const manifest = { apiVersion: 'modelmesh.io/v1alpha1', kind: 'Endpoint', metadata: { name: 'e' }, spec };
  await rig.node('n1').running.control.apply(manifest, new AbortController().signal);
  return rig;
}

describe('a call that nobody makes', () => {
  it('goes where its unit belongs, as the published hash says, with every rule and share told', async () => {
    const rig = await rigWith();
    const { control } = rig.node('n1').running;
    const hasher = new UnitHasher('s');
    for (let user = 0; user < 40; user++) {
      const slot = hasher.slot(`u${user}`);
      const preview = control.previewCall('e', call({ headers: new Map([['x-user-id', `u${user}`]]) }));
      assert.deepEqual([preview.variant, preview.slot], [slot < SLOTS * 0.75 ? 'stable' : 'canary', slot]);
      assert.deepEqual([preview.byChance, preview.reason, preview.unit], [false, "the unit's share", `u${user}`]);
    }
    const preview = control.previewCall('e', call());
    assert.deepEqual(
      preview.variants.map(({ name, percent, available }) => [name, percent, available]),
      [
        ['stable', 75, true],
        ['canary', 25, true],
        ['shadow', 0, true],
      ],
    );
    assert.deepEqual([preview.byChance, preview.unit, preview.status, preview.copies], [true, null, 'NOT_LOADED', []]);
    assert.deepEqual([preview.mirrors, preview.fallback], [[{ to: 'shadow', percent: 5 }], 'stable']);
    await rig.close();
  });

  it('follows the first rule that matches, and says what each of them says', async () => {
    const rig = await rigWith();
    const { control } = rig.node('n1').running;
    const outcomes = (of: Partial<PreviewedCall>) => {
      const { variant, rule, rules } = control.previewCall('e', call(of));
      return [variant, rule, ...rules.map(({ outcome }) => outcome)];
    };
    const old = { query: new Map([['k', 'v']]), payload: new Map([['age', '61']]) };
    assert.deepEqual(outcomes({ tenant: 'acme', ...old }), ['canary', 'acme', 'matched', 'matched']);
    assert.deepEqual(outcomes(old), ['stable', 'old', 'not-matched', 'matched']);
    assert.equal(outcomes({ ...old, payload: new Map() })[3], 'no-such-key');
    for (const [name, value] of [
      ['age', 'many'],
      ['size', '1'],
    ] as const)
      assert.throws(
        () => control.previewCall('e', call({ payload: new Map([[name, value]]) })),
        (error: unknown) => error instanceof MeshError && error.kind === 'invalid-argument' && error.message.includes(name),
      );
    await rig.close();
  });

  it('that names a label gets its variant, and one that names a variant only where the policy allows it', async () => {
    const rig = await rigWith();
    const { control } = rig.node('n1').running;
    const naming = (field: string, value: string) => () => control.previewCall('e', call({ headers: new Map([[field, value]]) }));
    assert.equal(naming('mm-label', 'canary')().variant, 'canary');
    assert.throws(naming('mm-label', 'none'), /no label "none"/);
    assert.throws(naming('mm-variant', 'shadow'), /does not let callers name the variant/);
    await rig.close();
  });

  it('that asks for the latest gets the newest version of the family, as a variant where it is one', async () => {
    const rig = await rigWith();
    const { control } = rig.node('n1').running;
    const latest = (...more: [string, string][]) => {
      const { variant, model } = control.previewCall('e', call({ headers: new Map([['mm-label', 'latest'], ...more]) }));
      return [variant, model];
    };
    assert.throws(latest, /no label "latest"/);
    const signal = new AbortController().signal;
    const head = { apiVersion: 'modelmesh.io/v1alpha1', kind: 'Model', metadata: { name: 'e-2' } };
    const spec = { family: 'e', version: '2', format: { name: 'onnx' }, storage: { uri: 'file:///e' } };
    await control.apply({ ...head, spec }, signal);
    assert.deepEqual(latest(), ['latest', 'e@2']);
    assert.throws(() => latest(['mm-variant', 'stable']), /both a label and a variant/);
    const variants = [...SPEC.variants, { name: 'new', model: 'e@2', weight: 0 }];
    const endpoint = { apiVersion: 'modelmesh.io/v1alpha1', kind: 'Endpoint', metadata: { name: 'e' } };
    await control.apply({ ...endpoint, spec: { ...SPEC, variants } }, signal);
    assert.deepEqual(latest(), ['new', 'e@2']);
    await rig.close();
  });

  it('through a vmodel goes to its model, and through nothing nowhere', async () => {
    const rig = await MeshRig.of(['n1']);
    await rig.register('a');
    const { control } = rig.node('n1').running;
    const request = {
      ...{ vModelId: 'v', targetModelId: 'a', owner: '', updateOnly: false, modelInfo: undefined, autoDeleteTargetModel: false },
      ...{ loadNow: false, force: false, sync: false, expectedTargetModelId: '' },
    };
    await control.setEndpoint(request, new AbortController().signal);
    assert.deepEqual([control.previewCall('v', call()).model, control.previewCall('v', call()).revision], ['a', 0]);
    assert.throws(() => control.previewCall('w', call()), /endpoint "w" not found/);
    await rig.close();
  });
});

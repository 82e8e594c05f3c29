import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MeshRig, type RigNode } from './testing/index.ts';

const API = 'modelmesh.io/v1alpha1';
const model = (version: number) => ({
  apiVersion: API,
  kind: 'Model',
  metadata: { name: `fraud-${version}` },
  spec: { family: 'fraud', version: String(version), format: { name: 'onnx' }, storage: { uri: `file:///fraud/${version}` } },
});
const endpoint = (versions: unknown) => ({
  apiVersion: API,
  kind: 'Endpoint',
  metadata: { name: 'fraud' },
  spec: { variants: [{ name: 'stable', model: 'fraud@1', weight: 1 }], default: 'stable', versions },
});

async function apply(rig: MeshRig, node: RigNode, manifest: unknown): Promise<void> {
  const applying = node.running.control.apply(manifest, new AbortController().signal);
  applying.catch(() => {});
  await rig.after(1000);
  await applying;
}

it('workers are told which versions an endpoint keeps, and anew when there is another one', async () => {
  const rig = await MeshRig.of(['n1', 'n2']);
  const [node, other] = [...rig.nodes.values()];
  assert.ok(node !== undefined && other !== undefined);
  for (const version of [1, 2]) await apply(rig, node, model(version));
  await apply(rig, node, endpoint({ keep: 'latest', count: 2 }));
  const kept = () => [node, other].map((one) => one.endpointRoute('fraud')?.versions);
  assert.deepEqual(kept(), [
    ['2', '1'],
    ['2', '1'],
  ]);
  await apply(rig, other, model(10));
  assert.deepEqual(kept(), [
    ['10', '2'],
    ['10', '2'],
  ]);
  await apply(rig, node, endpoint({ keep: 'specific', names: ['1', '2'] }));
  assert.deepEqual(kept()[1]?.toSorted(), ['1', '2']);
  await apply(rig, node, endpoint({ keep: 'all' }));
  assert.deepEqual(kept(), [undefined, undefined]);
  await rig.close();
});

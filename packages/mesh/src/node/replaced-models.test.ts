/** What stands behind a key changes while nodes hold, load or gave up what stood there before. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { epochMs, MeshError } from '@modelmesh/core';
import { call, MeshRig, MortalStore, type RigNode } from './testing/index.ts';

const NEVER = new AbortController().signal;
const LOAD_HERE = { kind: 'here', intent: 'load' } as const;

const register = (node: RigNode, path: string) =>
  node.running.control.registerModel(
    { modelId: 'm', info: { type: 'onnx', path, encKey: '{}' }, loadNow: false, sync: false, lastUsedMs: epochMs(0) },
    NEVER,
  );

const pathsLoadedBy = ({ runtime }: RigNode): readonly string[] => runtime.loads.map(({ model }) => model.path);

/** Two nodes, of which `b` hears nothing of the registry while its store is away. */
async function withDeafNode(): Promise<{ rig: MeshRig; a: RigNode; b: RigNode; store: MortalStore }> {
  const rig = await MeshRig.empty();
  const store = new MortalStore();
  const a = await rig.add('a');
  const b = await rig.add('b', { kv: store.of });
  await rig.after(3000);
  await register(a, 'old');
  await rig.after(500);
  return { rig, a, b, store };
}

/** While `b` is deaf the key is given to another artifact. */
async function replaceUnheard({ rig, a, store }: { rig: MeshRig; a: RigNode; store: MortalStore }): Promise<void> {
  store.goes();
  await rig.after(500);
  await a.running.control.unregisterModel('m');
  await register(a, 'new');
  store.away = false;
  await rig.after(3000);
}

describe('a key that was unregistered and registered again while the holder of a copy heard nothing', () => {
  it('is answered by the new artifact everywhere: the old copy leaves, and nobody claims it', async () => {
    const mesh = await withDeafNode();
    const { rig, a, b } = mesh;
    assert.equal((await b.locate('m', LOAD_HERE))?.kind, 'serving');
    await replaceUnheard(mesh);
    for (const entry of [a, b]) assert.equal(pathsLoadedBy(await call(rig, entry, 'm')).at(-1), 'new', entry.id);
    await rig.after(15 * 60_000);
    assert.deepEqual([...(a.record('m')?.copies.keys() ?? [])], rig.loadedAt('m'));
    assert.equal(rig.loadedAt('m').length, 1);
    await rig.close();
  });

  it('is loaded anew where it was loading: whoever waits gets the new artifact and not the old one', async () => {
    const mesh = await withDeafNode();
    const { rig, b } = mesh;
    b.runtime.holds = true;
    const request = b.ask('m', LOAD_HERE);
    await rig.settle();
    await replaceUnheard(mesh);
    b.runtime.loadOf('m').done();
    b.runtime.holds = false;
    await rig.after(5000);
    assert.equal(b.answerTo(request)?.kind, 'serving');
    assert.deepEqual(pathsLoadedBy(b), ['old', 'new']);
    assert.deepEqual([...(rig.node('a').record('m')?.copies.keys() ?? [])], ['b'], 'the new copy is claimed');
    await rig.close();
  });
});

describe('an artifact that was mended and applied again', () => {
  it('is tried at once by the node where it failed, whichever node took the manifest', async () => {
    const rig = await MeshRig.of(['a', 'b']);
    const spec = { format: { name: 'onnx' }, storage: { uri: 'file:///m' } };
    const manifest = { apiVersion: 'modelmesh.io/v1alpha1', kind: 'Model', metadata: { name: 'm' }, spec };
    const [a, b] = [rig.node('a'), rig.node('b')];
    await a.running.control.apply(manifest, NEVER);
    const load = b.runtime.load.bind(b.runtime);
    b.runtime.load = async () => {
      throw new MeshError('load-failed', 'INTERNAL: corrupt');
    };
    const failed = await b.locate('m', LOAD_HERE);
    assert.ok(failed?.kind === 'failed' && failed.error.message === 'INTERNAL: corrupt', JSON.stringify(failed));
    b.runtime.load = load;
    await rig.after(2000);
    assert.equal((await b.locate('m', LOAD_HERE))?.kind, 'failed', 'the failure is remembered');

    await a.running.control.apply(manifest, NEVER);
    await rig.after(500);
    assert.equal((await b.locate('m', LOAD_HERE))?.kind, 'serving');
    await rig.close();
  });
});

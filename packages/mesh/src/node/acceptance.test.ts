/** What ModelMesh's tests of evictions show of several nodes (spec `modelmesh.md` §8), in simulated time. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { DEFAULT_SCALING_CONFIG } from '@modelmesh/core/scaling';
import { MeshRig, type RigNode } from './testing/index.ts';

const SECOND_MS = 1000;
/** As in ModelMesh's test, where the window of 7 to 40 minutes is one of 4 to 10 s. */
const WINDOW = {
  ...DEFAULT_SCALING_CONFIG,
  checkMs: durationMs(SECOND_MS),
  secondCopyMinAgeMs: durationMs(4 * SECOND_MS),
  secondCopyMaxAgeMs: durationMs(10 * SECOND_MS),
};

/** The one node that has the model. */
function holderOf(rig: MeshRig, model: string): RigNode {
  const [name, another] = rig.loadedAt(model);
  assert.ok(name !== undefined && another === undefined, `${model} is at ${rig.loadedAt(model).join() || 'no node'}`);
  return rig.node(name);
}

/** One call that is answered at once, where the model is or where control has it loaded. */
async function use(rig: MeshRig, entry: RigNode, model: string): Promise<void> {
  const located = await entry.locate(model);
  assert.ok(located?.kind === 'serving' || located?.kind === 'peer', JSON.stringify(located));
  const peer = located.kind === 'peer' ? rig.node(located.instance) : entry;
  const there = located.kind === 'peer' ? await peer.locate(model, { kind: 'here', intent: located.intent }) : located;
  assert.ok(there?.kind === 'serving', JSON.stringify(there));
  peer.call(there.slot)(1);
}

describe('a model that is used twice', () => {
  for (const [gap, gapMs, copies] of [
    ['2 s', 2 * SECOND_MS, 1],
    ['7 s', 7 * SECOND_MS, 2],
    ['15 s', 15 * SECOND_MS, 1],
  ] as const)
    it(`§8 ModelMeshEvictionsTest: two uses ${gap} apart make ${copies} of a model, with a window of 4 to 10 s`, async () => {
      const rig = await MeshRig.of(['a', 'b'], { scaling: WINDOW });
      await rig.register('m');
      await rig.node('a').ensure('m');
      const holder = holderOf(rig, 'm');
      await rig.after(60 * SECOND_MS);
      await use(rig, holder, 'm');
      await rig.after(gapMs);
      assert.equal(rig.loadedAt('m').length, 1);
      await use(rig, holder, 'm');
      await rig.after(60 * SECOND_MS);
      assert.equal(rig.loadedAt('m').length, copies);
      await rig.close();
    });
});

describe('a mesh that is full', () => {
  it('§8 ModelMeshEvictionsTest: a full mesh makes room where its oldest copies are, and keeps what was used since', async () => {
    const rig = await MeshRig.of(['a', 'b'], { capacityMib: 12 });
    const models = Array.from({ length: 40 }, (_, at) => `m${at}`);
    await rig.register(...models);
    const loaded = () => models.filter((model) => rig.loadedAt(model).length > 0);
    for (const model of models.slice(0, 24)) {
      await use(rig, rig.node('a'), model);
      await rig.after(120 * SECOND_MS);
    }
    const before = loaded();
    const [kept = '', ...others] = before;
    await use(rig, rig.node('b'), kept);
    await rig.after(120 * SECOND_MS);
    const added = models.slice(24, 30);
    for (const model of added) {
      await use(rig, rig.node('a'), model);
      await rig.after(120 * SECOND_MS);
    }
    const after = loaded();
    const gone = others.filter((model) => !after.includes(model));
    assert.deepEqual([after.includes(kept), after.slice(-added.length), gone.length], [true, added, added.length]);
    // Two minutes lie between two uses: §4.5.3 takes instances for equal whose oldest uses differ by less than a tenth of an hour.
    assert.ok(
      gone.every((model) => others.indexOf(model) < added.length + 3),
      gone.join(),
    );
    await rig.close();
  });

  it('§8 EvictionsModelMeshTest: models that are evicted and unregistered at the same moment leave nothing behind, and what comes for them serves', async () => {
    const rig = await MeshRig.of(['a'], { capacityMib: 12 });
    const node = rig.node('a');
    const models = Array.from({ length: 24 }, (_, at) => `m${at}`);
    await rig.register(...models);
    for (const model of models) {
      await use(rig, node, model);
      await rig.after(SECOND_MS);
    }
    const full = models.filter((model) => rig.loadedAt(model).length > 0);
    const [gone, added] = [full.slice(0, 6), models.filter((model) => !full.includes(model)).slice(0, 6)];
    assert.deepEqual([gone.length, added.length], [6, 6], `${full.length} of ${models.length} fit`);
    // Both at once: six loads push out the oldest six while these are unregistered, in either order.
    const asked = added.map((model) => node.ask(model));
    const ends = gone.map((model) => node.running.control.unregisterModel(model));
    await Promise.all([...ends, rig.after(10 * SECOND_MS)]);
    for (const request of asked) assert.equal(node.answerTo(request)?.kind, 'serving');
    await rig.after(60 * SECOND_MS);
    for (const model of gone) assert.deepEqual([rig.loadedAt(model), node.record(model)], [[], undefined], model);
    assert.deepEqual(
      models.filter((model) => rig.loadedAt(model).length > 0),
      models.filter((model) => (node.record(model)?.copies.size ?? 0) > 0),
      'the registry says what the runtime has',
    );
    for (const model of added) assert.deepEqual(rig.loadedAt(model), ['a'], model);
    await rig.close();
  });
});

/** What goes wrong in the middle of something else: a registry that is away, a leader or a holder that goes, a clock that is set. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytes, durationMs, MeshError } from '@modelmesh/core';
import { DEFAULT_SCALING_CONFIG } from '@modelmesh/core/scaling';
import { call, MeshRig, MortalStore, type RigNode } from './testing/index.ts';

const THREE = ['a', 'b', 'c'];
const NEVER = new AbortController().signal;
const LOAD_HERE = { kind: 'here', intent: 'load' } as const;

const nodesOf = (rig: MeshRig): readonly RigNode[] => [...rig.nodes.values()];
const leaderOf = (rig: MeshRig): RigNode | undefined => nodesOf(rig).find(({ running }) => running.figures().leads);
const claimsOf = (node: RigNode, model: string): readonly string[] => [...(node.record(model)?.copies.keys() ?? [])];
const activeOf = (node: RigNode): string | undefined => node.running.control.endpoint('v')?.record.active;

const point = (node: RigNode, target: string, loadNow: boolean) =>
  node.running.control.setEndpoint(
    {
      vModelId: 'v',
      targetModelId: target,
      owner: '',
      updateOnly: false,
      modelInfo: { type: 'onnx', path: target, encKey: '{}' },
      autoDeleteTargetModel: false,
      loadNow,
      force: false,
      sync: false,
      expectedTargetModelId: '',
    },
    NEVER,
  );

const hold = (rig: MeshRig): void => {
  for (const { runtime } of nodesOf(rig)) runtime.holds = true;
};

/** Ends the loads under way, but those of `except`, and holds none from now on. */
const letGo = (rig: MeshRig, except?: RigNode): void => {
  for (const node of nodesOf(rig)) {
    node.runtime.holds = false;
    if (node !== except) for (const load of node.runtime.loads) load.done();
  }
};

/** A mesh whose vmodel `v` answers with `old` while `new` is being loaded for it. */
async function inTransition(store?: MortalStore): Promise<MeshRig> {
  const rig = await MeshRig.of(THREE, store === undefined ? {} : { kv: store.of });
  await point(rig.node('a'), 'old', true);
  await rig.after(2000);
  hold(rig);
  await point(rig.node('a'), 'new', false);
  await rig.settle();
  assert.equal(rig.loadsOf('new'), 1);
  return rig;
}

describe('a transition', () => {
  it('goes on within seconds of the return of a registry that was away when its target was loaded', async () => {
    const store = new MortalStore();
    store.keepsLeases = true;
    const rig = await inTransition(store);
    store.goes();
    await rig.after(1000);
    letGo(rig);
    await rig.after(60_000);
    assert.equal(activeOf(rig.node('a')), 'old');
    store.away = false;
    await rig.after(10_000);
    for (const node of nodesOf(rig)) assert.equal(activeOf(node), 'new', node.id);
    await rig.close();
  });

  it('is carried on by the next leader where its leader is killed', async () => {
    const rig = await inTransition();
    const leader = leaderOf(rig);
    assert.ok(leader !== undefined);
    await rig.kill(leader.id);
    for (const node of nodesOf(rig)) await node.reaches(leader, false);
    letGo(rig);
    await rig.after(25_000);
    for (const node of nodesOf(rig)) assert.equal(activeOf(node), 'new', node.id);
    await rig.close();
  });

  it('does not wait for the one instance that was loading its target and leaves', async () => {
    const rig = await inTransition();
    const loader = nodesOf(rig).find(({ runtime }) => runtime.loads.some(({ model }) => model.key === 'new'));
    assert.ok(loader !== undefined);
    const left = loader.running.leave(durationMs(20_000));
    await rig.after(1000);
    letGo(rig, loader);
    await rig.after(20_000);
    await left;
    assert.equal(activeOf(rig.node('a')), 'new');
    assert.ok(rig.loadedAt('new').some((name) => name !== loader.id));
    await rig.close();
  });
});

describe('a node that is cut off', () => {
  it('from the registry while it loads: it serves its own callers, others load too, and afterwards both copies are claimed', async () => {
    const rig = await MeshRig.empty();
    const store = new MortalStore();
    await rig.add('a');
    const cut = await rig.add('b', { kv: store.of });
    await rig.after(3000);
    await rig.register('m');
    cut.runtime.holds = true;
    const request = cut.ask('m', LOAD_HERE);
    await rig.settle();
    store.goes();
    await rig.after(25_000);
    cut.runtime.loadOf('m').done();
    cut.runtime.holds = false;
    await rig.after(1000);
    assert.equal(cut.answerTo(request)?.kind, 'serving');
    assert.equal((await call(rig, rig.node('a'), 'm')).id, 'a', 'its lease has ended: nobody counts on it');
    store.away = false;
    await rig.after(30_000);
    assert.deepEqual(claimsOf(rig.node('a'), 'm').toSorted(), rig.loadedAt('m').toSorted());
    await rig.close();
  });

  it('and comes back as another life under the same id: its old claims are gone, and calls reach it', async () => {
    const rig = await MeshRig.of(THREE);
    await rig.register('m');
    const holder = await call(rig, rig.node('a'), 'm');
    await rig.kill(holder.id);
    const other = nodesOf(rig)[0] as RigNode;
    await other.reaches(holder, false);
    rig.unreachable.delete(holder.id);
    await rig.add(holder.id, { incarnation: 'second life' });
    await rig.after(2000);
    assert.deepEqual(claimsOf(other, 'm'), []);
    const served = await call(rig, other, 'm');
    for (const node of nodesOf(rig)) assert.equal((await call(rig, node, 'm')).id, served.id, node.id);
    assert.equal(nodesOf(rig).filter(({ running }) => running.figures().leads).length, 1);
    await rig.close();
  });
});

describe('a node that is to start under an id', () => {
  it('§3.5 under which another one lives is refused, and that one keeps its claims; once it is gone it may', async () => {
    const rig = await MeshRig.of(['a', 'b']);
    await rig.register('m');
    assert.equal((await rig.node('a').locate('m', LOAD_HERE))?.kind, 'serving');
    const twin = (error: MeshError): boolean => error.kind === 'failed-precondition' && /id a, at a:8033/.test(error.message);
    await assert.rejects(rig.add('a', { incarnation: 'second' }), twin);
    await rig.after(3000);
    assert.deepEqual(claimsOf(rig.node('b'), 'm'), ['a']);
    await rig.kill('a');
    rig.unreachable.delete('a');
    await rig.add('a', { incarnation: 'third' });
    await rig.after(3000);
    assert.deepEqual(claimsOf(rig.node('b'), 'm'), []);
    await rig.close();
  });
});

describe('a hot model', () => {
  it('whose further copies nobody could be asked for spreads within seconds once somebody answers', async () => {
    const rig = await MeshRig.of(THREE, { scaling: { ...DEFAULT_SCALING_CONFIG, hotCallsPerCopyMax: 4 } });
    await rig.register('hot');
    const holder = await call(rig, rig.node('a'), 'hot');
    const located = await holder.locate('hot');
    assert.ok(located?.kind === 'serving');
    const others = nodesOf(rig).filter((node) => node !== holder);
    for (const { id } of others) rig.unreachable.add(id);
    const ends = Array.from({ length: 12 }, () => holder.call(located.slot));
    await rig.after(20_000);
    assert.deepEqual(rig.loadedAt('hot'), [holder.id]);
    for (const { id } of others) rig.unreachable.delete(id);
    await rig.after(15_000);
    assert.equal(rig.loadedAt('hot').length, 3);
    for (const end of ends) end(2000);
    await rig.close();
  });
});

describe('a model that is too large for some instances, which nobody knows before it is loaded', () => {
  it('fails there once and is loaded where it fits, by the same call', async () => {
    const rig = await MeshRig.empty();
    const small = await rig.add('small', { capacityMib: 8 });
    await rig.add('large', { capacityMib: 512 });
    await rig.after(3000);
    for (const { runtime } of nodesOf(rig))
      runtime.load = async (model, signal) => {
        runtime.loads.push({ model, signal, done: () => {}, fails: () => {} });
        runtime.loaded.add(model.key);
        return { bytes: bytes(64 * 2 ** 20), concurrency: null };
      };
    await rig.register('big');
    const refused = await small.locate('big', LOAD_HERE);
    assert.ok(refused?.kind === 'failed' && refused.where === 'here' && refused.error.kind === 'no-capacity');
    assert.match(refused.error.message, /needs 64\.0 MiB, this instance can hold at most/);
    assert.equal((await call(rig, small, 'big')).id, 'large');
    await rig.after(30_000);
    assert.deepEqual([rig.loadedAt('big'), claimsOf(small, 'big'), rig.loadsOf('big')], [['large'], ['large'], 2]);
    assert.deepEqual([...(small.record('big')?.failures.keys() ?? [])], ['small']);
    await rig.close();
  });
});

describe('a clock that is set back by an hour', () => {
  it('holds up no cold call, and a failed load is tried again as soon as it would have been', async () => {
    const rig = await MeshRig.of(['a', 'b'], { capacityMib: 16 });
    const models = Array.from({ length: 20 }, (_, at) => `m${at}`);
    await rig.register(...models, 'bad');
    let broken = true;
    for (const { runtime } of nodesOf(rig)) {
      const load = runtime.load.bind(runtime);
      runtime.load = (model, signal) =>
        broken && model.key === 'bad' ? Promise.reject(new MeshError('load-failed', 'INTERNAL: broken')) : load(model, signal);
    }
    for (const model of models.slice(0, 10)) await call(rig, rig.node('a'), model);
    assert.equal((await rig.node('a').ensure('bad')).status, 'LOADING_FAILED');
    broken = false;
    await rig.after(1000);
    rig.clock.jumpWall(-3_600_000);
    for (const model of models) {
      await call(rig, rig.node('b'), model);
      await rig.after(500);
    }
    await rig.after(15 * 60_000);
    assert.ok(await call(rig, rig.node('b'), 'bad'));
    await rig.close();
  });
});

describe('a registry that may only be read', () => {
  it('§7.1: what changes what is registered is refused, calls load and claim, and nothing is reaped or filled', async () => {
    const rig = await MeshRig.empty();
    const writer = await rig.add('writer');
    await rig.after(3000);
    await rig.register('m', 'n');
    await point(writer, 'old', true);
    await rig.after(1000);
    await rig.kill('writer');
    const reader = await rig.add('reader', { readOnly: true });
    const { control } = reader.running;
    const metadata = { name: 'y' };
    const spec = { format: { name: 'onnx' }, storage: { uri: 'file:///y' } };
    const changes: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['internal', () => rig.register('x')],
      ['internal', () => control.unregisterModel('n')],
      ['internal', () => control.apply({ apiVersion: 'modelmesh.io/v1alpha1', kind: 'Model', metadata, spec }, NEVER)],
      ['internal', () => control.deleteResource('Model', 'n')],
      ['unavailable', () => point(reader, 'new', false)],
      ['unavailable', () => control.deleteEndpoint('v', '')],
    ];
    for (const [kind, change] of changes)
      await assert.rejects(change, (error: MeshError) => error.kind === kind && /read-only mode/.test(error.message));
    assert.equal((await call(rig, reader, 'm')).id, 'reader');
    await rig.after(30 * 60_000);
    assert.deepEqual([claimsOf(reader, 'm'), claimsOf(reader, 'old')], [['reader'], ['writer']]);
    assert.deepEqual([...reader.runtime.loaded], ['m']);
    await rig.close();
  });
});

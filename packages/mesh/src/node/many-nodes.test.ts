import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, MeshError, modelKey } from '@modelmesh/core';
import { TypeConstraints } from '@modelmesh/core/constraints';
import { DEFAULT_SCALING_CONFIG } from '@modelmesh/core/scaling';
import type { Kv } from '../kv/index.ts';
import { call, MeshRig, MortalStore, type RigNode, through } from './testing/index.ts';

const THREE = ['a', 'b', 'c'];
const NEVER = new AbortController().signal;
const here = (intent: 'copy' | 'load') => ({ kind: 'here', intent }) as const;

describe('a call that enters anywhere', () => {
  it('has its model loaded where placement says, once, and later calls find that copy', async () => {
    const rig = await MeshRig.of(THREE);
    await rig.register('m');
    const first = await call(rig, rig.node('a'), 'm');
    for (const entry of THREE) assert.equal((await call(rig, rig.node(entry), 'm')).id, first.id);
    assert.deepEqual([rig.loadedAt('m'), rig.loadsOf('m')], [[first.id], 1]);
    await rig.close();
  });

  it('is one load where it enters everywhere at the same moment, each node deciding for itself', async () => {
    const rig = await MeshRig.of(THREE);
    const models = Array.from({ length: 30 }, (_, at) => `m${at}`);
    await rig.register(...models);
    for (const model of models) {
      const served = await Promise.all(THREE.map((entry) => call(rig, rig.node(entry), model)));
      assert.equal(new Set(served.map(({ id }) => id)).size, 1, model);
      assert.equal(rig.loadsOf(model), 1, model);
    }
    // Models are spread, not piled up in one instance.
    for (const { runtime } of rig.nodes.values()) assert.ok(runtime.loaded.size >= 5, `${runtime.loaded.size} of 30`);
    await rig.close();
  });

  it('of two instances that load at the same time one loses: it gives the load up and names the other', async () => {
    const rig = await MeshRig.of(THREE);
    await rig.register('m');
    for (const { runtime } of rig.nodes.values()) runtime.holds = true;
    // Two nodes whose pictures differ: each was sent the call to load.
    const asked = ['a', 'b'].map((name) => ({ node: rig.node(name), request: rig.node(name).ask('m', here('load')) }));
    await rig.settle();
    for (const { node } of asked) {
      const load = node.runtime.loads.at(-1);
      if (load?.signal.aborted === false) load.done();
    }
    await rig.after(3000);
    const outcomes = asked.map(({ node, request }) => node.answerTo(request));
    const kinds = outcomes.map((outcome) => outcome?.kind).sort();
    assert.deepEqual(kinds, ['not-here', 'serving']);
    const winner = asked[outcomes.findIndex((outcome) => outcome?.kind === 'serving')]?.node.id;
    const loser = outcomes.find((outcome) => outcome?.kind === 'not-here');
    assert.equal(loser?.kind === 'not-here' && loser.holder, winner);
    assert.deepEqual([...(rig.node('c').record('m')?.copies.keys() ?? [])], [winner]);
    await rig.after(10_000);
    assert.deepEqual(rig.loadedAt('m'), [winner], 'what was loaded for nothing is unloaded');
    await rig.close();
  });

  it('joins the load of an instance that would not load the model for it a moment ago, and begins none beside it', async () => {
    const rig = await MeshRig.of(THREE);
    await rig.register('m');
    const [a, b] = [rig.node('a'), rig.node('b')];
    b.runtime.holds = true;
    b.ask('m', here('load'));
    await rig.settle();
    assert.deepEqual([...(a.record('m')?.copies.keys() ?? [])], ['b']);
    const joined = { kind: 'peer', instance: 'b', intent: 'copy' };
    assert.deepEqual(await a.locate('m', { kind: 'anywhere' }, ['b'], { b: null }), joined);
    assert.deepEqual(await a.locate('m', { kind: 'anywhere' }, ['b'], { b: 1 }), joined, 'it had another copy then');
    const sinceMs = a.record('m')?.copies.get(b.id) ?? null;
    const elsewhere = await a.locate('m', { kind: 'anywhere' }, ['b', 'c'], { b: sinceMs, c: null });
    assert.equal(elsewhere?.kind, 'serving', 'the claim that was known then says nothing new');
    b.runtime.loads.at(-1)?.done();
    await rig.settle();
    await rig.close();
  });

  it('a claim that is stale costs one hop and is put right', async () => {
    const rig = await MeshRig.of(THREE);
    await rig.register('m');
    const holder = await call(rig, rig.node('a'), 'm');
    // The copy goes while nobody can say so.
    holder.runtime.loaded.delete('m');
    const slot = await holder.locate('m');
    assert.equal(slot?.kind, 'serving');
    await holder.running.control.unloadCopies('m');
    await rig.settle();
    assert.equal((await holder.locate('m', here('copy')))?.kind, 'not-here');
    assert.equal(rig.node('c').record('m')?.copies.size, 0);
    await rig.close();
  });

  it('is tried at up to three instances where loads fail, and told what the last one said', async () => {
    const rig = await MeshRig.of(['a', 'b', 'c', 'd', 'e']);
    await rig.register('bad');
    for (const { runtime } of rig.nodes.values())
      runtime.load = async (model) => {
        runtime.loads.push({ model, signal: NEVER, done: () => {}, fails: () => {} });
        throw new MeshError('load-failed', 'INTERNAL: corrupt');
      };
    const status = await rig.node('a').ensure('bad');
    assert.deepEqual([status.status, status.errors[0]], ['LOADING_FAILED', 'INTERNAL: corrupt']);
    assert.equal(rig.loadsOf('bad'), 3);
    const located = await rig.node('b').locate('bad');
    assert.ok(located?.kind === 'failed' && located.where === 'nowhere' && located.error.kind === 'load-failed');
    assert.equal(rig.loadsOf('bad'), 3, 'three failures answer for the next caller');
    await rig.close();
  });

  it('succeeds if any of the first instances is good', async () => {
    const rig = await MeshRig.of(THREE);
    await rig.register('m');
    const bad = ['a', 'b'].map((name) => rig.node(name).runtime);
    for (const runtime of bad)
      runtime.load = async () => {
        throw new MeshError('load-failed', 'INTERNAL: no luck here');
      };
    assert.equal((await rig.node('a').ensure('m')).status, 'LOADED');
    assert.deepEqual(rig.loadedAt('m'), ['c']);
    await rig.close();
  });
});

describe('explanations', () => {
  it('a placement names every instance, the one that took it and why the others did not', async () => {
    const rig = await MeshRig.of(THREE);
    await rig.register('m');
    const entry = rig.node('a');
    const holder = await call(rig, entry, 'm');
    const [placed] = entry.running.control.decided({ kind: 'placement', model: modelKey('m') });
    assert.equal(placed?.instance, holder.id);
    assert.match(placed?.because ?? '', /takes it/);
    const details = JSON.stringify(placed?.details);
    for (const name of THREE) assert.ok(details.includes(`"${name}"`), details);
    await rig.close();
  });

  it('is explained by whichever node is asked, with who decided; a node that does not answer is named', async () => {
    const rig = await MeshRig.of(THREE);
    await rig.register('m');
    await call(rig, rig.node('b'), 'm');
    const query = { kind: 'placement', model: modelKey('m') } as const;
    const asked = async (name: string) => {
      const answer = rig.node(name).running.control.explainMesh(query, new AbortController().signal);
      await rig.settle();
      const { records, unanswered } = await answer;
      return { by: records.map(({ madeBy }) => madeBy), unanswered };
    };
    for (const name of ['a', 'b', 'c']) assert.deepEqual(await asked(name), { by: ['b'], unanswered: [] }, name);
    rig.unreachable.add('b');
    assert.deepEqual(await asked('a'), { by: [], unanswered: ['b'] });
    rig.unreachable.clear();
    await rig.close();
  });
});

describe('management from any node', () => {
  it('says LOADED of a copy elsewhere, and does not load a second one', async () => {
    const rig = await MeshRig.of(THREE);
    await rig.register('m');
    for (const name of THREE) assert.equal((await rig.node(name).ensure('m')).status, 'LOADED');
    assert.equal(rig.loadsOf('m'), 1);
    for (const name of THREE) assert.equal((await rig.node(name).running.control.modelStatus('m')).status, 'LOADED', name);
    await rig.close();
  });

  it('says LOADED of what another node has just loaded for it, also before the registry has told it of that claim', async () => {
    const rig = await MeshRig.empty();
    const constraints = new TypeConstraints([['onnx', { required: new Set(['gpu']), preferred: new Set<string>() }]]);
    const late = new LateStore();
    const entry = await rig.add('plain', { constraints, kv: late.of });
    await rig.add('gpu', { constraints, labels: new Set(['gpu']) });
    await rig.register('m');
    await rig.after(3000);
    late.isLate = true;
    const { status, copies } = await entry.ensure('m');
    assert.deepEqual([status, copies.map(({ location }) => location)], ['LOADED', ['gpu']]);
    assert.equal(entry.record('m')?.copies.size, 0, 'it has not been told of it');
    late.isLate = false;
    assert.deepEqual([...(entry.record('m')?.copies.keys() ?? [])], ['gpu']);
    await rig.close();
  });

  it('drops the copies of all nodes and keeps the registration', async () => {
    const rig = await MeshRig.of(THREE);
    await rig.register('m');
    await call(rig, rig.node('a'), 'm');
    for (const name of THREE) await rig.node(name).running.control.unloadCopies('m');
    await rig.after(3000);
    assert.deepEqual(rig.loadedAt('m'), []);
    assert.equal((await rig.node('b').running.control.modelStatus('m')).status, 'NOT_LOADED');
    await rig.close();
  });

  it('unregistering unloads everywhere', async () => {
    const rig = await MeshRig.of(THREE);
    await rig.register('m');
    await call(rig, rig.node('a'), 'm');
    await rig.node('c').running.control.unregisterModel('m');
    await rig.after(3000);
    assert.deepEqual(rig.loadedAt('m'), []);
    await rig.close();
  });

  it('§6.1: a type is loaded only where its labels are, and where nobody has them the error names them', async () => {
    const rig = await MeshRig.empty();
    const constraints = new TypeConstraints([['onnx', { required: new Set(['gpu']), preferred: new Set<string>() }]]);
    await rig.add('plain', { constraints });
    await rig.register('m');
    const located = await rig.node('plain').locate('m');
    assert.ok(located?.kind === 'failed' && located.error.message.includes('gpu'), JSON.stringify(located));
    await rig.add('gpu', { constraints, labels: new Set(['gpu']) });
    await rig.after(3000);
    assert.equal((await call(rig, rig.node('plain'), 'm')).id, 'gpu');
    await rig.close();
  });
  it('§6.1: type constraints that change count from the next load on; what is loaded stays', async () => {
    const rig = await MeshRig.empty();
    await rig.add('plain');
    await rig.add('gpu', { labels: new Set(['gpu']) });
    await rig.after(3000);
    const models = Array.from({ length: 8 }, (_, at) => `m${at}`);
    await rig.register(...models, 'later');
    for (const model of models) await call(rig, rig.node('plain'), model);
    const before = models.map((model) => rig.loadedAt(model));
    assert.ok(before.some(([at]) => at === 'plain'));
    const constraints = new TypeConstraints([['onnx', { required: new Set(['gpu']), preferred: new Set<string>() }]]);
    for (const { running } of rig.nodes.values()) running.useConstraints(constraints);
    assert.equal((await call(rig, rig.node('plain'), 'later')).id, 'gpu');
    await rig.after(60_000);
    assert.deepEqual(
      models.map((model) => rig.loadedAt(model)),
      before,
    );
    await rig.close();
  });
});

describe('copies.min over the mesh', () => {
  it('is kept by the leader, comes back when an instance is lost, and is not exceeded', async () => {
    const rig = await MeshRig.of(THREE);
    const spec = { format: { name: 'onnx' }, storage: { uri: 'file:///m' }, copies: { min: 2 } };
    const manifest = { apiVersion: 'modelmesh.io/v1alpha1', kind: 'Model', metadata: { name: 'm' }, spec };
    await rig.node('b').running.control.apply(manifest, NEVER);
    await rig.after(5000);
    const before = rig.loadedAt('m');
    assert.equal(before.length, 2);
    await rig.kill(before[0] ?? '');
    await rig.after(60_000);
    assert.equal(rig.loadedAt('m').length, 2);
    await rig.close();
  });
});

describe('an instance that goes', () => {
  it('without a word: its models are loaded elsewhere by the next call, at once when it is known', async () => {
    const rig = await MeshRig.of(THREE);
    await rig.register('m');
    const holder = await call(rig, rig.node('a'), 'm');
    await rig.kill(holder.id);
    const entry = [...rig.nodes.values()][0] as RigNode;
    await entry.reaches(holder, false);
    assert.notEqual((await call(rig, entry, 'm')).id, holder.id);
    await rig.close();
  });

  it('§4.9: what was used of late comes back without a call once its lease has ended, and its claims are reaped', async () => {
    const rig = await MeshRig.of(THREE);
    await rig.register('m', 'n', 'o');
    for (const model of ['m', 'n', 'o']) await call(rig, rig.node('a'), model);
    const lost = rig.loadedAt('m')[0] ?? '';
    await rig.kill(lost);
    await rig.after(30_000);
    for (const model of ['m', 'n', 'o']) assert.equal(rig.loadedAt(model).length, 1, model);
    await rig.after(20 * 60_000);
    const entry = [...rig.nodes.values()][0] as RigNode;
    for (const model of ['m', 'n', 'o']) assert.deepEqual([...(entry.record(model)?.copies.keys() ?? [])], rig.loadedAt(model));
    await rig.close();
  });

  it('§4.14 with notice: every copy serves here until it serves elsewhere, and no load is lost', async () => {
    const rig = await MeshRig.of(THREE);
    const models = Array.from({ length: 12 }, (_, at) => `m${at}`);
    await rig.register(...models);
    for (const model of models) await call(rig, rig.node('a'), model);
    const leaver = rig.node('a');
    const own = models.filter((model) => rig.loadedAt(model).includes('a'));
    assert.ok(own.length > 0);
    let done = false;
    const leaving = leaver.running.leave(durationMs(20_000)).then(() => {
      done = true;
    });
    for (let turn = 0; turn < 40 && !done; turn++) {
      await rig.after(500);
      for (const model of models) assert.ok(rig.loadedAt(model).length > 0, `${model} serves nowhere`);
    }
    await leaving;
    await rig.after(3000);
    for (const model of own) assert.deepEqual(rig.loadedAt(model).includes('a'), false, model);
    for (const model of models) assert.equal(rig.loadedAt(model).length, 1, model);
    for (const name of ['b', 'c']) assert.notEqual((await call(rig, rig.node(name), models[0] ?? '')).id, 'a');
    await rig.close();
  });
});

describe('load', () => {
  it('§4.7 a hot model spreads within seconds', async () => {
    const scaling = { ...DEFAULT_SCALING_CONFIG, hotCallsPerCopyMax: 4 };
    const rig = await MeshRig.of(THREE, { scaling });
    await rig.register('hot');
    const holder = await call(rig, rig.node('a'), 'hot');
    const located = await holder.locate('hot');
    assert.ok(located?.kind === 'serving');
    const ends = Array.from({ length: 12 }, () => holder.call(located.slot));
    await rig.after(2000);
    assert.equal(rig.loadedAt('hot').length, 3);
    for (const end of ends) end(2000);
    await rig.close();
  });
});

describe('free room', () => {
  it('§4.12: the others know the room of a fresh node as soon as its runtime is up', async () => {
    const rig = await MeshRig.of(['a']);
    await rig.add('b');
    const roomOfB = rig
      .node('a')
      .running.control.instances()
      .find(({ id }) => id === 'b')?.capacityUnits;
    assert.ok(roomOfB !== undefined && roomOfB > 0, `${roomOfB} units`);
    await rig.close();
  });

  it('§4.9: a fresh node takes its fair share within a minute, and what it takes over serves all the while', async () => {
    const rig = await MeshRig.of(['a', 'b'], { capacityMib: 24 });
    const models = Array.from({ length: 32 }, (_, at) => `m${at}`);
    await rig.register(...models);
    for (const model of models) await call(rig, rig.node('a'), model);
    for (const model of models) assert.equal(rig.loadedAt(model).length, 1);
    await rig.after(30_000);
    const fresh = await rig.add('c', { capacityMib: 24 });
    await rig.after(60_000);
    // A third of what is loaded, less what stays free for loads that somebody waits for.
    assert.ok(fresh.runtime.loaded.size >= 8, `${fresh.runtime.loaded.size} of 32`);
    for (const model of models) assert.ok(rig.loadedAt(model).length > 0, model);
    await rig.close();
  });

  it('models that lost their place come back where there is room, without a call', async () => {
    const rig = await MeshRig.of(['a'], { capacityMib: 12 });
    const models = Array.from({ length: 12 }, (_, at) => `m${at}`);
    await rig.register(...models);
    for (const model of models) {
      await call(rig, rig.node('a'), model);
      await rig.after(1000);
    }
    const before = models.filter((model) => rig.loadedAt(model).length > 0).length;
    assert.ok(before < models.length);
    await rig.add('b', { capacityMib: 24 });
    await rig.after(60_000);
    assert.ok(models.filter((model) => rig.loadedAt(model).length > 0).length > before);
    await rig.close();
  });

  it('§4.13: what made room for others is loaded elsewhere, unless a call has brought it back by then', async () => {
    const rig = await MeshRig.of(['a'], { capacityMib: 8 });
    const a = rig.node('a');
    const models = Array.from({ length: 8 }, (_, at) => `m${at}`);
    await rig.register(...models);
    for (const model of models) {
      await call(rig, a, model);
      await rig.after(500);
    }
    await rig.after(65_000);
    const b = await rig.add('b', { capacityMib: 24 });
    await rig.after(1000);
    const isHere = (model: string): boolean => a.runtime.loaded.has(model);
    assert.deepEqual(models.filter(isHere), models.slice(1), 'room for all but one');
    const pushesOut = async (model: string, oldest: string): Promise<void> => {
      a.ask(model, here('load'));
      await rig.after(500);
      assert.ok(!isHere(oldest), oldest);
    };
    await pushesOut('m0', 'm1');
    a.runtime.holds = true;
    await pushesOut('m1', 'm2');
    await rig.after(10_000);
    assert.deepEqual(rig.loadedAt('m2'), ['b']);
    assert.deepEqual([...(a.record('m1')?.copies.keys() ?? [])], ['a'], 'its load runs');
    assert.equal(b.runtime.loads.filter(({ model }) => model.key === 'm1').length, 0);
    await rig.close();
  });

  it('a first copy that waits for its turn is not loaded beside one that a call had loaded meanwhile', async () => {
    const rig = await MeshRig.of(['a', 'b', 'c', 'd'], { capacityMib: 64 });
    const models = Array.from({ length: 32 }, (_, at) => `m${at}`);
    const [a, ...others] = [...rig.nodes.values()];
    assert.ok(a !== undefined);
    for (const { runtime } of rig.nodes.values()) runtime.holds = true;
    await rig.register(...models);
    await rig.after(10_000);
    // The loads of a plan are asked for some at a time; those of its first part do not end.
    const waiting = models.filter((model) => a.record(model)?.copies.size === 0);
    assert.equal(waiting.length, 16);
    for (const model of waiting) a.ask(model, here('load'));
    await rig.settle();
    for (const { runtime } of rig.nodes.values()) {
      runtime.holds = false;
      for (const load of runtime.loads) load.done();
    }
    await rig.after(3000);
    for (const model of models) assert.equal(rig.loadsOf(model), 1, model);
    for (const model of waiting) assert.deepEqual(rig.loadedAt(model), ['a']);
    assert.ok(others.every(({ runtime }) => runtime.loaded.size > 0));
    await rig.close();
  });
});

/** A store that tells nothing for a while, and then all at once. */
class LateStore {
  readonly #held: (() => void)[] = [];
  #isLate = false;

  set isLate(isLate: boolean) {
    this.#isLate = isLate;
    if (!isLate) for (const tell of this.#held.splice(0)) tell();
  }

  readonly of = (kv: Kv): Kv => ({
    ...through(kv),
    watch: (prefix, options, sink) =>
      kv.watch(prefix, options, {
        batch: (batch) => {
          if (this.#isLate) this.#held.push(() => sink.batch(batch));
          else sink.batch(batch);
        },
        ended: (end) => sink.ended(end),
      }),
  });
}

describe('a registry that is away for three lease times', () => {
  it('warm calls go on, cold ones and changes are refused at once, and on its return nothing is loaded again', async () => {
    const store = new MortalStore();
    const rig = await MeshRig.of(THREE, { kv: store.of });
    await rig.register('warm', 'cold');
    const holder = await call(rig, rig.node('a'), 'warm');
    const loads = rig.loadsOf('warm');
    store.goes();
    await rig.after(60_000);
    for (const name of THREE) assert.equal((await call(rig, rig.node(name), 'warm')).id, holder.id, name);
    const refused = await rig.node('a').locate('cold');
    assert.ok(refused?.kind === 'failed' && refused.error.kind === 'registry-unavailable', JSON.stringify(refused));
    await assert.rejects(rig.node('a').ensure('cold'), (error: MeshError) => error.kind === 'registry-unavailable');
    store.away = false;
    await rig.after(60_000);
    for (const name of THREE) assert.equal((await call(rig, rig.node(name), 'warm')).id, holder.id, name);
    assert.equal(rig.loadsOf('warm'), loads, 'not one reload');
    assert.ok(await call(rig, rig.node('a'), 'cold'));
    await rig.close();
  });

  it('is told in the same words by the call that meets it first, whose claim it does not take', async () => {
    let isAway = false;
    const kv = (store: Kv): Kv => ({
      ...through(store),
      txn: (txn) => (isAway ? Promise.reject(new MeshError('registry-unavailable', 'no member answers')) : store.txn(txn)),
    });
    const rig = await MeshRig.of(['a'], { kv });
    await rig.register('cold');
    isAway = true;
    for (const at of ['first', 'second']) {
      const refused = await rig.node('a').locate('cold');
      assert.match(
        refused?.kind === 'failed' ? refused.error.message : JSON.stringify(refused),
        /the registry cannot be reached, and a model without a copy is not loaded until it is back \(no member answers\)$/,
        at,
      );
    }
    await rig.close();
  });
});

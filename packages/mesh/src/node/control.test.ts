import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { epochMs, MeshError, modelKey } from '@modelmesh/core';
import { FaultyKv } from '../kv/testing/index.ts';
import { COPY_WAITERS_MAX } from './copies/index.ts';
import { A_WHILE_MS, ControlRig } from './testing/index.ts';

const FAILED = new MeshError('load-failed', 'INVALID_ARGUMENT: corrupt');
const NEVER = new AbortController().signal;

const manifest = (name: string, copies: object) => ({
  apiVersion: 'modelmesh.io/v1alpha1',
  kind: 'Model',
  metadata: { name },
  spec: { format: { name: 'onnx' }, storage: { uri: `file:///models/${name}` }, copies },
});

describe('a registered model', () => {
  it('is loaded when it is wanted, named in the registry while it is here, and gone with its registration', async () => {
    const rig = await ControlRig.ready();
    await rig.register('a');
    assert.equal(rig.status('a'), 'NOT_LOADED');
    assert.equal((await rig.ensure('a')).status, 'LOADED');
    assert.deepEqual(rig.holders('a'), ['here']);
    const slot = rig.slotOf('a');
    assert.ok(slot);
    await rig.running.control.unregisterModel('a');
    await rig.settle();
    assert.deepEqual(rig.runtime.unloads, ['a']);
    assert.equal(rig.counters.enter(0, slot, rig.clock.wallMs()), false);
    assert.equal(rig.running.control.model('a'), null);
    await rig.close();
  });

  it('that fails to load tells each of those who wait, is recorded once and tried again when its artifact is new', async () => {
    const rig = await ControlRig.ready();
    rig.runtime.holds = true;
    await rig.running.control.apply(manifest('a', {}), NEVER);
    const waiting = [rig.ensure('a'), rig.ensure('a')];
    await rig.settle();
    rig.locate('a');
    await rig.settle();
    rig.runtime.loadOf('a').fails(FAILED);
    for (const { status, errors } of await Promise.all(waiting))
      assert.deepEqual([status, errors[0]?.includes('corrupt')], ['LOADING_FAILED', true]);
    for (let call = 0; call < 5; call++) {
      rig.locate('a');
      await rig.settle();
    }
    const answers = rig.located('a').map((outcome) => (outcome.kind === 'failed' ? outcome.error.message : outcome.kind));
    assert.deepEqual(answers, Array(6).fill('INVALID_ARGUMENT: corrupt'));
    assert.equal(rig.saw('load-failed').length, 1, 'a call that hears of an old failure is no new failure');
    assert.equal(rig.runtime.loads.length, 1);
    await rig.running.control.apply(manifest('a', {}), NEVER);
    await rig.after(A_WHILE_MS);
    const again = rig.ensure('a');
    await rig.settle();
    rig.runtime.loadOf('a').done();
    assert.equal((await again).status, 'LOADED');
    await rig.close();
  });

  it('that is unregistered while it loads calls the load off, unloads it and tells those who wait', async () => {
    const rig = await ControlRig.ready();
    rig.runtime.holds = true;
    await rig.register('a');
    rig.locate('a');
    await rig.settle();
    await rig.running.control.unregisterModel('a');
    assert.equal(rig.runtime.loadOf('a').signal.aborted, true);
    await rig.after(A_WHILE_MS);
    const [outcome] = rig.located('a');
    assert.equal(outcome?.kind === 'failed' && outcome.error.kind, 'model-not-found');
    assert.deepEqual(rig.runtime.unloads, ['a']);
    await rig.close();
  });

  it('that is registered again at once with another path, in any state, is loaded from the new path and from no other', async () => {
    for (const state of ['loading', 'serving', 'unloading'] as const) {
      const rig = await ControlRig.ready();
      rig.runtime.holds = true;
      await rig.register('a', 'old');
      void rig.ensure('a', false);
      await rig.settle();
      if (state !== 'loading') rig.runtime.loadOf('a').done();
      await rig.settle();
      await rig.running.control.unregisterModel('a');
      if (state === 'unloading') await rig.settle();
      await rig.register('a', 'new');
      const again = rig.ensure('a');
      await rig.after(A_WHILE_MS);
      rig.runtime.loadOf('a').done();
      assert.equal((await again).status, 'LOADED', state);
      assert.equal(rig.runtime.loadOf('a').model.path, 'new', state);
      assert.deepEqual(rig.holders('a'), ['here'], state);
      assert.ok(rig.slotOf('a'), state);
      await rig.close();
    }
  });

  it('is drained before it is unloaded, and serves again from another slot when it is wanted again', async () => {
    const rig = await ControlRig.ready();
    await rig.register('a');
    await rig.ensure('a');
    const slot = rig.slotOf('a');
    assert.ok(slot && rig.counters.enter(0, slot, rig.clock.wallMs()));
    await rig.running.control.unloadCopies('a');
    await rig.settle();
    assert.equal(rig.slotOf('a'), null);
    assert.deepEqual(rig.runtime.unloads, []);
    const again = rig.ensure('a');
    await rig.after(1500);
    assert.deepEqual(rig.runtime.unloads, [], 'a call is in flight');
    rig.counters.leave(0, slot, true, 1);
    await rig.after(1500);
    assert.deepEqual(rig.runtime.unloads, ['a']);
    assert.equal((await again).status, 'LOADED');
    assert.notDeepEqual(rig.slotOf('a'), slot);
    await rig.close();
  });

  it('is unloaded after the grace even under a call that never ends, whose slot is not used again', async () => {
    const rig = await ControlRig.ready({ cache: { drainGraceMs: A_WHILE_MS } });
    await rig.register('a');
    await rig.ensure('a');
    const slot = rig.slotOf('a');
    assert.ok(slot && rig.counters.enter(0, slot, rig.clock.wallMs()));
    await rig.running.control.unloadCopies('a');
    await rig.after(A_WHILE_MS + 1);
    assert.deepEqual(rig.runtime.unloads, ['a']);
    await rig.ensure('a');
    assert.notEqual(rig.slotOf('a')?.index, slot.index);
    rig.counters.leave(0, slot, true, 1);
    await rig.after(2000);
    assert.equal(rig.counters.inFlight(slot), 0);
    await rig.close();
  });

  it('is not waited for by more callers than the limit: the next one is refused at once, by name and number', async () => {
    const rig = await ControlRig.ready();
    rig.runtime.holds = true;
    await rig.register('a');
    const waiting = Array.from({ length: COPY_WAITERS_MAX }, () => rig.ensure('a'));
    await rig.settle();
    const refused = await rig.ensure('a');
    assert.deepEqual([refused.status, refused.errors.length], ['LOADING_FAILED', 1]);
    assert.match(refused.errors[0] ?? '', new RegExp(`^${COPY_WAITERS_MAX} callers wait`));
    assert.equal(rig.running.figures().limitsReached.get('copy-waiters'), 1);
    rig.runtime.loadOf('a').done();
    for (const { status } of await Promise.all(waiting)) assert.equal(status, 'LOADED');
    assert.equal((await rig.ensure('a')).status, 'LOADED', 'those who were answered wait no more');
    await rig.close();
  });

  it('whose claim cannot be written is given up and asked for again by those who wait', async () => {
    let faulty: FaultyKv | undefined;
    const rig = await ControlRig.ready({
      kv: (kv) => {
        faulty = new FaultyKv(kv);
        return faulty;
      },
    });
    await rig.register('a');
    faulty?.inject('lost-before-commit', 'lost-after-commit');
    assert.equal((await rig.ensure('a')).status, 'LOADED');
    assert.deepEqual(rig.holders('a'), ['here']);
    await rig.close();
  });
});

describe('the last use of a copy', () => {
  it('that was loaded for later is the one that was said, not the instant of its load', async () => {
    const rig = await ControlRig.start();
    rig.runtime.capacityBytes = 4 * 1024 * 1024;
    rig.runtime.comesUp();
    for (const model of ['a', 'b', 'cold', 'wanted']) await rig.register(model);
    for (const model of ['a', 'b']) await rig.ensure(model);
    await rig.after(1000);
    const hourAgo = epochMs(rig.clock.wallMs() - 3_600_000);
    await rig.running.control.ensureLoaded('cold', hourAgo, true, NEVER);
    await rig.after(1000);
    rig.locate('wanted');
    await rig.settle();
    await rig.settle();
    assert.deepEqual(rig.runtime.unloads, ['cold']);
    await rig.close();
  });

  it('is told of a model from its first use on, also when the copy is gone; before, there is none, whatever the record has', async () => {
    const rig = await ControlRig.ready();
    const told = () => rig.running.control.model('a')?.lastUsedMs;
    await rig.register('a');
    const registered = rig.running.control.model('a')?.record;
    assert.equal(registered?.lastUsedMs, registered && registered.createdAtMs - 6 * 3_600_000, 'as ModelMesh has it');
    assert.equal(told(), null);
    const firstMs = rig.clock.wallMs();
    rig.locate('a');
    await rig.settle();
    assert.equal(told(), firstMs);
    const slot = rig.slotOf('a');
    await rig.after(1000);
    assert.ok(slot && rig.counters.enter(0, slot, rig.clock.wallMs()));
    rig.counters.leave(0, slot, true, 1);
    assert.equal(told(), firstMs + 1000);
    await rig.running.control.unloadCopies('a');
    await rig.after(A_WHILE_MS);
    assert.equal(rig.running.control.model('a')?.record.lastUsedMs, firstMs + 1000);
    assert.equal(told(), firstMs + 1000);
    await rig.close();
  });

  it('of the copy here goes by this clock, and not by the record, which a clock that is ahead may have written', async () => {
    const rig = await ControlRig.ready();
    const used = () => rig.running.copyUsedMs(modelKey('a'));
    await rig.register('a');
    rig.clock.jumpWall(-60_000);
    assert.equal(used(), 0, 'no copy');
    await rig.ensure('a');
    await rig.after(1000);
    rig.locate('a');
    await rig.settle();
    assert.equal(used(), rig.clock.wallMs(), 'who asks for a copy that serves uses it');
    await rig.running.control.unloadCopies('a');
    await rig.after(A_WHILE_MS);
    assert.equal(used(), 0);
    await rig.close();
  });

  it('is never that of an earlier copy in the same slot', async () => {
    const rig = await ControlRig.ready();
    await rig.register('a');
    await rig.ensure('a');
    const first = rig.slotOf('a');
    assert.ok(first && rig.counters.enter(0, first, epochMs(rig.clock.wallMs() + 500)));
    rig.counters.leave(0, first, true, 1);
    await rig.running.control.unloadCopies('a');
    await rig.settle();
    await rig.register('b');
    await rig.running.control.ensureLoaded('b', epochMs(5000), true, NEVER);
    const second = rig.slotOf('b');
    assert.equal(second?.index, first.index);
    assert.equal(rig.running.figures().leastRecentUseMs, 5000);
    await rig.close();
  });
});

describe('models that must always be here', () => {
  it('are loaded without a request', async () => {
    const rig = await ControlRig.ready();
    await rig.running.control.apply(manifest('a', { min: 1 }), NEVER);
    await rig.settle();
    assert.equal(rig.status('a'), 'LOADED');
    await rig.close();
  });

  it('come back with the runtime', async () => {
    const rig = await ControlRig.ready();
    await rig.running.control.apply(manifest('a', { min: 1 }), NEVER);
    await rig.settle();
    rig.runtime.dies();
    await rig.settle();
    rig.runtime.comesUp();
    await rig.settle();
    assert.equal(rig.status('a'), 'LOADED');
    await rig.close();
  });

  it('and do not fit together come to rest instead of pushing each other out for ever', async () => {
    const rig = await ControlRig.start();
    rig.runtime.capacityBytes = 3 * 1024 * 1024;
    rig.runtime.comesUp();
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await rig.after(1000);
      await rig.running.control.apply(manifest(name, { min: 1 }), NEVER);
    }
    for (let turn = 0; turn < 20; turn++) await rig.after(1000);
    const loads = rig.runtime.loads.length;
    for (let turn = 0; turn < 20; turn++) await rig.after(1000);
    assert.equal(rig.runtime.loads.length, loads);
    await rig.close();
  });

  it('are not unloaded for being idle', async () => {
    const rig = await ControlRig.ready();
    await rig.running.control.apply(manifest('a', { min: 1, idleAfter: '10s' }), NEVER);
    await rig.running.control.apply(manifest('b', { idleAfter: '10s' }), NEVER);
    await rig.ensure('b');
    for (let turn = 0; turn < 30; turn++) await rig.after(1000);
    assert.deepEqual(rig.runtime.unloads, ['b']);
    assert.equal(rig.status('a'), 'LOADED');
    await rig.close();
  });
});

describe('an endpoint', () => {
  const set = (rig: ControlRig, target: string, sync = false) =>
    rig.running.control.setEndpoint(
      {
        vModelId: 'v',
        targetModelId: target,
        owner: '',
        updateOnly: false,
        modelInfo: { type: 'onnx', path: target, encKey: '{}' },
        autoDeleteTargetModel: true,
        loadNow: false,
        force: false,
        sync,
        expectedTargetModelId: '',
      },
      NEVER,
    );

  it('goes on with its active model until the target is loaded', async () => {
    const rig = await ControlRig.ready();
    await set(rig, 'a');
    await rig.ensure('a');
    rig.runtime.holds = true;
    const switched = set(rig, 'b', true);
    await rig.settle();
    const { control } = rig.running;
    assert.equal(control.endpoint('v')?.record.active, 'a');
    rig.runtime.loadOf('b').done();
    assert.deepEqual((await switched).status, 'DEFINED');
    assert.equal(control.endpoint('v')?.record.active, 'b');
    await rig.settle();
    assert.equal(control.model('a'), null, 'deleted with its last reference');
    assert.deepEqual(rig.runtime.unloads, ['a']);
    await rig.close();
  });

  it('says that its transition failed, and keeps the active model', async () => {
    const rig = await ControlRig.ready();
    await set(rig, 'a');
    await rig.ensure('a');
    rig.runtime.holds = true;
    const switched = set(rig, 'b', true);
    await rig.settle();
    rig.runtime.loadOf('b').fails(FAILED);
    assert.equal((await switched).status, 'TRANSITION_FAILED');
    assert.equal(rig.running.control.endpoint('v')?.record.active, 'a');
    await rig.close();
  });

  it('does not fail because the node that drives its transition shuts down', async () => {
    const rig = await ControlRig.ready();
    await set(rig, 'a');
    await rig.ensure('a');
    rig.runtime.holds = true;
    await set(rig, 'b');
    await rig.settle();
    assert.equal(rig.runtime.loadOf('b').signal.aborted, false);
    await rig.close();
    assert.equal(rig.running.control.endpoint('v')?.record.failed, false);
  });
});

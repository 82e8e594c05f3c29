import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { epochMs, MeshError } from '@modelmesh/core';
import type { Kv, KvWatchSink, LeaseId } from '../kv/index.ts';
import { FaultyKv } from '../kv/testing/index.ts';
import type { SlotRef } from '../link/index.ts';
import { A_WHILE_MS, ControlRig } from './testing/index.ts';

const FAILED = new MeshError('load-failed', 'INVALID_ARGUMENT: corrupt');
const NEVER = new AbortController().signal;

/** The slot that the data plane was last told to use for the model. */
function slotOf(rig: ControlRig, model: string): SlotRef | null {
  for (const message of rig.told.toReversed()) {
    const parts = message.kind === 'route-delta' ? message.put : message.kind === 'route-snapshot' ? message.parts : undefined;
    const route = parts?.models.find(({ key }) => key === model);
    if (route !== undefined) return route.local;
  }
  return null;
}

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
    const slot = slotOf(rig, 'a');
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
      assert.ok(slotOf(rig, 'a'), state);
      await rig.close();
    }
  });

  it('is drained before it is unloaded, and serves again from another slot when it is wanted again', async () => {
    const rig = await ControlRig.ready();
    await rig.register('a');
    await rig.ensure('a');
    const slot = slotOf(rig, 'a');
    assert.ok(slot && rig.counters.enter(0, slot, rig.clock.wallMs()));
    await rig.running.control.unloadCopies('a');
    await rig.settle();
    assert.equal(slotOf(rig, 'a'), null);
    assert.deepEqual(rig.runtime.unloads, []);
    const again = rig.ensure('a');
    await rig.after(1500);
    assert.deepEqual(rig.runtime.unloads, [], 'a call is in flight');
    rig.counters.leave(0, slot, true, 1);
    await rig.after(1500);
    assert.deepEqual(rig.runtime.unloads, ['a']);
    assert.equal((await again).status, 'LOADED');
    assert.notDeepEqual(slotOf(rig, 'a'), slot);
    await rig.close();
  });

  it('is unloaded after the grace even under a call that never ends, whose slot is not used again', async () => {
    const rig = await ControlRig.ready({ cache: { drainGraceMs: A_WHILE_MS } });
    await rig.register('a');
    await rig.ensure('a');
    const slot = slotOf(rig, 'a');
    assert.ok(slot && rig.counters.enter(0, slot, rig.clock.wallMs()));
    await rig.running.control.unloadCopies('a');
    await rig.after(A_WHILE_MS + 1);
    assert.deepEqual(rig.runtime.unloads, ['a']);
    await rig.ensure('a');
    assert.notEqual(slotOf(rig, 'a')?.index, slot.index);
    rig.counters.leave(0, slot, true, 1);
    await rig.after(2000);
    assert.equal(rig.counters.inFlight(slot), 0);
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

  it('is never that of an earlier copy in the same slot', async () => {
    const rig = await ControlRig.ready();
    await rig.register('a');
    await rig.ensure('a');
    const first = slotOf(rig, 'a');
    assert.ok(first && rig.counters.enter(0, first, epochMs(rig.clock.wallMs() + 500)));
    rig.counters.leave(0, first, true, 1);
    await rig.running.control.unloadCopies('a');
    await rig.settle();
    await rig.register('b');
    await rig.running.control.ensureLoaded('b', epochMs(5000), true, NEVER);
    const second = slotOf(rig, 'b');
    assert.equal(second?.index, first.index);
    assert.equal(rig.running.figures().leastRecentUseMs, 5000);
    await rig.close();
  });
});

describe('the registry', () => {
  it('is followed again after its watch was lost, with everything that others wrote meanwhile', async () => {
    const sinks: KvWatchSink[] = [];
    const rig = await ControlRig.ready({ kv: (kv) => withWatch(kv, sinks) });
    await rig.register('a');
    const key = [...(await keysOf(rig.kv))].find((name) => name.endsWith('/a')) ?? '';
    const entry = (await rig.kv.get(key)).entry;
    assert.ok(entry);
    const lost = sinks.splice(0);
    for (const sink of lost) sink.ended({ kind: 'lost', error: new MeshError('registry-unavailable', 'gone') });
    await rig.kv.txn({ conditions: [], operations: [{ kind: 'put', key: key.replace(/a$/, 'theirs'), value: entry.value }] });
    await rig.settle();
    assert.equal(rig.running.control.model('theirs'), null);
    await rig.after(A_WHILE_MS);
    assert.notEqual(rig.running.control.model('theirs'), null);
    await rig.kv.txn({ conditions: [], operations: [{ kind: 'delete', key }] });
    await rig.settle();
    assert.equal(rig.running.control.model('a'), null, 'it is watched again');
    assert.equal(rig.saw('registry-lost').length, 1);
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

describe('a runtime that dies', () => {
  it('idle takes its copies out of the routes and the registry, and the next call loads again', async () => {
    const rig = await ControlRig.ready();
    await rig.register('a');
    await rig.ensure('a');
    rig.runtime.dies();
    await rig.settle();
    assert.deepEqual([slotOf(rig, 'a'), rig.holders('a')], [null, []]);
    rig.locate('a');
    await rig.settle();
    rig.runtime.comesUp();
    await rig.settle();
    assert.equal(rig.located('a')[0]?.kind, 'serving');
    assert.deepEqual(rig.holders('a'), ['here']);
    await rig.close();
  });

  it('while it loads fails nobody: the load starts again in its next life', async () => {
    const rig = await ControlRig.ready();
    rig.runtime.holds = true;
    await rig.register('a');
    const waiting = rig.ensure('a');
    rig.locate('a');
    await rig.settle();
    // The broken call is heard of first, the loss of the runtime after it.
    const lost = rig.runtime.loads.splice(0);
    for (const load of lost) load.fails(new MeshError('unavailable', 'the connection was lost'));
    await rig.settle();
    rig.runtime.dies();
    await rig.settle();
    rig.runtime.comesUp();
    await rig.settle();
    rig.runtime.loadOf('a').done();
    assert.equal((await waiting).status, 'LOADED');
    await rig.settle();
    assert.equal(rig.located('a')[0]?.kind, 'serving');
    assert.equal(rig.saw('load-failed').length, 0);
    await rig.close();
  });

  it('twice in a row, during two loads, leaves no stale claim and no stale slot', async () => {
    const rig = await ControlRig.ready();
    rig.runtime.holds = true;
    await rig.register('a');
    const waiting = rig.ensure('a');
    await rig.settle();
    rig.runtime.dies();
    rig.runtime.comesUp();
    await rig.settle();
    rig.runtime.loadOf('a').done();
    await rig.settle();
    rig.runtime.dies();
    rig.runtime.comesUp();
    await rig.settle();
    assert.equal((await waiting).status, 'LOADED');
    assert.deepEqual([slotOf(rig, 'a'), rig.holders('a')], [null, []]);
    rig.runtime.holds = false;
    assert.equal((await rig.ensure('a')).status, 'LOADED');
    assert.ok(slotOf(rig, 'a'));
    await rig.close();
  });

  it('for good tells those who wait and those who come, instead of keeping them until their deadline', async () => {
    const rig = await ControlRig.start();
    await rig.register('a');
    const waiting = rig.ensure('a');
    rig.locate('a');
    await rig.settle();
    rig.runtime.becomes({ kind: 'failed', message: 'the runtime ended (exit code 2)' });
    await rig.settle();
    assert.match((await waiting).errors[0] ?? '', /exit code 2/);
    rig.locate('a');
    await rig.settle();
    for (const outcome of rig.located('a')) {
      assert.equal(outcome.kind === 'failed' && outcome.error.kind, 'unavailable');
      assert.match(outcome.kind === 'failed' ? outcome.error.message : '', /exit code 2/);
    }
    assert.equal(rig.located('a').length, 2);
    rig.runtime.comesUp();
    assert.equal((await rig.ensure('a')).status, 'LOADED', 'a later life of it is as good as any');
    await rig.close();
  });

  it('is not the reason of a load that is unavailable while it lives: that is a failure of the load', async () => {
    const rig = await ControlRig.ready();
    rig.runtime.holds = true;
    await rig.register('a');
    const waiting = rig.ensure('a');
    await rig.settle();
    rig.runtime.loadOf('a').fails(new MeshError('unavailable', 'too many calls wait'));
    await rig.settle();
    await rig.after(A_WHILE_MS);
    assert.equal((await waiting).status, 'LOADING_FAILED');
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

describe('control that ends', () => {
  it('takes back what it said of itself, and tells everyone who waits', async () => {
    const rig = await ControlRig.ready();
    await rig.register('a');
    await rig.ensure('a');
    await rig.register('b');
    rig.runtime.holds = true;
    const waiting = rig.ensure('b');
    rig.locate('b');
    await rig.settle();
    await rig.running.close();
    await rig.settle();
    assert.deepEqual([rig.holders('a'), rig.holders('b')], [[], []]);
    assert.notEqual((await waiting).status, 'LOADED');
    const [outcome] = rig.located('b');
    assert.equal(outcome?.kind === 'failed' && outcome.error.kind, 'unavailable');
    await rig.close();
  });
});

describe('the record of this instance', () => {
  it('is published again as soon as the store grants a lease, however often it did not', async () => {
    let grants = true;
    const rig = await ControlRig.ready({ kv: (kv) => withLease(kv, () => grants) });
    grants = false;
    await rig.register('a');
    await rig.ensure('a');
    for (let turn = 0; turn < 15; turn++) await rig.after(2000);
    assert.equal((await instanceEntries(rig.kv)).length, 0);
    assert.ok(rig.saw('publish-failed').length > 0);
    grants = true;
    for (let turn = 0; turn < 4; turn++) await rig.after(2000);
    assert.equal((await instanceEntries(rig.kv)).length, 1);
    await rig.close();
  });

  it('stays while the node is so busy that there is something new to say all the time', async () => {
    const rig = await ControlRig.ready();
    await rig.register('a');
    for (let turn = 0; turn < 30; turn++) {
      await rig.ensure('a');
      await rig.after(1000);
      await rig.running.control.unloadCopies('a');
      await rig.after(1000);
      assert.equal((await instanceEntries(rig.kv)).length, 1, `after ${turn * 2} s`);
    }
    await rig.close();
  });

  it('is not written again once it was taken back', async () => {
    const rig = await ControlRig.ready();
    await rig.running.close();
    await rig.after(A_WHILE_MS);
    assert.deepEqual(await instanceEntries(rig.kv), []);
    await rig.close();
  });
});

async function instanceEntries(kv: Kv): Promise<readonly string[]> {
  const page = await kv.range('', { limit: 100 });
  return page.kind === 'page' ? page.entries.filter(({ lease }) => lease !== undefined).map(({ key }) => key) : [];
}

async function keysOf(kv: Kv): Promise<readonly string[]> {
  const page = await kv.range('', { limit: 100 });
  return page.kind === 'page' ? page.entries.map(({ key }) => key) : [];
}

/** The store, whose watches the test can end. */
function withWatch(kv: Kv, sinks: KvWatchSink[]): Kv {
  const watched = withLease(kv, () => true);
  watched.watch = (prefix, options, sink) => {
    sinks.push(sink);
    const watch = kv.watch(prefix, options, {
      batch: (batch) => {
        if (sinks.includes(sink)) sink.batch(batch);
      },
      ended: (end) => sink.ended(end),
    });
    return watch;
  };
  return watched;
}

/** The store, whose leases end and are granted only while `grants` says so. */
function withLease(kv: Kv, grants: () => boolean): Kv {
  return {
    get: (key) => kv.get(key),
    range: (prefix, options) => kv.range(prefix, options),
    txn: (txn) => kv.txn(txn),
    resolve: (unknown) => kv.resolve(unknown),
    watch: (prefix, options, sink) => kv.watch(prefix, options, sink),
    grantLease: async (ttlMs) => {
      if (!grants()) throw new MeshError('registry-unavailable', 'no leases today');
      return kv.grantLease(ttlMs);
    },
    keepAlive: async (lease: LeaseId) => (grants() ? kv.keepAlive(lease) : { kind: 'gone' }),
    revokeLease: (lease) => kv.revokeLease(lease),
    close: () => kv.close(),
  };
}

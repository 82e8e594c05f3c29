import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError, type Revision } from '@modelmesh/core';
import type { Kv, KvWatchSink, LeaseId } from '../kv/index.ts';
import { A_WHILE_MS, ControlRig } from './testing/index.ts';

describe('a runtime that dies', () => {
  it('idle takes its copies out of the routes and the registry, and the next call loads again', async () => {
    const rig = await ControlRig.ready();
    await rig.register('a');
    await rig.ensure('a');
    rig.runtime.dies();
    await rig.settle();
    assert.deepEqual([rig.slotOf('a'), rig.holders('a')], [null, []]);
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
    assert.deepEqual([rig.slotOf('a'), rig.holders('a')], [null, []]);
    rig.runtime.holds = false;
    assert.equal((await rig.ensure('a')).status, 'LOADED');
    assert.ok(rig.slotOf('a'));
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

describe('a registry that takes no writes for a while', () => {
  it('hears afterwards that a copy has gone, whoever asks for the model or not', async () => {
    let takes = true;
    const rig = await ControlRig.ready({ kv: (kv) => withWrites(kv, () => takes) });
    await rig.register('a');
    await rig.ensure('a');
    takes = false;
    await rig.running.control.unloadCopies('a');
    await rig.settle();
    assert.equal(rig.saw('model-unloaded').length, 1);
    assert.deepEqual(rig.holders('a'), ['here'], 'nothing could be written');
    await rig.after(A_WHILE_MS);
    assert.deepEqual(rig.holders('a'), ['here']);
    takes = true;
    await rig.after(A_WHILE_MS);
    assert.deepEqual(rig.holders('a'), []);
    await rig.close();
  });

  it('does not hide a failed load from who asks here', async () => {
    let takes = true;
    const rig = await ControlRig.ready({ kv: (kv) => withWrites(kv, () => takes) });
    rig.runtime.holds = true;
    await rig.register('a');
    const waiting = rig.ensure('a');
    await rig.settle();
    takes = false;
    rig.runtime.loadOf('a').fails(new MeshError('load-failed', 'corrupt'));
    await rig.settle();
    assert.equal(rig.holders('a').length, 1, 'nothing could be written');
    const { status, errors } = await rig.running.control.modelStatus('a');
    assert.deepEqual([status, errors], ['LOADING_FAILED', ['corrupt']]);
    assert.equal((await waiting).status, 'LOADING_FAILED');
    await rig.close();
  });
});

describe('a registry that goes away between a commit and its answer', () => {
  it('hears afterwards that the load was given up for which it had taken the claim, whoever asks for the model or not', async () => {
    const store = new SilentStore();
    const rig = await ControlRig.ready({ kv: store.of });
    rig.runtime.holds = true;
    await rig.register('a');
    store.silent = true;
    const waiting = rig.ensure('a');
    await rig.settle();
    assert.deepEqual(rig.holders('a'), ['here'], 'the claim was committed');
    assert.notEqual((await waiting).status, 'LOADED');
    await rig.after(A_WHILE_MS);
    assert.deepEqual(rig.holders('a'), ['here'], 'nobody can say what is so');
    store.silent = false;
    await rig.after(A_WHILE_MS);
    assert.deepEqual(rig.holders('a'), []);
    await rig.close();
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
  return page.kind === 'page' ? page.entries.filter(({ key }) => key.includes('/instances/')).map(({ key }) => key) : [];
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

/** The same store, whose transactions fail while `takes` says no. */
function withWrites(kv: Kv, takes: () => boolean): Kv {
  const full = new MeshError('registry-unavailable', 'the disk is full: nothing was written');
  return { ...withLease(kv, () => true), txn: (txn) => (takes() ? kv.txn(txn) : Promise.reject(full)) };
}

/** A store that commits once more while it goes silent, and says nothing of it until it speaks again. */
class SilentStore {
  silent = false;
  #committed: Revision | undefined;

  readonly of = (kv: Kv): Kv => ({
    ...withLease(kv, () => !this.silent),
    txn: async (txn) => {
      if (this.silent && this.#committed !== undefined) throw away();
      const outcome = await kv.txn(txn);
      if (!this.silent || outcome.kind !== 'committed') return outcome;
      this.#committed = outcome.revision;
      return { kind: 'unknown', writer: 'here', after: outcome.revision };
    },
    resolve: async () => {
      if (this.silent) throw away();
      return this.#committed === undefined ? { kind: 'not-committed' } : { kind: 'committed', revision: this.#committed };
    },
  });
}

const away = (): MeshError => new MeshError('registry-unavailable', 'the registry is silent');

/** What nodes ask of the registry: a bounded number of writes for each change, one watch for each prefix, and nothing at all while nothing happens. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Kv } from '../kv/index.ts';
import { call, MeshRig, through } from './testing/index.ts';

const THREE = ['a', 'b', 'c'];

/** A store that counts what it is asked for. */
class CountedStore {
  reads = 0;
  watches = 0;
  /** Writes of records of models. */
  modelWrites = 0;

  readonly of = (kv: Kv): Kv => ({
    ...through(kv),
    get: (key) => {
      this.reads += 1;
      return kv.get(key);
    },
    range: (prefix, options) => {
      this.reads += 1;
      return kv.range(prefix, options);
    },
    txn: (txn) => {
      if (txn.operations.some(({ key }) => key.includes('/registry/'))) this.modelWrites += 1;
      return kv.txn(txn);
    },
    watch: (prefix, options, sink) => {
      this.watches += 1;
      return kv.watch(prefix, options, sink);
    },
  });

  /** Writes of records of models while `work` is done. */
  async writesOf(work: () => Promise<unknown>): Promise<number> {
    const before = this.modelWrites;
    await work();
    return this.modelWrites - before;
  }
}

describe('the traffic of nodes with the registry', () => {
  it('is one write for a registration, a load, an unload and an end of a registration each, whatever else there is', async () => {
    const store = new CountedStore();
    const rig = await MeshRig.of(THREE, { kv: store.of });
    for (const others of [0, 100]) {
      await rig.register(...Array.from({ length: others }, (_, at) => `other${at}`));
      const model = `m${others}`;
      const written = [
        await store.writesOf(() => rig.register(model)),
        await store.writesOf(() => call(rig, rig.node('a'), model)),
        await store.writesOf(async () => {
          for (let turn = 0; turn < 100; turn++) await call(rig, rig.node('b'), model);
        }),
        await store.writesOf(async () => {
          await rig.node('c').running.control.unloadCopies(model);
          await rig.after(3000);
        }),
        await store.writesOf(() => rig.node('c').running.control.unregisterModel(model)),
      ];
      assert.deepEqual(written, [1, 1, 0, 1, 1], `beside ${others} models`);
    }
    await rig.close();
  });

  it('is no read, no watch and no write of a model while nothing happens, however long', async () => {
    const store = new CountedStore();
    const rig = await MeshRig.of(THREE, { kv: store.of });
    await rig.register('m');
    await call(rig, rig.node('a'), 'm');
    await rig.after(10_000);
    const { reads, watches, modelWrites } = store;
    await rig.after(5 * 60_000);
    assert.deepEqual([store.reads, store.watches, store.modelWrites], [reads, watches, modelWrites]);
    await rig.close();
  });

  it('is as many watches for each node as there are kinds of keys, whatever the registry holds', async () => {
    const store = new CountedStore();
    const rig = await MeshRig.of(['a'], { kv: store.of });
    const ofOne = store.watches;
    await rig.register(...Array.from({ length: 50 }, (_, at) => `m${at}`));
    await rig.add('b', { kv: store.of });
    assert.equal(store.watches, 2 * ofOne);
    await rig.close();
  });
});

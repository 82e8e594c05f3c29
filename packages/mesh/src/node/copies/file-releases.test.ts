import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ControlRig } from '../testing/index.ts';

describe('the files of a model that is unregistered', () => {
  it('are given back once the runtime has unloaded it, and not before', async () => {
    const rig = await ControlRig.ready();
    await rig.register('a');
    await rig.ensure('a');
    const slot = rig.slotOf('a');
    assert.ok(slot !== null && rig.counters.enter(0, slot, rig.clock.wallMs()));
    await rig.running.control.unregisterModel('a');
    await rig.settle();
    assert.deepEqual([rig.runtime.unloads, rig.runtime.releases], [[], []], 'a call is in flight');
    rig.counters.leave(0, slot, true, 1);
    await rig.after(1000);
    assert.deepEqual([rig.runtime.unloads, rig.runtime.releases], [['a'], ['a']]);
    await rig.close();
  });

  it('are given back although no copy of it is here any more, and stay while it is registered', async () => {
    const rig = await ControlRig.ready();
    await rig.register('a');
    await rig.ensure('a');
    await rig.running.control.unloadCopies('a');
    await rig.settle();
    assert.deepEqual([rig.runtime.unloads, rig.runtime.releases], [['a'], []]);
    await rig.running.control.unregisterModel('a');
    await rig.settle();
    assert.deepEqual(rig.runtime.releases, ['a']);
    await rig.close();
  });

  it('stay where it is registered again before its turn, which comes for one model after the other', async () => {
    const rig = await ControlRig.ready();
    for (const model of ['a', 'b', 'c']) await rig.register(model);
    const answer = Promise.withResolvers<void>();
    rig.runtime.release = () => answer.promise;
    for (const model of ['a', 'b', 'c']) await rig.running.control.unregisterModel(model);
    await rig.settle();
    assert.deepEqual(rig.runtime.releases, ['a']);
    await rig.register('b');
    answer.resolve();
    await rig.settle();
    assert.deepEqual(rig.runtime.releases, ['a', 'c']);
    await rig.close();
  });

  it('that the runtime cannot give back are nobody else’s trouble', async () => {
    const rig = await ControlRig.ready();
    rig.runtime.release = () => Promise.reject(new Error('the disk is gone'));
    for (const model of ['a', 'b']) {
      await rig.register(model);
      await rig.ensure(model);
      await rig.running.control.unregisterModel(model);
      await rig.settle();
    }
    assert.deepEqual(rig.runtime.releases, ['a', 'b']);
    assert.equal(rig.running.control.model('a'), null);
    assert.deepEqual(rig.failures, []);
    await rig.close();
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { modelKey } from '@modelmesh/core';
import { ReachedLimits } from '../reached-limits.ts';
import { ControlRig } from '../testing/index.ts';
import { FILE_RELEASES_MAX, FileReleases } from './file-releases.ts';

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

  it('stay where more wait than the limit, which is counted', async () => {
    const limits = new ReachedLimits();
    const answer = Promise.withResolvers<void>();
    const last = Promise.withResolvers<void>();
    let released = 0;
    const release = (): Promise<void> => {
      released += 1;
      if (released > FILE_RELEASES_MAX) last.resolve();
      return answer.promise;
    };
    const releases = new FileReleases({ isGone: () => true, release, limits });
    // The first one waits for the runtime and takes no place among those that wait for their turn.
    for (let at = 0; at <= FILE_RELEASES_MAX; at++) releases.add(modelKey(`m${at}`));
    releases.add(modelKey('m1'));
    assert.equal(limits.counts().get('file-releases'), 0);
    releases.add(modelKey('beyond'));
    assert.equal(limits.counts().get('file-releases'), 1);
    answer.resolve();
    await last.promise;
    assert.equal(released, FILE_RELEASES_MAX + 1);
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

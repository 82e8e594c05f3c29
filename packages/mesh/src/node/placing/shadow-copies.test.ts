import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError } from '@modelmesh/core';
import type { LocateAsk } from '../../link/index.ts';
import { ControlRig, MeshRig } from '../testing/index.ts';

const MIB = 1024 * 1024;
const SHADOW: LocateAsk = { kind: 'shadow', here: null };

/** A node with room for five models, so many of which are loaded and were called. */
async function rigWith(live: number): Promise<ControlRig> {
  const rig = await ControlRig.start();
  rig.runtime.capacityBytes = 5 * MIB;
  rig.runtime.comesUp();
  await rig.settle();
  for (let at = 0; at < live; at++) {
    await rig.register(`live-${at}`);
    rig.locate(`live-${at}`);
    await rig.after(1000);
    assert.equal(rig.located(`live-${at}`)[0]?.kind, 'serving');
  }
  await rig.register('shadow');
  return rig;
}

const evicted = (rig: ControlRig): readonly (string | null)[] => rig.saw('model-evicted').map(({ model }) => model);

describe('a copy for a shadow', () => {
  it('is loaded into free memory, is no use of its model, and goes first', async () => {
    const rig = await rigWith(2);
    rig.locate('shadow', SHADOW);
    await rig.after(1000);
    assert.equal(rig.located('shadow')[0]?.kind, 'serving');
    const slot = rig.slotOf('shadow');
    assert.ok(slot !== null);
    assert.equal(rig.counters.lastUse(slot), 1);
    assert.equal(rig.running.control.model('shadow')?.lastUsedMs, null, 'nobody used it');
    for (let at = 2; evicted(rig).length === 0; at++) {
      await rig.register(`live-${at}`);
      rig.locate(`live-${at}`);
      for (let turn = 0; turn < 5; turn++) await rig.after(1000);
    }
    assert.deepEqual(evicted(rig), ['shadow']);
    await rig.close();
  });

  it('is not loaded where another one would have to go, and is told of at once', async () => {
    const rig = await rigWith(4);
    for (let turn = 0; turn < 3; turn++) {
      rig.locate('shadow', SHADOW);
      await rig.after(1000);
    }
    const answers = rig.located('shadow');
    assert.equal(answers.length, 3);
    for (const answer of answers)
      assert.ok(answer.kind === 'failed' && answer.error.kind === 'no-capacity', JSON.stringify(answer));
    assert.deepEqual(evicted(rig), []);
    assert.equal(rig.runtime.loads.filter(({ model }) => model.key === 'shadow').length, 0);
    assert.equal(rig.running.control.model('shadow')?.record.failures.size, 0, 'no failure of the model');
    await rig.close();
  });

  it('that could not be loaded is told of as such, and not tried again while that counts', async () => {
    const rig = await rigWith(1);
    rig.runtime.holds = true;
    rig.locate('shadow', SHADOW);
    await rig.after(1000);
    rig.runtime.loadOf('shadow').fails(new MeshError('load-failed', 'no such file'));
    await rig.after(1000);
    rig.locate('shadow', SHADOW);
    await rig.after(1000);
    assert.deepEqual(
      rig.located('shadow').map((answer) => (answer.kind === 'failed' ? answer.error.kind : answer.kind)),
      ['load-failed', 'load-failed'],
    );
    assert.equal(rig.runtime.loads.filter(({ model }) => model.key === 'shadow').length, 1);
    await rig.close();
  });

  it('is not loaded for a call of another node either, nor asked for where nobody is reached', async () => {
    const rig = await rigWith(4);
    rig.locate('shadow', { kind: 'shadow', here: 'load' });
    await rig.after(1000);
    rig.locate('shadow', { kind: 'shadow', here: 'copy' });
    await rig.after(1000);
    assert.deepEqual(
      rig.located('shadow').map((answer) => (answer.kind === 'failed' ? `${answer.where} ${answer.error.kind}` : answer.kind)),
      ['here no-capacity', 'not-here'],
    );
    assert.deepEqual(evicted(rig), []);
    await rig.copyElsewhere('shadow', 'n2');
    rig.locate('shadow', SHADOW);
    await rig.after(1000);
    assert.equal(rig.located('shadow').at(-1)?.kind, 'failed', 'nobody reaches n2: no call is sent there');
    await rig.close();
  });

  it('is loaded at another node whose memory is free where this one is full, and called where it is then', async () => {
    const rig = await MeshRig.empty();
    const full = await rig.add('full', { capacityMib: 5 });
    await rig.after(3000);
    const models = ['live-0', 'live-1', 'live-2', 'live-3'];
    await rig.register(...models);
    for (const model of models) {
      await full.locate(model);
      await rig.after(3000);
    }
    const roomy = await rig.add('roomy', { capacityMib: 50 });
    await rig.after(5000);
    // Free room is filled with what nobody has, sooner or later.
    await rig.register('shadow');
    assert.deepEqual(await full.locate('shadow', SHADOW), { kind: 'peer', instance: 'roomy', intent: 'load' });
    const loaded = await roomy.locate('shadow', { kind: 'shadow', here: 'load' });
    await rig.after(3000);
    assert.equal(loaded?.kind, 'serving');
    assert.deepEqual(await full.locate('shadow', SHADOW), { kind: 'peer', instance: 'roomy', intent: 'copy' });
    assert.deepEqual(full.runtime.unloads, [], 'nobody went for it');
    assert.deepEqual(await full.locate('shadow', SHADOW, ['roomy']), {
      kind: 'failed',
      where: 'nowhere',
      error: {
        kind: 'no-capacity',
        message: 'model shadow has no copy, and no node has free memory for one',
        retryAfterMs: null,
      },
    });
    await rig.close();
  });
});

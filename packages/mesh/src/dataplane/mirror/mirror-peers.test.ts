import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { instanceId } from '@modelmesh/core';
import type { PeerNodeOptions } from '../peers/testing/index.ts';
import { MirrorRig, mirrorTo, scores } from './testing/index.ts';

const SHADOW = mirrorTo('shadow');
const SAME = { answer: () => [scores([0.2, 0.8])] };
const NO_ROOM = { kind: 'no-capacity', message: 'no free memory', retryAfterMs: null } as const;

/** Two nodes; calls enter the first, which has the live copy. */
async function twoNodes(other: PeerNodeOptions = {}) {
  const [entry, holder] = [await MirrorRig.start('a'), await MirrorRig.start('b', other)];
  await entry.node.knows([holder.node.asPeer]);
  await holder.node.knows([entry.node.asPeer]);
  await entry.serve('live');
  for (const { runtime } of [entry, holder]) for (const model of ['live', 'shadow']) runtime.behaviours.set(model, SAME);
  return { entry, holder };
}

describe('a shadow whose copy is at another node', () => {
  it('is called there, where it is no use of the copy either', async () => {
    const { entry, holder } = await twoNodes();
    await using _entry = entry;
    await using _holder = holder;
    await holder.serve('shadow');
    await entry.node.route('shadow', null, ['b']);
    const slot = holder.node.dataPlane.plane.routes.model('shadow')?.local;
    assert.ok(slot != null);
    const before = holder.node.counters.lastUse(slot);
    await entry.call([SHADOW]);
    assert.equal((await entry.node.shadowsOver(1))[0]?.outcome, 'equal');
    const [seen] = holder.runtime.seen;
    assert.deepEqual(
      seen?.headers.raw().filter((name, at) => at % 2 === 0 && name.startsWith('mesh-')),
      [],
      'the runtime hears nothing of it',
    );
    const { counters } = holder.node;
    assert.deepEqual([counters.lastUse(slot), counters.calls(slot), counters.inFlight(slot)], [before, 0, 0]);
    assert.deepEqual([entry.node.forwarded, holder.node.logged, holder.node.shadowed], [[], [], []]);
  });

  it('is not sent to a node of a version that would take it for a use', async () => {
    const { entry, holder } = await twoNodes({ self: { protocol: { min: 1, max: 1 } } });
    await using _entry = entry;
    await using _holder = holder;
    await holder.serve('shadow');
    await entry.node.route('shadow', null, ['b']);
    const nowhere = { kind: 'unavailable', message: 'nobody else has it', retryAfterMs: null } as const;
    entry.node.locate = () => ({ kind: 'failed', where: 'nowhere', error: nowhere });
    await entry.call([SHADOW]);
    assert.equal((await entry.node.shadowsOver(1))[0]?.outcome, 'dropped-not-taken');
    assert.deepEqual(holder.runtime.seen, []);
    assert.deepEqual(entry.node.heard('locate')[0]?.exclude, ['b']);
  });

  it('is loaded there into free memory where control says so, and dropped where there is none any more', async () => {
    const { entry, holder } = await twoNodes();
    await using _entry = entry;
    await using _holder = holder;
    await entry.node.route('shadow', null);
    await holder.node.route('shadow', null);
    entry.node.locate = () => ({ kind: 'peer', instance: instanceId('b'), intent: 'load' });
    holder.node.locate = () => ({ kind: 'serving', slot: holder.node.serve('shadow') });
    await entry.call([SHADOW]);
    assert.equal((await entry.node.shadowsOver(1))[0]?.outcome, 'equal');
    assert.deepEqual(holder.node.heard('locate')[0]?.ask, { kind: 'shadow', here: 'load' });
    holder.node.locate = () => ({ kind: 'failed', where: 'here', error: NO_ROOM });
    await entry.call([SHADOW]);
    assert.equal((await entry.node.shadowsOver(2))[1]?.outcome, 'dropped-no-free-room');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SlotRef } from '../../link/index.ts';
import { CallRig, type CallRigOptions, framed } from './testing/index.ts';

const BODY = framed('question');

/** A rig with the model `m`, which runs so many calls at a time. */
async function limited(concurrency: number, options: CallRigOptions = {}): Promise<{ rig: CallRig; slot: SlotRef }> {
  const rig = await CallRig.ready(options);
  const slot = rig.openSlot();
  await rig.route('m', slot, 'safe', concurrency);
  return { rig, slot };
}

function begin(rig: CallRig, deadlineMs?: number) {
  const begun = rig.call('m', deadlineMs === undefined ? {} : { deadline: rig.in(deadlineMs) });
  begun.call.push(BODY, true);
  begun.call.start();
  return begun;
}

describe('§4.8 a copy whose concurrency the runtime limits', () => {
  it('runs no more calls at a time; the next one begins when one ends, and its waiting is counted', async () => {
    const { rig, slot } = await limited(1);
    begin(rig);
    const second = begin(rig);
    assert.equal(rig.streams.length, 1);
    rig.clock.advance(50);
    rig.stream.answers(framed('answer'));
    assert.equal(rig.streams.length, 2);
    rig.stream.answers(framed('answer'));
    assert.equal(second.caller.ended, true);
    assert.equal(rig.counters.queuedMs(slot), 50);
    assert.deepEqual([rig.counters.inFlight(slot), rig.dataPlane.plane.gates.size], [0, 0]);
  });

  it("a call beyond what may wait is RESOURCE_EXHAUSTED, in ModelMesh's words", async () => {
    const { rig } = await limited(1, { limits: { turnsPerCopyMax: 2 } });
    begin(rig);
    begin(rig);
    const refused = begin(rig);
    assert.equal(refused.caller.ended, true);
    assert.match(JSON.stringify(refused.caller.trailers?.raw() ?? refused.caller.error?.message), /Model queue overload/);
    assert.equal(rig.streams.length, 1);
  });

  it('who waits and goes, or whose time passes, leaves its place', async () => {
    const { rig, slot } = await limited(1);
    const first = begin(rig);
    const cancelled = begin(rig);
    const late = begin(rig, 20);
    const last = begin(rig);
    cancelled.call.cancel();
    rig.clock.advance(1000);
    assert.equal(late.caller.error?.kind, 'deadline-exceeded');
    rig.stream.answers(framed('answer'));
    assert.equal(first.caller.ended, true);
    assert.equal(rig.streams.length, 2);
    rig.stream.answers(framed('answer'));
    assert.equal(last.caller.ended, true);
    assert.deepEqual([rig.counters.inFlight(slot), rig.dataPlane.plane.gates.size], [0, 0]);
  });

  it('calls that wait at a copy that is to go look for another one instead of holding it up', async () => {
    const { rig, slot } = await limited(1);
    begin(rig);
    const waiting = begin(rig);
    rig.counters.drain(slot);
    rig.stream.answers(framed('answer'));
    await rig.settle();
    assert.equal(rig.streams.length, 1);
    assert.equal(waiting.caller.ended, false);
    const other = rig.openSlot();
    await rig.route('m', other, 'safe', 1);
    await rig.located('m', { kind: 'serving', slot: other });
    rig.stream.answers(framed('answer'));
    assert.equal(waiting.caller.ended, true);
    assert.equal(rig.counters.inFlight(slot), 0);
  });
});

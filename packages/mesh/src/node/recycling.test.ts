import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytes, modelKey, sizeUnits } from '@modelmesh/core';
import type { RuntimeUsage } from '../runtime/index.ts';
import { ControlRig } from './testing/index.ts';

const MIB = 1024 * 1024;
const EMPTY_BYTES = 40 * MIB;
/** How often the runtime is asked what it measures. */
const PERIOD_MS = 2000;

/** A runtime that holds those models of 1 MiB each, and `excess` bytes that no model accounts for. */
const holding = (models: readonly string[], excess: number): RuntimeUsage => ({
  models: models.map((name) => ({ key: modelKey(name), bytes: bytes(MIB), peakBytes: bytes(MIB) })),
  baseBytes: bytes(EMPTY_BYTES),
  privateBytes: bytes(EMPTY_BYTES + models.length * MIB + excess),
});

/** Control that allows 4 MiB beyond what is booked, with two models that serve. */
async function rigWithModels(): Promise<ControlRig> {
  const rig = await ControlRig.ready({ cache: { leakMaxUnits: sizeUnits((4 * MIB) / 8192) } });
  for (const model of ['a', 'b', 'c']) await rig.register(model);
  for (const model of ['a', 'b']) await rig.ensure(model);
  return rig;
}

describe('a runtime whose memory does not come back', () => {
  it('is drained and started anew at a quiet point: calls in flight finish, claims are withdrawn, and the next call loads again', async () => {
    const rig = await rigWithModels();
    rig.runtime.measures = holding(['a', 'b'], 6 * MIB);

    rig.runtime.holds = true;
    const loading = rig.ensure('c');
    for (let period = 0; period < 5; period++) await rig.after(PERIOD_MS);
    assert.deepEqual([rig.saw('runtime-recycled').length, rig.holders('a')], [0, ['here']], 'a load under way explains much');
    rig.runtime.loadOf('c').done();
    rig.runtime.holds = false;
    assert.equal((await loading).status, 'LOADED');
    rig.runtime.measures = holding(['a', 'b', 'c'], 6 * MIB);

    const slot = rig.slotOf('a');
    assert.ok(slot && rig.counters.enter(0, slot, rig.clock.wallMs()), 'a call is in flight');
    for (let period = 0; rig.saw('runtime-recycled').length === 0; period++) {
      assert.ok(period < 3, 'it was not recycled');
      await rig.after(PERIOD_MS);
    }
    assert.match(
      rig.saw('runtime-recycled')[0]?.message ?? '',
      /the runtime holds 768 units more than is booked, 512 are allowed/,
    );
    for (const model of ['a', 'b', 'c']) assert.equal(rig.slotOf(model), null, `${model} is not routed to any more`);
    await rig.after(PERIOD_MS);
    assert.deepEqual(rig.runtime.recycles, [], 'the call is still in flight');

    rig.counters.leave(0, slot, true, 1);
    await rig.after(PERIOD_MS);
    assert.equal(rig.runtime.recycles.length, 1);
    rig.runtime.measures = holding([], 0);
    rig.runtime.dies();
    await rig.settle();
    for (const model of ['a', 'b', 'c']) assert.deepEqual(rig.holders(model), [], `the claim of ${model}`);
    rig.locate('a');
    await rig.settle();
    assert.deepEqual(rig.located('a'), [], 'the call waits for the new life');

    rig.runtime.comesUp();
    await rig.settle();
    assert.equal(rig.located('a')[0]?.kind, 'serving');
    assert.deepEqual([rig.holders('a'), [...rig.runtime.loaded]], [['here'], ['a']]);
    rig.runtime.measures = holding(['a'], 0);
    for (let period = 0; period < 5; period++) await rig.after(PERIOD_MS);
    assert.deepEqual([rig.runtime.recycles.length, rig.saw('runtime-recycled').length], [1, 1]);
    await rig.close();
  });

  it('stays when it was only once that so much was measured, or less than is allowed', async () => {
    const rig = await rigWithModels();
    for (const excess of [6, 0, 6, 4, 6, 4, 4, 4]) {
      rig.runtime.measures = holding(['a', 'b'], excess * MIB);
      await rig.after(PERIOD_MS);
    }
    assert.deepEqual([rig.saw('runtime-recycled').length, rig.holders('a'), rig.holders('b')], [0, ['here'], ['here']]);
    await rig.close();
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { frameMessage } from '@modelmesh/grpc/framing';
import { systemClock } from '../../node/index.ts';
import { startWhole } from '../call/index.ts';
import { SHADOW_LIMITS } from './index.ts';
import { MirrorRig, mirrorTo, scores } from './testing/index.ts';

const SHADOW = mirrorTo('shadow');
const steady = (values: readonly number[]) => ({ answer: () => [scores(values)] });

/** A node with copies of `live` and `shadow` that answer like this. */
async function rigOf(live: readonly number[], shadow: readonly number[], shadows: Partial<typeof SHADOW_LIMITS> = {}) {
  const rig = await MirrorRig.start('a', { limits: { shadows: { ...SHADOW_LIMITS, ...shadows } } });
  await rig.serve('live', 'shadow');
  rig.runtime.behaviours.set('live', steady(live));
  rig.runtime.behaviours.set('shadow', steady(shadow));
  return rig;
}

describe('a call with a shadow', () => {
  it('is answered as ever, and repeated at the shadow afterwards with its own model and everything else alike', async () => {
    await using rig = await rigOf([0.1, 0.9], [0.1, 0.9]);
    const { code, messages } = await rig.call([SHADOW]);
    assert.deepEqual([code, messages.length], [0, 1]);
    assert.deepEqual(
      rig.runtime.seen.map(({ model }) => model),
      ['live'],
      'the shadow is not called while the live call runs',
    );
    const [told] = await rig.node.shadowsOver(1);
    assert.deepEqual(told, { endpoint: 'fraud', mirror: 'shadow', outcome: 'equal' });
    const [live, shadow] = rig.runtime.seen;
    assert.equal(shadow?.model, 'shadow');
    assert.equal(shadow?.bytes, live?.bytes);
    assert.deepEqual([shadow?.headers.get('mm-model-id'), shadow?.headers.get('x-kept')], ['shadow', 'yes']);
    const { pairs, equal, statuses, cosineLeast, live: took } = rig.summary();
    assert.deepEqual([pairs, equal, statuses['both-ok'], took.count, cosineLeast], [1, 1, 1, 1, 1]);
    assert.equal(rig.diffs()[0]?.revision, 7);
    assert.equal(rig.node.dataPlane.shadows.bytes, 0);
  });

  it('counts a class that flips and keeps a sample of it, under its segment', async () => {
    await using rig = await rigOf([0.4, 0.6], [0.6, 0.4]);
    await rig.call([{ ...SHADOW, segment: 'eu' }]);
    assert.equal((await rig.node.shadowsOver(1))[0]?.outcome, 'flip');
    const [diff] = rig.diffs();
    assert.equal(diff?.segments[0]?.segment, 'eu');
    const { flips, flipped, differing, topKTotal } = rig.summary();
    assert.deepEqual([flips, flipped, differing, topKTotal], [1, 1, 2, 1]);
    const [sample] = diff?.samples ?? [];
    assert.deepEqual([sample?.kind, sample?.requestId, sample?.segment], ['flip', 'r-1', 'eu']);
    assert.match(sample?.because ?? '', /class of row 0 of output scores/);
  });

  it('goes to each of its shadows, and comes of each what comes of it', async () => {
    await using rig = await rigOf([1, 0], [1, 0]);
    await rig.serve('bad');
    rig.runtime.behaviours.set('bad', { answer: () => [], code: 13 });
    await rig.call([SHADOW, mirrorTo('bad'), mirrorTo('nowhere')]);
    const told = await rig.node.shadowsOver(3);
    assert.deepEqual(told.map(({ mirror, outcome }) => `${mirror} ${outcome}`).toSorted(), [
      'bad live-only',
      'nowhere dropped-no-model',
      'shadow equal',
    ]);
  });

  it('that fails is compared by its status', async () => {
    await using rig = await rigOf([1], [1]);
    rig.runtime.behaviours.set('live', { answer: () => [], code: 9 });
    assert.equal((await rig.call([SHADOW])).code, 9);
    assert.equal((await rig.node.shadowsOver(1))[0]?.outcome, 'shadow-only');
    rig.runtime.behaviours.set('shadow', { answer: () => [], code: 9 });
    await rig.call([SHADOW]);
    assert.equal((await rig.node.shadowsOver(2))[1]?.outcome, 'both-failed');
    assert.equal(rig.summary().sameCode, 1);
  });

  it('that its caller gave up is not repeated, nor is one that waits when the node ends', async () => {
    await using rig = await rigOf([1], [1]);
    rig.runtime.behaviours.set('live', { ...steady([1]), hold: true });
    const held = new Promise<void>((resolve) => {
      rig.runtime.onHeld = resolve;
    });
    const { call } = rig.begin([SHADOW]);
    call.start();
    call.push(Buffer.concat(frameMessage([Buffer.from('q')])), true);
    await held;
    call.cancel();
    assert.equal((await rig.node.shadowsOver(1))[0]?.outcome, 'dropped-live-cancelled');
    rig.runtime.behaviours.set('live', steady([1]));
    await rig.call([SHADOW]);
    rig.node.dataPlane.close();
    assert.equal((await rig.node.shadowsOver(2))[1]?.outcome, 'dropped-closing');
    assert.equal(rig.runtime.seen.filter(({ model }) => model === 'shadow').length, 0);
    assert.equal(rig.node.dataPlane.shadows.bytes, 0);
  });

  it('that its caller lets go of at its end, as REST does with streams, is repeated like any other', async () => {
    await using rig = await rigOf([1], [1]);
    const { call, end } = rig.begin([SHADOW], {}, (over) => over.cancel());
    startWhole(call, frameMessage([Buffer.from('q')]));
    assert.equal((await end).code, 0);
    assert.equal((await rig.node.shadowsOver(1))[0]?.outcome, 'equal');
  });

  it('whose answers hold no tensors is compared byte for byte; one that cannot be compared counts as such', async () => {
    await using rig = await rigOf([1], [1]);
    rig.runtime.behaviours.set('shadow', { answer: () => [Buffer.from('other')] });
    await rig.call([SHADOW], 'q', { method: 'any.Service/Call' });
    assert.equal((await rig.node.shadowsOver(1))[0]?.outcome, 'differs');
    await rig.call([SHADOW], 'q');
    assert.equal((await rig.node.shadowsOver(2))[1]?.outcome, 'incomparable');
    await rig.call([mirrorTo('shadow', { comparer: 'unheard-of' })], 'q');
    assert.equal((await rig.node.shadowsOver(3))[2]?.outcome, 'incomparable');
    const because = rig.diffs()[0]?.samples.map((sample) => sample.because) ?? [];
    assert.ok(
      because.some((sentence) => sentence.includes('no comparer "unheard-of"')),
      because.join('; '),
    );
  });

  it('is compared by the comparer of a plug-in; one that throws is no end of the others', async () => {
    const calls: string[] = [];
    const comparer = (name: string, compare: () => never) => ({ name, compare });
    const throws = comparer('throws', () => {
      calls.push('throws');
      throw new Error('a fault of the plug-in');
    });
    await using rig = await MirrorRig.start('a', { comparers: new Map([['throws', throws]]) });
    await rig.serve('live', 'shadow');
    for (const model of ['live', 'shadow']) rig.runtime.behaviours.set(model, steady([1]));
    await rig.call([mirrorTo('shadow', { comparer: 'throws' }), SHADOW]);
    const told = await rig.node.shadowsOver(2);
    assert.deepEqual(told.map(({ outcome }) => outcome).toSorted(), ['equal', 'incomparable']);
    assert.deepEqual(calls, ['throws']);
  });

  it('that is a stream is repeated whole, and compared message by message', async () => {
    await using rig = await rigOf([1], [1]);
    rig.runtime.behaviours.set('live', { answer: () => [Buffer.from('1'), Buffer.from('2')] });
    rig.runtime.behaviours.set('shadow', { answer: () => [Buffer.from('1')] });
    const { call, end } = rig.begin([SHADOW], { method: 'any.Service/Stream' });
    call.start();
    for (const part of ['a', 'b', 'c']) call.push(Buffer.concat(frameMessage([Buffer.from(part)])), part === 'c');
    assert.equal((await end).messages.length, 2);
    assert.equal((await rig.node.shadowsOver(1))[0]?.outcome, 'differs');
    assert.deepEqual(
      rig.runtime.seen.map(({ bytes }) => bytes),
      [18, 18],
    );
  });
});

describe('the bounds of shadows', () => {
  it('of one call: a request or an answer beyond is not kept, and its caller notices nothing', async () => {
    await using rig = await rigOf([1], [1], { callBytesMax: 1000 });
    const answer = await rig.call([SHADOW], 'q'.repeat(2000));
    assert.equal(answer.code, 0);
    assert.equal((await rig.node.shadowsOver(1))[0]?.outcome, 'dropped-call-bytes');
    rig.runtime.behaviours.set('live', steady(new Array(200).fill(1)));
    assert.equal((await rig.call([SHADOW], 'q')).messages[0]?.length, scores(new Array(200).fill(1)).length);
    assert.equal((await rig.node.shadowsOver(2))[1]?.outcome, 'dropped-call-bytes');
    rig.runtime.behaviours.set('live', steady([1]));
    rig.runtime.behaviours.set('shadow', steady(new Array(200).fill(1)));
    await rig.call([SHADOW], 'q');
    assert.equal((await rig.node.shadowsOver(3))[2]?.outcome, 'dropped-call-bytes', 'a shadow’s answer too');
    assert.equal(rig.node.dataPlane.shadows.bytes, 0);
    assert.equal(rig.summary().dropped['call-bytes'], 3);
  });

  it('of the worker: calls, bytes, and shadows at a time', async () => {
    await using rig = await rigOf([1], [1], { queuedMax: 2, concurrencyMax: 1, bytesMax: 4000 });
    rig.runtime.behaviours.set('shadow', { ...steady([1]), hold: true });
    const held = new Promise<void>((resolve) => {
      rig.runtime.onHeld = resolve;
    });
    await rig.call([SHADOW]);
    await held;
    for (let turn = 0; turn < 4; turn++) await rig.call([SHADOW]);
    const dropped = await rig.node.shadowsOver(2);
    assert.deepEqual(
      dropped.map(({ outcome }) => outcome),
      ['dropped-queue-full', 'dropped-queue-full'],
    );
    assert.equal(rig.node.dataPlane.shadows.pending, 3);
    await rig.call([SHADOW], 'q'.repeat(3900));
    assert.equal((await rig.node.shadowsOver(3))[2]?.outcome, 'dropped-worker-bytes');
    assert.equal(rig.runtime.held.length, 1, 'one at a time');
    rig.runtime.behaviours.set('shadow', steady([1]));
    rig.runtime.held[0]?.();
    assert.equal((await rig.node.shadowsOver(6)).filter(({ outcome }) => outcome === 'equal').length, 3);
    assert.deepEqual([rig.node.dataPlane.shadows.bytes, rig.node.dataPlane.shadows.pending], [0, 0]);
  });

  it('of its time: a shadow that does not answer is given up, and counts as one that failed', async () => {
    await using rig = await rigOf([1], [1], { timeoutMs: durationMs(30) });
    rig.runtime.behaviours.set('shadow', { ...steady([1]), hold: true });
    const startedMs = systemClock.monotonicMs();
    await rig.call([SHADOW]);
    assert.equal((await rig.node.shadowsOver(1))[0]?.outcome, 'live-only');
    assert.ok(systemClock.monotonicMs() - startedMs >= 29);
    assert.equal(rig.summary().shadow.count, 1);
  });
});

describe('a shadow and the copies of its node', () => {
  it('is no use of its model, no call of it, and no load of it', async () => {
    await using rig = await rigOf([1], [1]);
    const slot = rig.node.dataPlane.plane.routes.model('shadow')?.local;
    assert.ok(slot != null);
    const before = rig.node.counters.lastUse(slot);
    rig.runtime.behaviours.set('shadow', { ...steady([1]), hold: true });
    const held = new Promise<void>((resolve) => {
      rig.runtime.onHeld = resolve;
    });
    await rig.call([SHADOW]);
    await held;
    const { counters } = rig.node;
    assert.deepEqual([counters.inFlight(slot), counters.liveInFlight(slot), counters.calls(slot)], [1, 0, 0]);
    rig.runtime.held[0]?.();
    await rig.node.shadowsOver(1);
    assert.equal(counters.lastUse(slot), before);
    assert.deepEqual([counters.inFlight(slot), counters.totals(slot).succeeded], [0, 0]);
    assert.equal(rig.node.logged.length, 1, 'metrics of attempts know the live call alone');
  });

  for (const [kind, drop] of [
    ['no-capacity', 'no-free-room'],
    ['load-failed', 'no-model'],
  ] as const)
    it(`asks control for a copy in free memory, and no more for a while where it says ${kind}`, async () => {
      await using rig = await rigOf([1], [1]);
      await rig.node.route('shadow', null);
      rig.node.locate = () => ({ kind: 'failed', where: 'nowhere', error: { kind, message: 'none', retryAfterMs: null } });
      for (let turn = 1; turn <= 3; turn++) {
        await rig.call([SHADOW]);
        assert.equal((await rig.node.shadowsOver(turn))[turn - 1]?.outcome, `dropped-${drop}`);
      }
      const asked = rig.node.heard('locate');
      assert.deepEqual(
        asked.map(({ model, ask }) => [model, ask]),
        [['shadow', { kind: 'shadow', here: null }]],
      );
      assert.equal(rig.summary().dropped[drop], 3);
    });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytes, instanceId, modelKey } from '@modelmesh/core';
import { CACHE_POLICY_NAMES, type CachePolicyName } from '@modelmesh/core/cache';
import { JOURNAL_RECORDS_MAX } from '@modelmesh/core/journal';
import { ControlRig } from './testing/index.ts';

const MIB = 1024 * 1024;
const NEVER = new AbortController().signal;

/** Control with room for a few models of 1 MiB, of which five were loaded one after another. */
async function overfull(policy: CachePolicyName): Promise<ControlRig> {
  const rig = await ControlRig.start({ cache: { policy } });
  rig.runtime.capacityBytes = 5 * MIB;
  rig.runtime.comesUp();
  await rig.settle();
  for (const model of ['a', 'b', 'c', 'd', 'e']) {
    await rig.register(model);
    const wanted = rig.ensure(model);
    // A victim is drained and unloaded meanwhile.
    for (let turn = 0; turn < 3; turn += 1) await rig.after(1000);
    assert.equal((await wanted).status, 'LOADED');
  }
  return rig;
}

describe('why it was decided so', () => {
  for (const policy of CACHE_POLICY_NAMES)
    it(`${policy}: an eviction is kept with its victims and scores, and found by victim, by newcomer and by instance`, async () => {
      const rig = await overfull(policy);
      const { control } = rig.running;
      const [eviction] = control.explain({ kind: 'eviction' });
      assert.ok(eviction !== undefined);
      assert.deepEqual(eviction.models, ['a']);
      assert.match(eviction.because, /^a goes, since \d+\.\d MiB had to come free: [de] is to be loaded$/);
      assert.equal(eviction.instance, 'here');
      const [victim] = eviction.details.victims as { rank: { policy: string; score?: number } }[];
      assert.equal(victim?.rank.policy, policy);
      assert.equal(typeof victim?.rank.score, policy === 'lru' ? 'undefined' : 'number');
      for (const query of [{ model: modelKey('a') }, { model: eviction.model ?? modelKey('?') }, { instance: rig.instance }])
        assert.ok(
          control.explain(query).some(({ id }) => id === eviction.id),
          JSON.stringify(query),
        );
      assert.deepEqual(control.explain({ model: modelKey('b'), kind: 'eviction' }), []);
      assert.deepEqual(control.explain({ instance: instanceId('other') }), []);
      await rig.close();
    });

  it('what can never fit is refused with both sizes', async () => {
    const rig = await overfull('lru');
    rig.runtime.predicts = bytes(50 * MIB);
    await rig.register('huge');
    const wanted = rig.ensure('huge');
    for (let turn = 0; turn < 3; turn += 1) await rig.after(1000);
    assert.equal((await wanted).status, 'LOADING_FAILED');
    const [refusal] = rig.running.control.explain({ model: modelKey('huge'), kind: 'refusal' });
    assert.equal(refusal?.kind, 'refusal');
    assert.match(refusal?.because ?? '', /^needs 50\.0 MiB, this instance can hold at most 4\.\d MiB$/);
    await rig.close();
  });

  it('a call that failed is found by its request and by its model, with what was tried', async () => {
    const rig = await ControlRig.ready();
    await rig.register('a');
    const ended = {
      method: 'infer',
      endpoint: null,
      outcome: 'unavailable',
      attempts: ['here: lost', 'n2: refused'],
      onlyChosen: false,
    };
    rig.callEnded({ ...ended, atMs: rig.clock.wallMs(), requestId: 'r-1', model: modelKey('a') });
    rig.callEnded({ ...ended, atMs: rig.clock.wallMs(), requestId: 'r-2', model: modelKey('a'), attempts: [] });
    await rig.settle();
    const { control } = rig.running;
    const [first] = control.explain({ requestId: 'r-1' });
    assert.equal(first?.because, 'the call of infer ended with unavailable, after here: lost, then n2: refused');
    assert.deepEqual(
      control.explain({ model: modelKey('a') }).map(({ kind, requestId }) => [kind, requestId]),
      [
        ['route', 'r-2'],
        ['route', 'r-1'],
      ],
    );
    await rig.close();
  });

  it('a call that was answered at once says which of several copies was chosen, and pushes out none that failed', async () => {
    const rig = await ControlRig.ready();
    await rig.register('a');
    const call = { method: 'infer', endpoint: null, model: modelKey('a'), atMs: rig.clock.wallMs() };
    rig.callEnded({ ...call, requestId: 'failed', outcome: 'unavailable', attempts: ['lost'], onlyChosen: false });
    for (let at = 0; at <= JOURNAL_RECORDS_MAX; at++)
      rig.callEnded({ ...call, requestId: `r-${at}`, outcome: 'answered', attempts: ['chose n1 before n2'], onlyChosen: true });
    await rig.settle();
    const { control } = rig.running;
    const last = control.explain({ requestId: `r-${JOURNAL_RECORDS_MAX}` });
    assert.deepEqual(
      last.map(({ kind, because }) => [kind, because]),
      [['choice', 'the call of infer ended with answered, after chose n1 before n2']],
    );
    assert.deepEqual([control.explain({ requestId: 'failed' }).length, control.explain({ requestId: 'r-0' }).length], [1, 0]);
    await rig.close();
  });

  it('the ledger of a model: declared, predicted, measured, high water and booked', async () => {
    const rig = await ControlRig.ready();
    rig.runtime.predicts = bytes(2 * MIB);
    const spec = { format: { name: 'onnx' }, storage: { uri: 'file:///models/a' }, resources: { memory: '3Mi' } };
    const manifest = { apiVersion: 'modelmesh.io/v1alpha1', kind: 'Model', metadata: { name: 'a' }, spec };
    await rig.running.control.apply(manifest, NEVER);
    const memory = () => rig.running.control.model('a')?.memory;
    const unknown = { predictedBytes: null, measuredBytes: null, highWaterBytes: null, bookedBytes: null };
    assert.deepEqual(memory(), { declaredBytes: 3 * MIB, ...unknown });
    assert.equal((await rig.ensure('a')).status, 'LOADED');
    const loaded = {
      declaredBytes: 3 * MIB,
      predictedBytes: 2 * MIB,
      measuredBytes: MIB,
      highWaterBytes: null,
      bookedBytes: MIB,
    };
    assert.deepEqual(memory(), loaded);
    rig.runtime.measures = {
      models: [{ key: modelKey('a'), bytes: bytes(2 * MIB), peakBytes: bytes(4 * MIB) }],
      baseBytes: bytes(0),
      privateBytes: bytes(2 * MIB),
    };
    await rig.after(2000);
    assert.deepEqual(memory(), { ...loaded, highWaterBytes: 4 * MIB, bookedBytes: 4 * MIB });
    await rig.close();
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytes, durationMs, endpointId, instanceId, modelKey } from '@modelmesh/core';
import { CACHE_POLICY_NAMES, type CachePolicyName } from '@modelmesh/core/cache';
import { JOURNAL_AGE_MS } from '@modelmesh/core/journal';
import { CHOICES_TIMEOUT_MS, CHOICES_TOLD_MAX, QUESTIONS_MAX } from './management/index.ts';
import { ControlRig } from './testing/index.ts';

const MIB = 1024 * 1024;
const NEVER = new AbortController().signal;
/** Two copies as a data plane compares them, the chosen one first. */
const COMPARED = [
  { instance: instanceId('n1'), settled: true, inFlight: 3, latencyMs: durationMs(2), cost: 8 },
  { instance: instanceId('n2'), settled: true, inFlight: 0, latencyMs: null, cost: 9.5 },
];

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
      const [eviction] = rig.running.control.decided({ kind: 'eviction' });
      assert.ok(eviction !== undefined);
      assert.deepEqual(eviction.models, ['a']);
      assert.match(eviction.because, /^a goes, since \d+\.\d MiB had to come free: [de] is to be loaded$/);
      assert.equal(eviction.instance, 'here');
      const [victim] = eviction.details.victims as { rank: { policy: string; score?: number } }[];
      assert.equal(victim?.rank.policy, policy);
      assert.equal(typeof victim?.rank.score, policy === 'lru' ? 'undefined' : 'number');
      for (const query of [{ model: modelKey('a') }, { model: eviction.model ?? modelKey('?') }, { instance: rig.instance }])
        assert.ok(
          (await rig.explain(query)).some(({ id }) => id === eviction.id),
          JSON.stringify(query),
        );
      assert.deepEqual(await rig.explain({ model: modelKey('b'), kind: 'eviction' }), []);
      assert.deepEqual(await rig.explain({ instance: instanceId('other') }), []);
      await rig.close();
    });

  it('what can never fit is refused with both sizes', async () => {
    const rig = await overfull('lru');
    rig.runtime.predicts = bytes(50 * MIB);
    await rig.register('huge');
    const wanted = rig.ensure('huge');
    for (let turn = 0; turn < 3; turn += 1) await rig.after(1000);
    assert.equal((await wanted).status, 'LOADING_FAILED');
    const [refusal] = await rig.explain({ model: modelKey('huge'), kind: 'refusal' });
    assert.equal(refusal?.kind, 'refusal');
    assert.match(refusal?.because ?? '', /^needs 50\.0 MiB, this instance can hold at most 4\.\d MiB$/);
    await rig.close();
  });

  it('a call through an endpoint says what its policy chose, and why', async () => {
    const rig = await ControlRig.ready();
    const reason = { kind: 'rule', rule: 'gold' } as const;
    rig.callEnded({
      ...{
        method: 'infer',
        endpoint: endpointId('e'),
        outcome: 'unavailable',
        attempts: ['n2: refused'],
        atMs: rig.clock.wallMs(),
      },
      ...{ requestId: 'r', model: modelKey('a'), pick: { revision: 4, variant: 'canary', reason, instance: instanceId('n2') } },
    });
    await rig.settle();
    const [told] = await rig.explain({ requestId: 'r' });
    assert.match(
      told?.because ?? '',
      /^the call of infer got variant canary of endpoint e \(revision 4; why: rule gold\), and ended/,
    );
    const pick = { endpoint: 'e', revision: 4, variant: 'canary', rule: 'gold', reason: 'rule gold', model: 'a', instance: 'n2' };
    assert.deepEqual(told?.details.pick, pick);
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
    };
    rig.callEnded({ ...ended, atMs: rig.clock.wallMs(), requestId: 'r-1', model: modelKey('a') });
    rig.callEnded({ ...ended, atMs: rig.clock.wallMs(), requestId: 'r-2', model: modelKey('a'), attempts: [] });
    await rig.settle();
    const [first] = await rig.explain({ requestId: 'r-1' });
    assert.equal(first?.because, 'the call of infer ended with unavailable, after here: lost, then n2: refused');
    assert.deepEqual(
      (await rig.explain({ model: modelKey('a') })).map(({ kind, requestId }) => [kind, requestId]),
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
    const call = { method: 'infer', endpoint: null, model: modelKey('a') };
    rig.callEnded({ ...call, atMs: rig.clock.wallMs(), requestId: 'failed', outcome: 'unavailable', attempts: ['lost'] });
    await rig.after(10);
    const made = { ...call, atMs: rig.clock.wallMs(), because: 'the cheaper one of those looked at', considered: COMPARED };
    const choices = Array.from({ length: 1000 }, (_, at) => ({ ...made, number: 1000 - at, requestId: `r-${1000 - at}` }));
    rig.choices = ({ requestId }, limit) =>
      choices.filter((choice) => requestId === null || choice.requestId === requestId).slice(0, limit);
    const last = await rig.explain({ requestId: 'r-1000' });
    assert.deepEqual(
      last.map(({ kind, because }) => [kind, because]),
      [
        [
          'choice',
          'the call of infer ended with answered, after chose n1 (3 in flight, 2.0 ms, cost 8.0) before n2 (0 in flight, ? ms, cost 9.5): ' +
            'the cheaper one of those looked at',
        ],
      ],
    );
    assert.equal((await rig.explain({ requestId: 'failed' })).length, 1);
    const ofModel = (await rig.explain({ model: modelKey('a') })).map(({ kind, id }) => `${kind} ${id}`);
    const newest = Array.from({ length: CHOICES_TOLD_MAX }, (_, at) => `choice ${1000 - at}`);
    assert.deepEqual(ofModel, [...newest, 'route 1']);
    await rig.after(JOURNAL_AGE_MS + 1);
    assert.deepEqual(await rig.explain({ requestId: 'r-1000' }), []);
    await rig.close();
  });

  it('the data plane is asked about calls alone; while it does not answer, that is said', async () => {
    const rig = await ControlRig.ready();
    rig.choices = () => undefined;
    for (const query of [{ kind: 'eviction' }, { instance: instanceId('other') }] as const)
      assert.deepEqual(await rig.explain(query), []);
    assert.equal(rig.told.filter(({ kind }) => kind === 'explain').length, 0);
    const { control } = rig.running;
    const open = Array.from({ length: QUESTIONS_MAX }, () => control.explain({ requestId: 'r' }, NEVER));
    const ended = Promise.all(open.map((answer) => assert.rejects(answer, { kind: 'deadline-exceeded' })));
    await assert.rejects(control.explain({ requestId: 'r' }, NEVER), { kind: 'overloaded' });
    assert.equal(rig.running.figures().limitsReached.get('explain-questions'), 1);
    await rig.after(CHOICES_TIMEOUT_MS);
    await ended;
    const ofMesh = control.explainMesh({ requestId: 'r' }, NEVER);
    await rig.after(CHOICES_TIMEOUT_MS);
    assert.deepEqual(await ofMesh, { records: [], unanswered: ['here'] });
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

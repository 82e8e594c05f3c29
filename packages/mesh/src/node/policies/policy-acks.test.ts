import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, MeshError } from '@modelmesh/core';
import type { Applied, ApplyOptions } from '../control.ts';
import { MeshRig, MortalStore, through } from '../testing/index.ts';

const WAIT_MS = durationMs(10_000);
const manifest = (stable: number, canary: number) => ({
  apiVersion: 'modelmesh.io/v1alpha1',
  kind: 'Endpoint',
  metadata: { name: 'e' },
  spec: {
    variants: [
      { name: 'stable', model: 'a', weight: stable },
      { name: 'canary', model: 'b', weight: canary },
    ],
    default: 'stable',
  },
});
const newMesh = async (...names: readonly string[]): Promise<MeshRig> => {
  const rig = await MeshRig.of(names);
  await rig.register('a', 'b');
  return rig;
};
const signal = () => new AbortController().signal;

/** An edit at a node; time passes until it is answered, or for longer than any edit may take. */
async function applyAt(rig: MeshRig, node: string, spec: object, options: ApplyOptions = { waitMs: WAIT_MS }) {
  const startedMs = rig.clock.monotonicMs();
  let ended = false;
  const applying = rig
    .node(node)
    .running.control.apply(spec, signal(), options)
    .finally(() => {
      ended = true;
    });
  applying.catch(() => undefined);
  await rig.settle();
  while (!ended && rig.clock.monotonicMs() - startedMs < 60_000) await rig.after(500);
  return { applied: await applying, tookMs: rig.clock.monotonicMs() - startedMs };
}
const acknowledgementOf = ({ edit }: Applied) => {
  assert.ok(edit?.acknowledgement, 'nobody waited');
  return {
    acknowledged: edit.acknowledgement.acknowledged.toSorted(),
    missing: Object.fromEntries(edit.acknowledgement.missing.map(({ instance, why }) => [instance as string, why])),
  };
};

describe('an edit of an endpoint', () => {
  it('is answered when every node runs it, without the time that it may wait', async () => {
    const rig = await newMesh('n1', 'n2', 'n3');
    for (const weight of [1, 2, 3]) {
      const { applied, tookMs } = await applyAt(rig, `n${weight}`, manifest(weight, 1));
      assert.deepEqual(acknowledgementOf(applied), { acknowledged: ['n1', 'n2', 'n3'], missing: {} });
      assert.ok(tookMs <= 500, `it took ${tookMs} ms`);
      assert.equal(applied.edit?.revision, weight);
      for (const node of rig.nodes.values()) assert.equal(node.endpointRoute('e')?.revision, weight, node.id);
    }
    await rig.close();
  });

  it('that waits for nobody says nothing of others', async () => {
    const rig = await newMesh('n1', 'n2');
    const { applied } = await applyAt(rig, 'n1', manifest(1, 1), {});
    assert.equal(applied.edit?.acknowledgement, null);
    await rig.close();
  });

  it('names the node of which a worker hangs, and what it runs then', async () => {
    const rig = await newMesh('n1', 'n2');
    rig.node('n2').hangs = true;
    const { applied, tookMs } = await applyAt(rig, 'n1', manifest(1, 1));
    const { acknowledged, missing } = acknowledgementOf(applied);
    assert.deepEqual([acknowledged, Object.keys(missing)], [['n1'], ['n2']]);
    assert.match(missing.n2 ?? '', /did not acknowledge within 10 s/);
    assert.ok(tookMs >= WAIT_MS && tookMs < WAIT_MS + 1000, `it waited ${tookMs} ms`);
    rig.node('n1').hangs = true;
    const own = acknowledgementOf((await applyAt(rig, 'n1', manifest(2, 1))).applied).missing;
    assert.match(own.n1 ?? '', /not all of its workers took the policy over/);
    await rig.close();
  });

  it('that still waits when its own node ends is answered then, and leaves no timer', async () => {
    const rig = await newMesh('n1', 'n2');
    rig.node('n2').hangs = true;
    const applying = rig.node('n1').running.control.apply(manifest(1, 1), signal(), { waitMs: WAIT_MS });
    await rig.settle();
    const startedMs = rig.clock.monotonicMs();
    await rig.close();
    assert.deepEqual(Object.keys(acknowledgementOf(await applying).missing), ['n2']);
    assert.ok(rig.clock.monotonicMs() - startedMs < WAIT_MS, 'nobody waited for the time to pass');
  });

  it('names a node that is cut off from the registry, during its lease and for three lease times after', async () => {
    const rig = await newMesh('n1', 'n2');
    const store = new MortalStore();
    const cut = await rig.add('n3', { kv: store.of });
    await rig.after(3000);
    store.goes();
    const first = acknowledgementOf((await applyAt(rig, 'n1', manifest(1, 1))).applied);
    assert.deepEqual([first.acknowledged, Object.keys(first.missing)], [['n1', 'n2'], ['n3']]);
    assert.equal(cut.endpointRoute('e'), undefined, 'it has not heard of the endpoint');
    await rig.after(25_000);
    const second = acknowledgementOf((await applyAt(rig, 'n2', manifest(2, 1))).applied);
    assert.match(second.missing.n3 ?? '', /its lease ended \d+ s ago/);
    await rig.after(60_000);
    const third = acknowledgementOf((await applyAt(rig, 'n1', manifest(3, 1))).applied);
    assert.deepEqual(third, { acknowledged: ['n1', 'n2'], missing: {} });
    store.away = false;
    await rig.after(25_000);
    const back = acknowledgementOf((await applyAt(rig, 'n1', manifest(4, 1))).applied);
    assert.deepEqual(back, { acknowledged: ['n1', 'n2', 'n3'], missing: {} });
    assert.equal(cut.endpointRoute('e')?.revision, 4);
    await rig.close();
  });

  it('does not wait for a node that has said that it leaves and is gone', async () => {
    const rig = await newMesh('n1', 'n2');
    const leaving = rig.node('n2').running.leave(durationMs(1000));
    await rig.after(3000);
    await leaving;
    await rig.node('n2').running.close();
    await rig.settle();
    const { applied } = await applyAt(rig, 'n1', manifest(1, 1));
    assert.deepEqual(acknowledgementOf(applied), { acknowledged: ['n1'], missing: {} });
    rig.nodes.delete('n2');
    await rig.close();
  });

  it('while the registry is away is refused, and nothing of it is written', async () => {
    const rig = await MeshRig.empty();
    const store = new MortalStore();
    await rig.add('n1', { kv: store.of });
    await rig.register('a', 'b');
    await applyAt(rig, 'n1', manifest(1, 1));
    store.goes();
    await assert.rejects(applyAt(rig, 'n1', manifest(2, 1)), (error: unknown) => {
      assert.ok(error instanceof MeshError);
      assert.equal(error.kind, 'registry-unavailable');
      return true;
    });
    store.away = false;
    await rig.after(30_000);
    const [newest, ...earlier] = await rig.node('n1').running.control.policyHistory('e');
    assert.deepEqual([newest?.record.revision, earlier.length], [1, 0]);
    assert.equal(rig.node('n1').record('a')?.refs, 1);
    await rig.close();
  });
});

describe('an acknowledgement', () => {
  it('is not given for what others wrote before an own edit and was not heard yet', async () => {
    const rig = await newMesh('n1');
    const held: (() => void)[] = [];
    let holds = false;
    const slow = await rig.add('n2', {
      kv: (kv) => ({
        ...through(kv),
        watch: (prefix, options, sink) =>
          kv.watch(prefix, options, {
            ...sink,
            batch: (batch) => (holds ? held.push(() => sink.batch(batch)) : sink.batch(batch)),
          }),
      }),
    });
    await rig.after(3000);
    holds = true;
    await applyAt(rig, 'n1', manifest(1, 1), {});
    const other = { ...manifest(1, 1), metadata: { name: 'own' } };
    const own = await applyAt(rig, 'n2', other);
    assert.ok('n2' in acknowledgementOf(own.applied).missing, 'its picture has a gap');
    assert.equal(slow.endpointRoute('own')?.revision, 1);
    assert.equal(slow.endpointRoute('e'), undefined);
    holds = false;
    for (const tell of held) tell();
    await rig.settle();
    const again = await applyAt(rig, 'n1', manifest(1, 1));
    assert.deepEqual(acknowledgementOf(again.applied), { acknowledged: ['n1', 'n2'], missing: {} });
    assert.equal(again.applied.change, 'unchanged');
    await rig.close();
  });

  it('is written only when endpoints changed', async () => {
    let writes = 0;
    const rig = await MeshRig.empty();
    await rig.add('n1', {
      kv: (kv) => ({
        ...through(kv),
        txn: (txn) => {
          writes += txn.operations.filter(({ key }) => key.includes('/policy-acks/')).length;
          return kv.txn(txn);
        },
      }),
    });
    await rig.register('a', 'b');
    await rig.after(60_000);
    const before = writes;
    await rig.register('c', 'd');
    await rig.after(60_000);
    assert.equal(writes, before);
    await applyAt(rig, 'n1', manifest(1, 1));
    await rig.after(60_000);
    assert.equal(writes, before + 1);
    await rig.close();
  });
});

describe('a node that does not hear the registry', () => {
  it('tells its data plane that policies may be outdated, until it hears it again', async () => {
    const rig = await MeshRig.empty();
    const store = new MortalStore();
    const node = await rig.add('n1', { kv: store.of });
    const said = () =>
      node.told.flatMap((message) => (message.kind === 'policy-freshness' ? [message.staleSinceMs !== null] : []));
    await rig.after(60_000);
    assert.deepEqual(said(), []);
    store.goes();
    await rig.after(10_000);
    assert.deepEqual(said(), [true]);
    store.away = false;
    await rig.after(30_000);
    assert.deepEqual(said(), [true, false]);
    await rig.close();
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, MeshError, modelKey } from '@modelmesh/core';
import type { Kv } from '../kv/index.ts';
import { MeshRig, type RigNode, through } from './testing/index.ts';

const NEVER = new AbortController().signal;
const THREE = ['a', 'b', 'c'];
const LOAD_HERE = { kind: 'here', intent: 'load' } as const;

const manifest = (name: string, min: number) => ({
  apiVersion: 'modelmesh.io/v1alpha1',
  kind: 'Model',
  metadata: { name },
  spec: { format: { name: 'onnx' }, storage: { uri: `file:///${name}` }, copies: { min } },
});

const refuse = async (): Promise<never> => {
  throw new MeshError('load-failed', 'INTERNAL: not here');
};

/** A store whose watches are not in step: those of the leader's latch lag behind when they are told to. */
class LateLeadership {
  holds = false;
  readonly #held: (() => void)[] = [];

  readonly of = (kv: Kv): Kv => ({
    ...through(kv),
    watch: (prefix, options, sink) =>
      kv.watch(prefix, options, {
        batch: (batch) => {
          if (this.holds && prefix.includes('leaderLatch')) this.#held.push(() => sink.batch(batch));
          else sink.batch(batch);
        },
        ended: (end) => sink.ended(end),
      }),
  });

  /** What was held back is told. */
  tell(): void {
    this.holds = false;
    for (const tell of this.#held.splice(0)) tell();
  }
}

/** A store that takes no failure of a load before it is told to. */
class LateFailures {
  readonly #held: (() => void)[] = [];

  readonly of = (kv: Kv): Kv => ({
    ...through(kv),
    txn: async (txn) => {
      if (txn.operations.some((operation) => operation.kind === 'put' && operation.value.includes('"failedIn"')))
        await new Promise<void>((resolve) => this.#held.push(resolve));
      return kv.txn(txn);
    },
  });

  /** Takes what it was asked to write. */
  take(): void {
    for (const take of this.#held.splice(0)) take();
  }
}

describe('copies.min', () => {
  it('is met by instances that can load the model, where another one failed to', async () => {
    const rig = await MeshRig.of(THREE);
    rig.node('a').runtime.load = refuse;
    await rig.node('a').running.control.apply(manifest('m', 2), NEVER);
    await rig.after(60_000);
    assert.deepEqual(rig.loadedAt('m'), ['b', 'c']);
    await rig.close();
  });

  it('asks for nothing where the registry may only be read', async () => {
    const rig = await MeshRig.of(['a']);
    await rig.node('a').running.control.apply(manifest('m', 1), NEVER);
    await rig.after(3000);
    await rig.node('a').running.close();
    await rig.kill('a');
    await rig.add('reader', { readOnly: true });
    await rig.after(60_000);
    assert.deepEqual(rig.loadedAt('m'), []);
    await rig.close();
  });
});

describe('the leader', () => {
  it('§4.9 when it is lost itself: whoever leads next loads what it held, though it hears of its turn later than of the loss', async () => {
    const late = new LateLeadership();
    const rig = await MeshRig.of(THREE, { kv: late.of });
    const models = Array.from({ length: 9 }, (_, at) => `m${at}`);
    await rig.register(...models);
    for (const model of models) await rig.node('b').ensure(model);
    const leader = [...rig.nodes.values()].find(({ running }) => running.figures().leads);
    assert.ok(leader !== undefined);
    const held = models.filter((model) => rig.loadedAt(model).includes(leader.id));
    assert.ok(held.length > 0);
    late.holds = true;
    await rig.kill(leader.id);
    // Its lease ends within 20 s, counted from its last sign of life.
    await rig.after(21_000);
    late.tell();
    await rig.after(1000);
    for (const model of held) assert.equal(rig.loadedAt(model).length, 1, model);
    await rig.close();
  });
});

describe('§4.4.6 a load that nobody waits for', () => {
  it('is not sent to and fro between instances that failed, while the registry does not say so yet', async () => {
    const failures = new LateFailures();
    const rig = await MeshRig.of(['a', 'b'], { kv: failures.of });
    await rig.register('m');
    const [a, b] = [rig.node('a'), rig.node('b')];
    for (const { runtime } of [a, b]) runtime.load = refuse;
    assert.equal((await a.locate('m', LOAD_HERE))?.kind, 'failed');
    assert.equal((await b.locate('m', LOAD_HERE, ['a']))?.kind, 'failed');
    const { copies, failures: told } = a.record('m') ?? {};
    assert.deepEqual([[...(copies?.keys() ?? [])], told?.size], [['a', 'b'], 0], 'claims stand, and no failure');
    const before = rig.peerLoads;
    const load = { model: modelKey('m'), lastUsedMs: rig.clock.wallMs(), exclude: [], knownUnits: null, moreCopies: 0 };
    const copy = await b.running.peerAnswers.load(a.id, { ...load, sync: false }, NEVER);
    await rig.settle();
    assert.deepEqual([copy.kind, rig.peerLoads - before], ['failed', 0]);
    failures.take();
    await rig.settle();
    failures.take();
    await rig.close();
  });
});

describe('§4.14 a load that is under way when its instance begins to leave', () => {
  it('is given up and not begun again there: who waits for it is sent elsewhere', async () => {
    const rig = await MeshRig.of(THREE);
    await rig.register('m');
    const leaver = rig.node('a');
    leaver.runtime.holds = true;
    const sent = leaver.ask('m', { kind: 'here', intent: 'load' });
    const entered = leaver.ask('m');
    await rig.settle();
    assert.deepEqual([leaver.runtime.loads.length, leaver.answerTo(sent), leaver.answerTo(entered)], [1, undefined, undefined]);
    const leaving = leaver.running.leave(durationMs(10_000));
    await rig.after(2000);
    const loads = leaver.runtime.loads.length;
    assert.equal(leaver.answerTo(sent)?.kind, 'not-here');
    const outcome = leaver.answerTo(entered);
    assert.ok(outcome?.kind === 'peer' && outcome.intent === 'load', JSON.stringify(outcome));
    assert.equal(
      (await (rig.nodes.get(outcome.instance) as RigNode).locate('m', { kind: 'here', intent: 'load' }))?.kind,
      'serving',
    );
    await rig.after(10_000);
    await leaving;
    assert.equal(leaver.runtime.loads.length, loads);
    assert.equal(loads, 1, 'it was begun once');
    await rig.close();
  });
});

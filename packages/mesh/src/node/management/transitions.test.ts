import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError, type ModelKey } from '@modelmesh/core';
import { TRANSITION_WAIT_MAX_MS } from '@modelmesh/core/endpoints';
import type { ModelStatus } from '@modelmesh/core/registration';
import type { Kv } from '../../kv/index.ts';
import { ControlRig, type ControlRigOptions } from '../testing/index.ts';
import type { EnsureCopies } from './management.ts';
import { TRANSITION_SWEEP_MS, TRANSITIONS_DRIVEN_MAX } from './transitions.ts';

const NEVER = new AbortController().signal;
const FAILURE_EXPIRY_MS = 900_000;
const LOADED: ModelStatus = { status: 'LOADED', errors: [], copies: [] };

function set(rig: ControlRig, target: string, sync = false, more: { readonly vModelId?: string; readonly force?: boolean } = {}) {
  return rig.running.control.setEndpoint(
    {
      vModelId: 'v',
      targetModelId: target,
      owner: '',
      updateOnly: false,
      modelInfo: { type: 'onnx', path: target, encKey: '{}' },
      autoDeleteTargetModel: true,
      loadNow: false,
      force: false,
      sync,
      expectedTargetModelId: '',
      ...more,
    },
    NEVER,
  );
}

const active = (rig: ControlRig, id = 'v') => rig.running.control.endpoint(id)?.record.active;
const failed = (rig: ControlRig) => rig.running.control.endpoint('v')?.record.failed;

/** A rig whose vmodel `v` answers with the loaded model `a`. */
async function serving(options: ControlRigOptions = {}): Promise<ControlRig> {
  const rig = await ControlRig.ready(options);
  await set(rig, 'a');
  await rig.ensure('a');
  await rig.settle();
  return rig;
}

/** Copies that a test brings up as it likes. */
class Copies {
  readonly asked: { readonly model: ModelKey; readonly copies: number; readonly signal: AbortSignal }[] = [];
  readonly #waiting: ((status: ModelStatus) => void)[] = [];

  readonly ensure: EnsureCopies = (model, { copies }, signal) => {
    this.asked.push({ model, copies, signal });
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  };

  /** Ends what was asked for, oldest first. */
  end(status: ModelStatus): void {
    this.#waiting.shift()?.(status);
  }
}

describe('§5.3 a transition', () => {
  it('loads the target to as many copies as the active model has before it becomes active', async () => {
    const copies = new Copies();
    const rig = await serving({ ensureCopies: copies.ensure });
    await rig.copyElsewhere('a', 'other');
    const switched = set(rig, 'b', true);
    await rig.settle();
    assert.deepEqual(
      copies.asked.map(({ model, copies: count }) => [model, count]),
      [['b', 2]],
    );
    await rig.copyElsewhere('a', 'third');
    copies.end(LOADED);
    await rig.settle();
    assert.equal(active(rig), 'a', 'the active model was given one more copy meanwhile');
    assert.equal(copies.asked[1]?.copies, 3);
    copies.end(LOADED);
    assert.equal((await switched).status, 'DEFINED');
    assert.equal(active(rig), 'b');
    await rig.close();
  });

  it('is called off by another target, whose own begins at once', async () => {
    const copies = new Copies();
    // Four minutes in one step are longer than the session of the one that leads.
    const rig = await serving({ ensureCopies: copies.ensure, isLeader: () => true });
    const waiting = set(rig, 'b', true);
    await rig.settle();
    await set(rig, 'c');
    assert.equal((await waiting).status, 'TRANSITIONING', 'who waited for b is told that it is not wanted any more');
    await rig.settle();
    assert.deepEqual(
      copies.asked.map(({ model, signal }) => [model, signal.aborted]),
      [
        ['b', true],
        ['c', false],
      ],
    );
    assert.equal(rig.running.control.model('b'), null, 'nothing refers to it');
    copies.end(LOADED);
    copies.end(LOADED);
    await rig.settle();
    assert.deepEqual([active(rig), rig.running.control.model('c')?.record.refs], ['c', 1]);
    await rig.close();
  });

  it('is called off by force and by the deletion of its vmodel', async () => {
    const copies = new Copies();
    const rig = await serving({ ensureCopies: copies.ensure });
    await set(rig, 'b');
    await rig.settle();
    await set(rig, 'b', false, { force: true });
    await rig.settle();
    assert.deepEqual([active(rig), copies.asked[0]?.signal.aborted], ['b', true]);
    await rig.ensure('b');
    await set(rig, 'c');
    await rig.settle();
    await rig.running.control.deleteEndpoint('v', '');
    await rig.settle();
    assert.equal(copies.asked.at(-1)?.signal.aborted, true);
    assert.equal(rig.running.control.model('c'), null);
    await rig.close();
  });

  it('is driven by the leader only: it begins with the leadership, and ends with it without a word', async () => {
    let leads = false;
    const copies = new Copies();
    const rig = await serving({ ensureCopies: copies.ensure, isLeader: () => leads });
    await set(rig, 'b');
    await rig.settle();
    assert.equal(copies.asked.length, 0);
    leads = true;
    rig.running.leaderChanged();
    await rig.settle();
    assert.equal(copies.asked.length, 1);
    leads = false;
    rig.running.leaderChanged();
    await rig.settle();
    assert.equal(copies.asked[0]?.signal.aborted, true);
    assert.deepEqual([active(rig), failed(rig)], ['a', false]);
    leads = true;
    rig.running.leaderChanged();
    await rig.settle();
    leads = false;
    copies.end(LOADED);
    copies.end(LOADED);
    await rig.settle();
    assert.equal(active(rig), 'a', 'a node that lost its leadership meanwhile writes nothing');
    await rig.close();
  });

  it('that is stuck tries again when the failure of its target counts for nothing any more', async () => {
    const rig = await serving();
    rig.runtime.holds = true;
    const first = set(rig, 'b', true);
    await rig.settle();
    rig.runtime.loadOf('b').fails(new MeshError('load-failed', 'no such file'));
    assert.equal((await first).status, 'TRANSITION_FAILED');
    await rig.after(FAILURE_EXPIRY_MS / 2);
    assert.equal(rig.runtime.loads.filter(({ model }) => model.key === 'b').length, 1);
    await rig.after(FAILURE_EXPIRY_MS / 2);
    rig.runtime.loadOf('b').done();
    await rig.settle();
    assert.deepEqual([active(rig), failed(rig)], ['b', false]);
    await rig.close();
  });

  it('whose target could not be loaded for want of a runtime is looked at again', async () => {
    const rig = await serving();
    rig.runtime.becomes({ kind: 'failed', message: 'it ended too often' });
    await rig.copyElsewhere('a', 'other');
    await set(rig, 'b');
    await rig.settle();
    assert.equal(active(rig), 'a');
    rig.runtime.comesUp();
    await rig.settle();
    await rig.after(TRANSITION_SWEEP_MS);
    assert.equal(active(rig), 'b');
    await rig.close();
  });

  it('whose record could not be written tries again after a while', async () => {
    const [disk, asked] = [{ full: false }, { times: 0 }];
    const broken = (kv: Kv): Kv =>
      new Proxy(kv, {
        get: (target, name, self) =>
          name === 'txn' && disk.full
            ? () => Promise.reject(new MeshError('registry-unavailable', 'the disk is full'))
            : bound(target, Reflect.get(target, name, self)),
      });
    const ensureCopies: EnsureCopies = async () => {
      asked.times += 1;
      disk.full = asked.times < 3;
      return LOADED;
    };
    const rig = await serving({ kv: broken, ensureCopies });
    await set(rig, 'b');
    await rig.settle();
    assert.equal(active(rig), 'a');
    assert.match(rig.saw('transition-delayed')[0]?.message ?? '', /endpoint v could not go on: the disk is full/);
    await rig.after(5000);
    assert.deepEqual([active(rig), rig.saw('transition-delayed').length], ['a', 2], 'tried once more, in vain');
    await rig.after(4999);
    assert.equal(active(rig), 'a');
    await rig.after(1);
    assert.equal(active(rig), 'b');
    await rig.close();
  });

  it('is one of at most so many that are driven at a time; the others follow', async () => {
    const copies = new Copies();
    const rig = await serving({ ensureCopies: copies.ensure });
    const ids = Array.from({ length: TRANSITIONS_DRIVEN_MAX + 2 }, (_, at) => `v${at}`);
    for (const vModelId of ids) {
      await set(rig, 'a', false, { vModelId });
      await set(rig, `of ${vModelId}`, false, { vModelId });
    }
    await rig.settle();
    assert.equal(copies.asked.length, TRANSITIONS_DRIVEN_MAX);
    for (const _ of ids) {
      copies.end(LOADED);
      await rig.settle();
    }
    assert.equal(ids.filter((id) => active(rig, id) === `of ${id}`).length, ids.length);
    await rig.close();
  });
});

describe('§5.2 a setVModel that waits', () => {
  it('ends after four minutes with DEADLINE_EXCEEDED, and the transition goes on', async () => {
    const copies = new Copies();
    // Four minutes in one step are longer than the session of the one that leads.
    const rig = await serving({ ensureCopies: copies.ensure, isLeader: () => true });
    const waiting = set(rig, 'b', true).catch((error: unknown) => error);
    await rig.settle();
    await rig.after(TRANSITION_WAIT_MAX_MS - 1);
    assert.equal(await Promise.race([waiting, 'still waiting']), 'still waiting');
    await rig.after(1);
    const error = await waiting;
    assert.ok(error instanceof MeshError && error.kind === 'deadline-exceeded', String(error));
    assert.match(error.message, /did not reach b within 240 s; the transition goes on/);
    copies.end(LOADED);
    await rig.settle();
    assert.equal(active(rig), 'b');
    await rig.close();
  });
});

/** A method that keeps its object. */
function bound(owner: object, member: unknown): unknown {
  return typeof member === 'function' ? member.bind(owner) : member;
}

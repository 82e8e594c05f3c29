import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, endpointId, epochMs, instanceId, modelKey } from '@modelmesh/core';
import { SeededRandom } from '@modelmesh/core/testing';
import { DiffBook, type MirrorDiff, NOTHING_COMPARED } from '@modelmesh/core/traffic';
import { type CallChoice, type ControlEnd, type ToControl, type ToDataPlane, WorkersLink } from './index.ts';

/** The end of a worker that keeps what it was sent. */
class FakeEnd implements ControlEnd {
  onMessage: (message: ToControl) => void = () => {};
  readonly heard: ToDataPlane[] = [];
  send(message: ToDataPlane): void {
    this.heard.push(message);
  }
  say(message: ToControl): void {
    this.onMessage(message);
  }
  kinds(): string[] {
    return this.heard.map(({ kind }) => kind);
  }
}

const rig = (workers: number) => {
  const link = new WorkersLink(workers);
  const told: ToControl[] = [];
  link.onMessage = (message) => told.push(message);
  const ends = Array.from({ length: workers }, () => new FakeEnd());
  const leaves = ends.map((end, worker) => link.join(worker, end));
  const [a = new FakeEnd(), b = new FakeEnd()] = ends;
  return { link, told, a, b, leaves };
};

const NONE = { models: [], endpoints: [], families: [], peers: [] };
const snapshot = (version: number, last = true): ToDataPlane => ({
  kind: 'route-snapshot',
  epoch: 1,
  version,
  last,
  parts: NONE,
});
const delta = (from: number): ToDataPlane => ({ kind: 'route-delta', epoch: 1, from, to: from + 1, put: NONE, remove: NONE });
const locate = (request: number, model: string): ToControl => ({
  kind: 'locate',
  request,
  model: modelKey(model),
  lastUsedMs: epochMs(0),
  ask: { kind: 'anywhere' },
  exclude: [],
});
const slot = { index: 0, generation: 1 };
const peer = instanceId('p');
const away = (reachable: boolean, incarnation = 'i'): ToControl => ({
  kind: 'peer-state',
  instance: peer,
  incarnation,
  reachable,
});
const choice = (number: number, atMs: number): CallChoice => ({
  number,
  atMs: epochMs(atMs),
  requestId: null,
  method: 'a.B/C',
  model: modelKey('m'),
  endpoint: null,
  because: '',
  considered: [],
});

describe('the links of all workers as one', () => {
  it('answers who asked, though workers count their questions for themselves', () => {
    const { link, told, a, b } = rig(2);
    a.say(locate(1, 'x'));
    b.say(locate(1, 'y'));
    a.say({ kind: 'look-up', request: 1, names: ['n'] });
    const [first, second, third] = told.map((message) => ('request' in message ? message.request : -1));
    assert.equal(new Set([first, second, third]).size, 3);
    link.send({ kind: 'located', request: second ?? 0, model: modelKey('y'), outcome: { kind: 'serving', slot } });
    link.send({ kind: 'looked-up', request: third ?? 0 });
    assert.deepEqual(a.heard, [{ kind: 'looked-up', request: 1 }]);
    assert.deepEqual(b.heard, [{ kind: 'located', request: 1, model: 'y', outcome: { kind: 'serving', slot } }]);
  });

  it('sends no answer to the next life of a worker that is gone', () => {
    const { link, told, a, leaves } = rig(1);
    a.say(locate(1, 'x'));
    leaves[0]?.();
    const next = new FakeEnd();
    link.join(0, next);
    const [asked] = told;
    const request = asked !== undefined && 'request' in asked ? asked.request : -1;
    link.send({ kind: 'located', request, model: modelKey('x'), outcome: { kind: 'serving', slot } });
    a.say(locate(2, 'x'));
    assert.deepEqual(next.heard, []);
    assert.equal(told.length, 1, 'and hears nothing of the dead');
  });

  it('gives the table to who asks for it, and changes to those that have it', () => {
    const { link, a, b } = rig(2);
    a.say({ kind: 'snapshot-wanted' });
    link.send(snapshot(1, false));
    link.send(snapshot(1));
    link.send(delta(1));
    assert.deepEqual([a.kinds(), b.kinds()], [['route-snapshot', 'route-snapshot', 'route-delta'], []]);
    b.say({ kind: 'snapshot-wanted' });
    link.send(snapshot(2));
    link.send(delta(2));
    assert.equal(a.heard.length, 4);
    assert.deepEqual(b.kinds(), ['route-snapshot', 'route-delta']);
  });

  it('acknowledges nothing while the first table of a worker is on its way, and goes on when that worker is gone', () => {
    const { link, told, a, b, leaves } = rig(2);
    for (const worker of [a, b]) worker.say({ kind: 'snapshot-wanted' });
    link.send(snapshot(1));
    link.send(delta(1));
    const acks = () => told.filter(({ kind }) => kind === 'ack');
    a.say({ kind: 'ack', epoch: 1, version: 2 });
    assert.deepEqual(acks(), []);
    b.say({ kind: 'ack', epoch: 1, version: 1 });
    assert.deepEqual(acks(), [{ kind: 'ack', epoch: 1, version: 1 }]);
    const next = new FakeEnd();
    leaves[1]?.();
    const leave = link.join(1, next);
    assert.deepEqual(acks().at(-1), { kind: 'ack', epoch: 1, version: 2 });
    next.say({ kind: 'snapshot-wanted' });
    link.send(snapshot(2));
    link.send(delta(2));
    a.say({ kind: 'ack', epoch: 1, version: 3 });
    assert.equal(acks().length, 2);
    leave();
    assert.deepEqual(acks().at(-1), { kind: 'ack', epoch: 1, version: 3 });
  });

  it('tells a worker that comes later what holds of the runtime and the rules', () => {
    const { link, a } = rig(1);
    const rules: ToDataPlane = { kind: 'method-rules', rules: { rules: new Map(), allowOthers: true } };
    const down: ToDataPlane = { kind: 'runtime-down', restarting: true, message: 'gone' };
    link.send({
      kind: 'runtime-up',
      access: { epoch: 1, target: { kind: 'unix', path: '' }, methods: new Map(), anyMethod: true },
    });
    link.send(rules);
    const stale: ToDataPlane = { kind: 'policy-freshness', staleSinceMs: epochMs(5) };
    link.send(stale);
    link.send(down);
    const late = new FakeEnd();
    link.join(1, late);
    assert.deepEqual(late.heard, [rules, down, stale]);
    assert.deepEqual(a.kinds(), ['runtime-up', 'method-rules', 'policy-freshness', 'runtime-down']);
  });

  it('acknowledges what all workers have, and is not held up by one that is gone or has no table yet', () => {
    const { told, a, b, leaves } = rig(2);
    a.say({ kind: 'ack', epoch: 1, version: 5 });
    b.say({ kind: 'ack', epoch: 1, version: 3 });
    a.say({ kind: 'ack', epoch: 1, version: 9 });
    b.say({ kind: 'ack', epoch: 1, version: 7 });
    leaves[1]?.();
    const versions = told.map((message) => (message.kind === 'ack' ? message.version : -1));
    assert.deepEqual(versions, [5, 7, 9]);
  });

  it('takes a peer for away while one worker does not reach it, and no longer than that worker lives', () => {
    const { told, a, b, leaves } = rig(2);
    const said = () => told.map((message) => (message.kind === 'peer-state' ? message.reachable : null));
    a.say(away(false));
    b.say(away(false));
    a.say(away(true));
    assert.deepEqual(said(), [false, false, false]);
    b.say(away(false, 'next life'));
    leaves[1]?.();
    assert.deepEqual(said().at(-1), true);
    assert.equal(told.length, 5);
  });

  it('explains with the choices of all workers, newest first, and without those of one that is gone', () => {
    const { link, told, a, b, leaves } = rig(2);
    link.send({ kind: 'explain', request: 7, query: { model: null, requestId: null }, limit: 3 });
    a.say({ kind: 'explained', request: 7, choices: [choice(2, 30), choice(1, 10)] });
    assert.equal(told.length, 0);
    b.say({ kind: 'explained', request: 7, choices: [choice(2, 40), choice(1, 20)] });
    const [answer] = told;
    assert.ok(answer?.kind === 'explained');
    assert.deepEqual(
      answer.choices.map(({ atMs }) => atMs),
      [40, 30, 20],
    );
    assert.equal(new Set(answer.choices.map(({ number }) => number)).size, 3);
    link.send({ kind: 'explain', request: 8, query: { model: null, requestId: null }, limit: 3 });
    a.say({ kind: 'explained', request: 8, choices: [choice(3, 50)] });
    leaves[1]?.();
    assert.equal(told.length, 2);
  });

  it('tells how shadows compare as one sum over all workers, without one that is gone', () => {
    const { link, told, a, b, leaves } = rig(2);
    const endpoint = endpointId('fraud');
    const end = { code: 0, tookMs: durationMs(1) };
    const diffs = (pairs: number): readonly MirrorDiff[] => {
      const book = new DiffBook(new SeededRandom(pairs));
      const pair = { live: end, shadow: end, comparison: NOTHING_COMPARED, incomparable: null };
      for (let at = 0; at < pairs; at++)
        book.add({ endpoint, revision: 1, mirror: 'next' }, pair, { segment: null, requestId: null, atMs: epochMs(1) });
      return book.of(endpoint);
    };
    link.send({ kind: 'diff', request: 3, endpoint });
    a.say({ kind: 'diffed', request: 3, diffs: diffs(2) });
    assert.equal(told.length, 0);
    b.say({ kind: 'diffed', request: 3, diffs: diffs(5) });
    const [answer] = told;
    assert.ok(answer?.kind === 'diffed');
    assert.deepEqual([answer.request, answer.diffs[0]?.segments[0]?.summary.pairs], [3, 7]);
    link.send({ kind: 'diff', request: 4, endpoint });
    a.say({ kind: 'diffed', request: 4, diffs: diffs(1) });
    leaves[1]?.();
    assert.equal(told.length, 2);
  });

  it('answers a question at once where no worker lives, but not inside the call that asks', async () => {
    const { link, told } = rig(0);
    link.send({ kind: 'explain', request: 1, query: { model: null, requestId: null }, limit: 3 });
    assert.deepEqual(told, []);
    await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
    assert.deepEqual(told, [{ kind: 'explained', request: 1, choices: [] }]);
  });
});

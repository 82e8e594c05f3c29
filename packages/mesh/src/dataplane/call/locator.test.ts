import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { epochMs, type InstanceId, instanceId, MeshError, modelKey } from '@modelmesh/core';
import type { PeerIntent, SlotRef, ToControl } from '../../link/index.ts';
import { type CopyWaiter, Locator } from './locator.ts';

const A = modelKey('a');
const B = modelKey('b');
const NOW = epochMs(1);

class Waiter implements CopyWaiter {
  readonly heard: string[] = [];
  onLocated(slot: SlotRef): void {
    this.heard.push(`slot ${slot.index}`);
  }
  onPeerLocated(instance: InstanceId, intent: PeerIntent): void {
    this.heard.push(`${intent} at ${instance}`);
  }
  onNotHere(message: string): void {
    this.heard.push(message);
  }
  onLocateFailed(error: MeshError, elsewhere: boolean): void {
    this.heard.push(elsewhere ? `${error.kind} here` : error.kind);
  }
}

function locator(limits = { callsPerModelMax: 3, callsMax: 4 }): { locator: Locator; asked: ToControl[] } {
  const asked: ToControl[] = [];
  const link = { send: (message: ToControl) => asked.push(message), onMessage: () => {} };
  return { locator: new Locator(link, limits), asked };
}

describe('waiting for a copy', () => {
  it('asks control once for all who wait, and once more for who comes after the answer', () => {
    const { locator: waits, asked } = locator();
    const [one, two, three] = [new Waiter(), new Waiter(), new Waiter()];
    waits.wait(A, NOW, one);
    waits.wait(A, NOW, two);
    assert.equal(asked.length, 1);
    waits.located(1, { kind: 'serving', slot: { index: 4, generation: 1 } });
    assert.deepEqual([one.heard, two.heard], [['slot 4'], ['slot 4']]);
    waits.wait(A, NOW, three);
    assert.equal(asked.length, 2);
    assert.deepEqual(three.heard, []);
  });

  it('tells everyone why there is no copy', () => {
    const { locator: waits } = locator();
    const waiter = new Waiter();
    waits.wait(A, NOW, waiter);
    waits.located(1, {
      kind: 'failed',
      where: 'nowhere',
      error: { kind: 'load-failed', message: 'corrupt', retryAfterMs: null },
    });
    assert.deepEqual(waiter.heard, ['load-failed']);
    assert.equal(waits.waitingCalls, 0);
  });

  it('forgets who left, and leaves the load alone', () => {
    const { locator: waits, asked } = locator();
    const waiter = new Waiter();
    waits.wait(A, NOW, waiter);
    waits.leave(A, waiter);
    waits.located(1, { kind: 'serving', slot: { index: 1, generation: 1 } });
    assert.deepEqual([waiter.heard, asked.length, waits.waitingCalls], [[], 1, 0]);
  });

  it('asks once for each kind of question, and answers each by itself', () => {
    const { locator: waits, asked } = locator({ callsPerModelMax: 9, callsMax: 9 });
    const [entered, sentHere, tried, alsoTried] = [new Waiter(), new Waiter(), new Waiter(), new Waiter()];
    const [x, y] = [instanceId('x'), instanceId('y')];
    waits.wait(A, NOW, entered);
    waits.wait(A, NOW, sentHere, { ask: { kind: 'here', intent: 'copy' }, exclude: [] });
    waits.wait(A, NOW, tried, { ask: { kind: 'anywhere' }, exclude: [x, y] });
    waits.wait(A, NOW, alsoTried, { ask: { kind: 'anywhere' }, exclude: [y, x] });
    assert.deepEqual(
      asked.map((message) => message.kind === 'locate' && message.request),
      [1, 2, 3],
    );
    waits.located(2, { kind: 'not-here', message: 'gone' });
    waits.located(3, { kind: 'peer', instance: x, intent: 'load' });
    const error = { kind: 'load-failed', message: 'corrupt', retryAfterMs: null } as const;
    waits.located(1, { kind: 'failed', where: 'here', error });
    waits.located(1, { kind: 'not-here', message: 'an answer is heard once' });
    assert.deepEqual(
      [entered, sentHere, tried, alsoTried].map(({ heard }) => heard),
      [['load-failed here'], ['gone'], ['load at x'], ['load at x']],
    );
    assert.equal(waits.waitingCalls, 0);
  });

  it('refuses more calls for one model than its limit, and more for all than theirs, with a time to come back', () => {
    const { locator: waits } = locator();
    for (let n = 0; n < 3; n++) waits.wait(A, NOW, new Waiter());
    const refused = (error: unknown) =>
      error instanceof MeshError && error.kind === 'overloaded' && error.retryAfterMs !== undefined;
    assert.throws(() => waits.wait(A, NOW, new Waiter()), refused);
    waits.wait(B, NOW, new Waiter());
    assert.throws(() => waits.wait(modelKey('c'), NOW, new Waiter()), refused);
  });

  it('lets a waiter that is told make others leave or ask again', () => {
    const { locator: waits, asked } = locator();
    const second = new Waiter();
    const first = new Waiter();
    first.onLocated = () => {
      waits.leave(A, second);
      waits.wait(A, NOW, first);
    };
    waits.wait(A, NOW, first);
    waits.wait(A, NOW, second);
    waits.located(1, { kind: 'serving', slot: { index: 1, generation: 1 } });
    assert.deepEqual([second.heard, asked.length, waits.waitingCalls], [[], 2, 1]);
  });
});

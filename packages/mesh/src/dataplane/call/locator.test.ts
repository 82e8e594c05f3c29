import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { epochMs, MeshError, modelKey } from '@modelmesh/core';
import type { SlotRef, ToControl } from '../../link/index.ts';
import { type CopyWaiter, Locator } from './locator.ts';

const A = modelKey('a');
const B = modelKey('b');
const NOW = epochMs(1);

class Waiter implements CopyWaiter {
  readonly heard: string[] = [];
  onLocated(slot: SlotRef): void {
    this.heard.push(`slot ${slot.index}`);
  }
  onLocateFailed(error: MeshError): void {
    this.heard.push(error.kind);
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
    waits.located(A, { kind: 'serving', slot: { index: 4, generation: 1 } });
    assert.deepEqual([one.heard, two.heard], [['slot 4'], ['slot 4']]);
    waits.wait(A, NOW, three);
    assert.equal(asked.length, 2);
    assert.deepEqual(three.heard, []);
  });

  it('tells everyone why there is no copy', () => {
    const { locator: waits } = locator();
    const waiter = new Waiter();
    waits.wait(A, NOW, waiter);
    waits.located(A, { kind: 'failed', error: { kind: 'load-failed', message: 'corrupt', retryAfterMs: null } });
    assert.deepEqual(waiter.heard, ['load-failed']);
    assert.equal(waits.waitingCalls, 0);
  });

  it('forgets who left, and leaves the load alone', () => {
    const { locator: waits, asked } = locator();
    const waiter = new Waiter();
    waits.wait(A, NOW, waiter);
    waits.leave(A, waiter);
    waits.located(A, { kind: 'serving', slot: { index: 1, generation: 1 } });
    assert.deepEqual([waiter.heard, asked.length, waits.waitingCalls], [[], 1, 0]);
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
    waits.located(A, { kind: 'serving', slot: { index: 1, generation: 1 } });
    assert.deepEqual([second.heard, asked.length, waits.waitingCalls], [[], 2, 1]);
  });
});

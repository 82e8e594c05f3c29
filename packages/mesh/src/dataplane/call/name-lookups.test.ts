import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { instanceId } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import type { ToControl } from '../../link/index.ts';
import { RouteTable } from '../routes/index.ts';
import { LOOKED_UP_MS, NAME_LOOKUPS_MAX, NameLookups, type NameWaiter } from './name-lookups.ts';

class Waiter implements NameWaiter {
  told = 0;
  onNamesKnown(): void {
    this.told += 1;
  }
}

function lookups(alone = false): { names: NameLookups; asked: ToControl[]; clock: FakeClock } {
  const asked: ToControl[] = [];
  const clock = new FakeClock();
  const routes = new RouteTable();
  const peers = alone ? [] : [{ instance: instanceId('b'), incarnation: null, address: 'b:1', draining: false }];
  const parts = { models: [], endpoints: [], families: [], peers };
  routes.applySnapshot({ kind: 'route-snapshot', epoch: 1, version: 0, last: true, parts });
  const link = { send: (message: ToControl) => asked.push(message), onMessage: () => {} };
  return { names: new NameLookups(link, routes, clock), asked, clock };
}

describe('a name that the table does not know', () => {
  it('is asked for once, for all who want it, and they are told together', () => {
    const { names, asked } = lookups();
    const [one, two, left] = [new Waiter(), new Waiter(), new Waiter()];
    for (const waiter of [one, two, left]) assert.equal(names.ask(['m', 'm@1'], waiter), true);
    names.leave(left);
    assert.deepEqual(asked, [{ kind: 'look-up', request: 1, names: ['m', 'm@1'] }]);
    names.known(1);
    names.known(1);
    assert.deepEqual([one.told, two.told, left.told, names.underWay], [1, 1, 0, 0]);
  });

  it('is not asked for again at once: a client that repeats a wrong name reads nothing', () => {
    const { names, asked, clock } = lookups();
    names.ask(['wrong'], new Waiter());
    names.known(1);
    assert.equal(names.ask(['wrong'], new Waiter()), false);
    clock.advance(LOOKED_UP_MS);
    assert.equal(names.ask(['wrong'], new Waiter()), true);
    assert.equal(asked.length, 2);
  });

  it('can be waited for with a promise, which ends with the patience of who waits', async () => {
    const { names } = lookups();
    const patience = new AbortController();
    const [known, givenUp] = [names.learn(['m'], new AbortController().signal), names.learn(['m'], patience.signal)];
    patience.abort(new Error('enough'));
    await assert.rejects(givenUp, /enough/);
    await assert.rejects(names.learn(['n'], patience.signal), /enough/);
    names.known(1);
    await known;
    await names.learn(['m'], new AbortController().signal);
    assert.equal(names.underWay, 0);
  });

  it('is unknown where nobody else can have registered it, and where too many are asked for', () => {
    assert.equal(lookups(true).names.ask(['m'], new Waiter()), false);
    const { names } = lookups();
    for (let at = 0; at < NAME_LOOKUPS_MAX; at++) assert.equal(names.ask([`m${at}`], new Waiter()), true);
    assert.equal(names.ask(['one more'], new Waiter()), false);
    assert.equal(names.ask([], new Waiter()), false);
  });
});

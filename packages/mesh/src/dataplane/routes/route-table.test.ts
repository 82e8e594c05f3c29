import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_NAMESPACE, endpointId, instanceId, modelKey, namespace } from '@modelmesh/core';
import type { ModelRoute, RouteParts } from '../../link/index.ts';
import { RouteTable } from './route-table.ts';

const model = (key: string): ModelRoute => ({
  key: modelKey(key),
  family: null,
  version: null,
  local: null,
  remote: [],
  retry: 'safe',
});
const parts = (keys: readonly string[]): RouteParts => ({ models: keys.map(model), endpoints: [], families: [], peers: [] });
const NOTHING = { models: [], endpoints: [], families: [], peers: [] };
const snapshot = (version: number, keys: readonly string[], last: boolean) =>
  ({ kind: 'route-snapshot', epoch: 1, version, last, parts: parts(keys) }) as const;
const delta = (from: number, to: number, keys: readonly string[]) =>
  ({ kind: 'route-delta', epoch: 1, from, to, put: parts(keys), remove: NOTHING }) as const;

describe('the route table', () => {
  it('takes a snapshot in chunks, and over at the last one only', () => {
    const table = new RouteTable();
    assert.equal(table.applySnapshot(snapshot(3, ['a'], false)), 'partial');
    assert.equal(table.model('a'), undefined);
    assert.equal(table.applySnapshot(snapshot(3, ['b'], true)), 'in-force');
    assert.deepEqual(
      [...table.models()].map(({ key }) => key),
      ['a', 'b'],
    );
    assert.deepEqual(table.position, { epoch: 1, version: 3 });
  });

  it('begins anew when another snapshot starts before one is complete', () => {
    const table = new RouteTable();
    table.applySnapshot(snapshot(3, ['old'], false));
    table.applySnapshot(snapshot(4, ['new'], true));
    assert.deepEqual(
      [...table.models()].map(({ key }) => key),
      ['new'],
    );
  });

  it('takes a delta that follows, and none that does not', () => {
    const table = new RouteTable();
    assert.equal(table.applyDelta(delta(0, 1, ['a'])), 'gap', 'there was no snapshot yet');
    table.applySnapshot(snapshot(3, ['a'], true));
    assert.equal(table.applyDelta(delta(3, 4, ['b'])), 'in-force');
    assert.equal(table.applyDelta(delta(3, 4, ['c'])), 'gap');
    assert.equal(table.applyDelta({ ...delta(4, 5, ['d']), epoch: 2 }), 'gap');
    assert.deepEqual(
      [...table.models()].map(({ key }) => key),
      ['a', 'b'],
    );
  });

  it('replaces and removes', () => {
    const table = new RouteTable();
    table.applySnapshot(snapshot(0, ['a', 'b'], true));
    const endpoint = { id: endpointId('e'), revision: 2, variant: 'active', model: modelKey('b'), successor: null, policy: null };
    table.applyDelta({
      kind: 'route-delta',
      epoch: 1,
      from: 0,
      to: 1,
      put: { models: [], endpoints: [endpoint], families: [{ family: 'f', newest: modelKey('b') }], peers: [] },
      remove: { ...NOTHING, models: [modelKey('a')] },
    });
    assert.equal(table.hasModel(DEFAULT_NAMESPACE, modelKey('a')), false);
    assert.deepEqual(table.endpointModels(DEFAULT_NAMESPACE, endpointId('e')), { active: 'b', target: 'b' });
    assert.equal(table.newestOf(DEFAULT_NAMESPACE, 'f'), 'b');
    const peer = { instance: instanceId('x'), incarnation: null, address: 'x:1', draining: false };
    const empty = parts([]);
    table.applyDelta({ kind: 'route-delta', epoch: 1, from: 1, to: 2, put: { ...empty, peers: [peer] }, remove: NOTHING });
    assert.deepEqual([table.peer(peer.instance), table.peers().size], [peer, 1]);
    table.applyDelta({
      kind: 'route-delta',
      epoch: 1,
      from: 2,
      to: 3,
      put: empty,
      remove: { ...NOTHING, peers: [peer.instance] },
    });
    assert.equal(table.peer(peer.instance), undefined);
    assert.equal(table.newestOf(namespace('other'), 'f'), undefined, 'other namespaces have no routes here');
  });
});

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { DEFAULT_NAMESPACE, endpointId, MeshError, modelKey } from '@modelmesh/core';
import { RouteTable } from '../routes/index.ts';
import { resolveUrlName } from './index.ts';

it('a version that the policy of an endpoint does not keep is not found after its name, and stays what it is by its key', () => {
  const routes = new RouteTable();
  const model = (version: string) => ({
    key: modelKey(`fraud@${version}`),
    family: 'fraud',
    version,
    local: null,
    remote: [],
    retry: 'safe' as const,
  });
  const route = { revision: 1, variant: 'stable', model: modelKey('fraud@3'), successor: null, policy: null };
  const endpoint = { ...route, id: endpointId('fraud'), versions: ['3', '2'] };
  const parts = { models: ['1', '2', '3'].map(model), endpoints: [endpoint], families: [], peers: [] };
  routes.applySnapshot({ kind: 'route-snapshot', epoch: 1, version: 1, last: true, parts });
  const keyOf = (name: string, version?: string) => resolveUrlName(routes, DEFAULT_NAMESPACE, name, version).model;
  assert.equal(keyOf('fraud', '2'), 'fraud@2');
  assert.equal(keyOf('fraud'), 'fraud@3');
  assert.throws(
    () => keyOf('fraud', '1'),
    (error) =>
      error instanceof MeshError &&
      error.kind === 'model-not-found' &&
      error.message === 'endpoint "fraud" does not keep version "1"; it keeps 3, 2',
  );
  assert.equal(keyOf('fraud@1'), 'fraud@1');
});

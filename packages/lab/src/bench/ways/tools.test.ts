import assert from 'node:assert/strict';
import { it } from 'node:test';
import { preparedTools } from './index.ts';

const PREPARED = {
  MESH_TEST_NGINX: 'nginx',
  MESH_TEST_ENVOY: '/venv/bin/python',
  MESH_TEST_ETCD: 'etcd',
  MESH_TEST_ETCDCTL: 'etcdctl',
  MESH_TEST_H2LOAD: 'h2load',
};

it('what the tier of real systems has prepared is taken, Envoy from beside its Python', () => {
  const { tool } = preparedTools(PREPARED);
  assert.deepEqual(tool?.envoy(), { tool: '/venv/bin/envoy' });
  assert.deepEqual(tool?.etcd(), { tool: { etcd: 'etcd', etcdctl: 'etcdctl' } });
});

it('what is not prepared is missed as a whole, with the reason that the tier gives', () => {
  for (const name of Object.keys(PREPARED)) {
    const env = { ...PREPARED, [name]: undefined, MESH_TEST_MISSING: 'no network' };
    assert.equal(preparedTools(env).problem, 'what the bench compares with is not there: no network', name);
  }
});

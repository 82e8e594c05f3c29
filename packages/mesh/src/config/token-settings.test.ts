import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configProblemText, parseConfig } from './index.ts';

const tokensOf = (env: Readonly<Record<string, string>>) => {
  const machine = { hostName: 'laptop', tempFolder: '/tmp' };
  const parsed = parseConfig({ yaml: undefined, env, flags: new Map(), machine, checks: [] });
  return parsed.ok ? parsed.config.tokens : parsed.problems.map(configProblemText);
};

describe('keys of tokens', () => {
  it('are made by a node that shares its registry with nobody', () => {
    assert.deepEqual(tokensOf({ MESH_DATA_DIR: '/data' }), {
      keys: { kind: 'own', path: '/data/token-keys' },
      rememberedMax: 10_000,
    });
    assert.deepEqual(tokensOf({ MESH_REGISTRY_KIND: 'memory' }), {
      keys: { kind: 'own', path: '.mmesh/token-keys' },
      rememberedMax: 10_000,
    });
  });

  it('must be named where nodes share a registry', () => {
    const etcd = { MESH_REGISTRY_KIND: 'etcd', MESH_REGISTRY_ENDPOINTS: 'localhost:2379' };
    assert.deepEqual(tokensOf(etcd), { keys: { kind: 'none' }, rememberedMax: 10_000 });
    assert.deepEqual(tokensOf({ ...etcd, MESH_TOKENS_KEYS: '/keys', MESH_TOKENS_REMEMBERED_MAX: '5' }), {
      keys: { kind: 'named', path: '/keys' },
      rememberedMax: 5,
    });
    assert.match(String(tokensOf({ MESH_TOKENS_REMEMBERED_MAX: '0' })), /tokens\.rememberedMax .* from 1 to 1000000/);
  });
});

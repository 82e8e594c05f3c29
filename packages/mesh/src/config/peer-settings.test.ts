import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ConfigResult, configProblemText, type PeerConfig, parseConfig, parseFlags } from './index.ts';

function parsed(env: Readonly<Record<string, string>>, args: readonly string[] = []): ConfigResult {
  const machine = { hostName: 'pod-7.example', tempFolder: '/tmp' };
  const flags = parseFlags(args).flags;
  return parseConfig({ yaml: undefined, env: { KV_STORE: 'etcd:http://127.0.0.1:2379', ...env }, flags, machine, checks: [] });
}

function peerOf(env: Readonly<Record<string, string>>, args: readonly string[] = []): PeerConfig {
  const result = parsed(env, args);
  assert.ok(result.ok, result.ok ? '' : result.problems.map(configProblemText).join('\n'));
  assert.ok(result.config.peer !== null);
  return result.config.peer;
}

const problems = (env: Readonly<Record<string, string>>, args: readonly string[] = []): string => {
  const result = parsed(env, args);
  return result.ok ? '' : result.problems.map(configProblemText).join('\n');
};

const KEYS = { MM_TLS_KEY_CERT_PATH: '/tls/cert.pem', MM_TLS_PRIVATE_KEY_PATH: '/tls/key.pem' };

describe('the port between nodes', () => {
  it('is there where others can share the registry, and nowhere else', () => {
    assert.deepEqual(peerOf({}), { host: '0.0.0.0', port: 8034, address: 'pod-7.example', tls: null });
    for (const kind of ['memory', 'sqlite']) {
      const alone = parseConfig({
        yaml: undefined,
        env: {},
        flags: parseFlags(['--registry-kind', kind]).flags,
        machine: { hostName: 'm', tempFolder: '/tmp' },
        checks: [],
      });
      assert.ok(alone.ok && alone.config.peer === null);
    }
  });

  it("says the pod's address to others, as Kubernetes gives it", () => {
    assert.equal(peerOf({ WKUBE_POD_IPADDR: '10.1.2.3' }).address, '10.1.2.3');
    assert.equal(peerOf({ WKUBE_POD_IPADDR: '10.1.2.3' }, ['--peer-address', 'node-a']).address, 'node-a');
  });

  it("speaks mutual TLS with the listener's certificate under its new variables too, which ModelMesh forgot (§6.7)", () => {
    assert.deepEqual(peerOf(KEYS).tls, {
      certPath: '/tls/cert.pem',
      keyPath: '/tls/key.pem',
      keyPassphrase: null,
      clientAuth: 'require',
      trustPaths: ['/tls/cert.pem'],
    });
  });

  it('takes trust, one-sided TLS and none at all from ModelMesh’s variables (§6.7)', () => {
    const trust = peerOf({ ...KEYS, MM_INTERNAL_TRUST_CERTS: '/ca,/other.pem' }).tls?.trustPaths;
    assert.deepEqual(trust, ['/tls/cert.pem', '/ca', '/other.pem']);
    assert.deepEqual(peerOf({ ...KEYS, MM_TRUST_CERTS: '/ca' }).tls?.trustPaths, ['/tls/cert.pem', '/ca']);
    assert.equal(peerOf({ ...KEYS, MM_INTRACLUSTER_CLIENTAUTH: 'false' }).tls?.clientAuth, 'none');
    assert.equal(peerOf({ ...KEYS, MM_ENABLE_SSL: 'false', MM_TRUST_CERTS: '/ca' }).tls, null);
    assert.equal(peerOf({ MM_ENABLE_SSL: 'true' }).tls, null, 'without a key it means nothing there');
  });

  it('has files of its own where they are named, both of them', () => {
    const own = ['--peer-tls-cert-path', '/p/cert.pem', '--peer-tls-key-path', '/p/key.pem'];
    const { certPath, keyPath, keyPassphrase } = peerOf({ ...KEYS, MM_TLS_PRIVATE_KEY_PASSPHRASE: 'x' }, own).tls ?? {};
    assert.deepEqual([certPath, keyPath, keyPassphrase], ['/p/cert.pem', '/p/key.pem', null]);
    assert.match(problems({}, own.slice(0, 2)), /peer\.tls\.keyPath .*belong together/);
    assert.match(problems({}, ['--peer-tls-enabled', 'true']), /peer\.tls\.enabled .*certificate/);
    assert.match(problems({}, ['--peer-tls-trust-paths', '/ca']), /peer\.tls\.trustPaths .*peer\.tls\.enabled/);
  });

  it('has a port that nothing else has', () => {
    assert.match(problems({}, ['--peer-port', '8033']), /peer\.port .*listeners\.inference\.port has it/);
  });
});

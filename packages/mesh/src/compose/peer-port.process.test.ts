import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { durationMs, modelKey } from '@modelmesh/core';
import { SeededRandom } from '@modelmesh/core/testing';
import { createFrameEngine, DEFAULT_STREAM_LIMITS } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { selfSignedCertificate } from '../certificates/index.ts';
import { configProblemText, parseConfig, parseFlags } from '../config/index.ts';
import type { Log } from '../log/index.ts';
import { systemClock } from '../node/index.ts';
import type { PeerAddress } from '../peer/index.ts';
import { PeerPort } from './peer-port.ts';

const clock = systemClock;
const engine = createFrameEngine({ clock });
const silent = (): void => {};
const LOG: Log = { debug: silent, info: silent, warn: silent, error: silent, enabled: () => false, with: () => LOG };
const NEVER = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'mesh-peer-tls-'));
after(() => rmSync(folder, { recursive: true }));

/** Writes a certificate for a name that nobody is called by, and its key. */
function files(name: string): { readonly cert: string; readonly key: string } {
  const { cert, key } = selfSignedCertificate([`${name}.nowhere`], clock.wallMs());
  const paths = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}-key.pem`) };
  writeFileSync(paths.cert, cert);
  writeFileSync(paths.key, key);
  return paths;
}

/** The port of a node that is called `name`, open until the block ends. */
async function open(name: string, flags: Readonly<Record<string, string>>): Promise<PeerPort & AsyncDisposable> {
  const args = Object.entries({
    'instance-id': name,
    'peer-port': '0',
    'peer-host': '127.0.0.1',
    'peer-address': '127.0.0.1',
    ...flags,
  });
  const parsed = parseConfig({
    yaml: undefined,
    env: { KV_STORE: 'etcd:http://127.0.0.1:1' },
    flags: parseFlags(args.map(([flag, value]) => `--${flag}=${value}`)).flags,
    machine: { hostName: 'm', tempFolder: '/tmp' },
    checks: [],
  });
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(configProblemText).join('\n'));
  const { config } = parsed;
  assert.ok(config.peer !== null);
  const parts = { config, peer: config.peer, engine, streamLimits: DEFAULT_STREAM_LIMITS, clock, log: LOG };
  const port = new PeerPort({ ...parts, timers: new TimerWheel(clock), random: new SeededRandom(name.length) });
  await port.open(() => {
    throw new Error('no call is forwarded here');
  }, null);
  port.answerWith({
    load: async () => ({ kind: 'loaded' }),
    copy: () => ({ kind: 'loaded' }),
    unload: () => {},
    explain: async () => [],
    diff: async () => [],
  });
  return Object.assign(port, {
    [Symbol.asyncDispose]: async () => {
      port.peers.close();
      await port.listener?.close(durationMs(0));
    },
  });
}

const tls = ({ cert, key }: ReturnType<typeof files>, more: Readonly<Record<string, string>> = {}) => ({
  'peer-tls-cert-path': cert,
  'peer-tls-key-path': key,
  ...more,
});
const addressOf = ({ self, address }: PeerPort): PeerAddress => ({ instance: self.instance, incarnation: null, address });
const meets = (one: PeerPort, other: PeerPort) => one.peers.hello(addressOf(other), NEVER);
const fails = (one: PeerPort, other: PeerPort) => assert.rejects(meets(one, other), { kind: 'unavailable' });

describe('the port between nodes', () => {
  it('is open in the clear where no certificate is configured', async () => {
    await using a = await open('a', {});
    await using b = await open('b', {});
    assert.equal((await meets(a, b)).hello.instance, 'b');
    assert.deepEqual(await a.peers.copy(addressOf(b), modelKey('m'), NEVER), { kind: 'loaded' });
  });

  it('under mutual TLS lets nodes in that share a certificate, and neither plaintext nor strangers', async () => {
    const shared = files('shared');
    await using a = await open('a', tls(shared));
    await using b = await open('b', tls(shared));
    await using plain = await open('plain', {});
    await using stranger = await open('stranger', tls(files('stranger')));
    assert.equal((await meets(a, b)).hello.instance, 'b');
    await fails(plain, b);
    await fails(a, plain);
    await fails(stranger, b);
    await fails(a, stranger);
  });

  it('trusts certificates that are named, each node its own; a stranger may call where clients show none, and is not called', async () => {
    const [one, other] = [files('one'), files('other')];
    await using a = await open('a', tls(one, { 'peer-tls-trust-paths': other.cert }));
    await using b = await open('b', tls(other, { 'peer-tls-trust-paths': one.cert }));
    assert.equal((await meets(a, b)).hello.instance, 'b');
    assert.equal((await meets(b, a)).hello.instance, 'a');
    await using lax = await open('lax', tls(other, { 'peer-tls-client-auth': 'false' }));
    await using guest = await open('guest', tls(files('guest'), { 'peer-tls-trust-paths': other.cert }));
    assert.equal((await meets(guest, lax)).hello.instance, 'lax');
    await fails(guest, b);
    await fails(lax, guest);
  });

  it('reads its files with each connection: certificates are exchanged without a restart', async () => {
    const old = files('old');
    await using a = await open('a', tls(old));
    await using b = await open('b', tls(old));
    await meets(a, b);
    files('old');
    // Its server follows the watched files; told here, so that nothing has to be waited for.
    for (const port of [a, b])
      port.useTls({ certPath: old.cert, keyPath: old.key, keyPassphrase: null, clientAuth: 'require', trustPaths: [old.cert] });
    await using fresh = await open('fresh', tls(old));
    assert.equal((await meets(fresh, b)).hello.instance, 'b');
    assert.equal((await meets(b, fresh)).hello.instance, 'fresh');
  });
});

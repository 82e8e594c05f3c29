import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, MeshError } from '@modelmesh/core';
import { Scope } from '@modelmesh/core/scope';
import { FakeClock } from '@modelmesh/core/testing';
import { schemaKey } from '@modelmesh/wire/registry';
import { type Kv, type KvKeepAlive, openRegistry } from '../../kv/index.ts';
import { LAYOUT } from '../testing/index.ts';
import { RegistryPulse } from './registry-pulse.ts';
import { LEASE_TTL_MS, Session } from './session.ts';

const KEY = '/mm/test/instances/a';

/** A session over a store in memory that fails, or answers late, when it is told to. */
class SessionRig {
  readonly clock = new FakeClock();
  readonly session: Session;
  readonly problems: string[] = [];
  readonly kv: Kv;
  value = 'first';
  away = false;
  /** Holds back the answer to the next sign of life until it is called. */
  answer: (() => void) | undefined;
  holdsAnswers = false;
  readonly #scope = new Scope('session', ({ error }) => this.problems.push(String(error)));

  private constructor(clock: FakeClock, kv: Kv) {
    this.clock = clock;
    this.kv = kv;
    const parts = { kv: this.#between(kv), clock, pulse: new RegistryPulse(true) };
    this.session = new Session({ ...parts, onProblem: (message) => this.problems.push(message) });
    this.session.hold({ key: KEY, value: () => this.value });
  }

  static async started(): Promise<SessionRig> {
    const clock = new FakeClock();
    const rig = new SessionRig(clock, await openRegistry('memory', { location: '', clock, schemaKey: schemaKey(LAYOUT) }));
    await rig.session.start(rig.#scope);
    return rig;
  }

  async stored(): Promise<string | null> {
    return (await this.kv.get(KEY)).entry?.value ?? null;
  }

  async after(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      this.clock.advance(Math.min(500, left));
      for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async close(): Promise<void> {
    await this.#scope.close();
    await this.kv.close();
  }

  #between(kv: Kv): Kv {
    const unless = <Answer>(call: () => Promise<Answer>): Promise<Answer> =>
      this.away ? Promise.reject(new MeshError('registry-unavailable', 'etcd does not answer')) : call();
    return {
      get: (key) => kv.get(key),
      range: (prefix, options) => kv.range(prefix, options),
      txn: (txn) => unless(() => kv.txn(txn)),
      resolve: (unknown) => kv.resolve(unknown),
      grantLease: (ttlMs) => unless(() => kv.grantLease(ttlMs)),
      keepAlive: (lease) => unless(async () => this.#heldBack(await kv.keepAlive(lease))),
      revokeLease: (lease) => kv.revokeLease(lease),
      watch: (prefix, options, sink) => kv.watch(prefix, options, sink),
      close: () => kv.close(),
    };
  }

  #heldBack(answer: KvKeepAlive): KvKeepAlive | Promise<KvKeepAlive> {
    if (!this.holdsAnswers) return answer;
    return new Promise((resolve) => {
      this.answer = () => resolve(answer);
    });
  }
}

describe('a session in the registry', () => {
  it('writes what changed while the registry was away as soon as it answers, though nobody says again that it changed', async () => {
    const rig = await SessionRig.started();
    assert.equal(await rig.stored(), 'first');
    rig.away = true;
    rig.value = 'leaving';
    rig.session.touch(KEY);
    await rig.session.flush();
    assert.equal(await rig.stored(), 'first');
    rig.away = false;
    await rig.after(4000);
    assert.equal(await rig.stored(), 'leaving');
    await rig.close();
  });

  it('§3.4: a key that somebody deleted is written again, and one that it never wrote is not', async () => {
    const rig = await SessionRig.started();
    await rig.kv.txn({ conditions: [], operations: [{ kind: 'delete', key: KEY }] });
    rig.session.keyVanished('/mm/test/instances/other');
    await rig.after(10_000);
    assert.equal(await rig.stored(), null);
    rig.session.keyVanished(KEY);
    await rig.after(500);
    assert.equal(await rig.stored(), 'first');
    await rig.close();
  });

  it('a sign of life counts from when it was given: an answer that is read after a long pause proves nothing', async () => {
    const rig = await SessionRig.started();
    rig.holdsAnswers = true;
    await rig.after(6000);
    assert.ok(rig.answer !== undefined && rig.session.alive);
    // The process stands still, as under SIGSTOP, and reads the old answer afterwards.
    rig.clock.advance(LEASE_TTL_MS);
    rig.answer();
    rig.holdsAnswers = false;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(rig.session.alive, false);
    await rig.after(10_000);
    assert.equal(rig.session.alive, true);
    assert.equal(rig.session.life, 2);
    await rig.close();
  });

  it('is taken back when it stops: its keys go, and nothing is written any more', async () => {
    const rig = await SessionRig.started();
    await rig.session.stop();
    rig.session.keyVanished(KEY);
    rig.session.touch(KEY);
    await rig.after(durationMs(10_000));
    assert.equal(await rig.stored(), null);
    await rig.close();
  });
});

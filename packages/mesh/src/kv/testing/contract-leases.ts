import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, type Revision } from '@modelmesh/core';
import { KV_LEASE_TTL_MAX_MS, KV_LEASE_TTL_MIN_MS, KV_LEASES_MAX, type Kv, type LeaseId } from '../port.ts';
import type { ContractOptions, WithStore } from './contract.ts';
import { RecordingSink } from './recording-sink.ts';
import { commit, list, ofKind, put, remove } from './writing.ts';

const TTL_MS = durationMs(20_000);

/** Leases: expiry, keeping alive, revocation. */
export function leasesContract(withStore: WithStore, options: ContractOptions): void {
  describe('leases', () => {
    expiry(withStore, options);
    reassignment(withStore, options);
    revocation(withStore);
    refusals(withStore);
  });
}

/** The end of a lease is a write of the store's own: it is awaited as a watch tells it. */
async function untilDeleted(kv: Kv, from: Revision, key: string): Promise<void> {
  const sink = new RecordingSink();
  const watch = kv.watch('', { from }, sink);
  await sink.until(({ events }) => events.some((event) => event.kind === 'delete' && event.key === key));
  watch.cancel();
}

function expiry(withStore: WithStore, options: ContractOptions): void {
  it(
    'delete their keys at one revision when their time is over',
    { skip: options.leaseClock },
    withStore(async ({ kv, clock }) => {
      const lease = await kv.grantLease(TTL_MS);
      assert.equal(lease.ttlMs, TTL_MS);
      const written = await commit(kv, [put('i/1', 'me', lease.id), put('i/2', 'me', lease.id), put('stays', '')]);
      assert.equal((await kv.get('i/1')).entry?.lease, lease.id);
      const sink = new RecordingSink();
      kv.watch('i/', { from: written }, sink);
      clock.advance(durationMs(TTL_MS - 1));
      assert.equal((await list(kv, '')).pairs.length, 3);
      clock.advance(durationMs(1));
      await sink.until(({ batches }) => batches.length === 2);
      assert.deepEqual(sink.batches[1]?.events, [
        { kind: 'delete', key: 'i/1' },
        { kind: 'delete', key: 'i/2' },
      ]);
      assert.deepEqual((await list(kv, '')).pairs, [['stays', '']]);
      assert.deepEqual(await kv.keepAlive(lease.id), { kind: 'gone' });
      assert.deepEqual(await kv.txn({ conditions: [], operations: [put('i/1', 'late', lease.id)] }), {
        kind: 'lease-gone',
        lease: lease.id,
      });
    }),
  );
  it(
    'live on while they are kept alive',
    { skip: options.leaseClock },
    withStore(async ({ kv, clock }) => {
      const { id } = await kv.grantLease(TTL_MS);
      const written = await commit(kv, [put('a', '', id)]);
      for (let count = 0; count < 5; count++) {
        clock.advance(durationMs(TTL_MS - 1));
        assert.deepEqual(await kv.keepAlive(id), { kind: 'alive', ttlMs: TTL_MS });
      }
      assert.notEqual((await kv.get('a')).entry, null);
      clock.advance(TTL_MS);
      await untilDeleted(kv, written, 'a');
      assert.equal((await kv.get('a')).entry, null);
    }),
  );
}

function reassignment(withStore: WithStore, options: ContractOptions): void {
  it(
    'do not take keys that were written without them or with another since',
    { skip: options.leaseClock },
    withStore(async ({ kv, clock }) => {
      const [first, second] = [await kv.grantLease(TTL_MS), await kv.grantLease(durationMs(2 * TTL_MS))];
      await commit(kv, [
        put('detached', '1', first.id),
        put('moved', '1', first.id),
        put('recreated', '1', first.id),
        put('held', '1', first.id),
      ]);
      await commit(kv, [put('detached', '2'), put('moved', '2', second.id), remove('recreated')]);
      const written = await commit(kv, [put('recreated', '2')]);
      clock.advance(TTL_MS);
      await untilDeleted(kv, written, 'held');
      assert.deepEqual(
        (await list(kv, '')).pairs.map(([key]) => key),
        ['detached', 'moved', 'recreated'],
      );
      clock.advance(TTL_MS);
      await untilDeleted(kv, written, 'moved');
      assert.deepEqual(
        (await list(kv, '')).pairs.map(([key]) => key),
        ['detached', 'recreated'],
      );
    }),
  );
}

function revocation(withStore: WithStore): void {
  it(
    'end at once when they are revoked, and revoking again is no error',
    withStore(async ({ kv }) => {
      const { id } = await kv.grantLease(TTL_MS);
      await commit(kv, [put('a', '', id)]);
      await kv.revokeLease(id);
      assert.equal((await kv.get('a')).entry, null);
      await kv.revokeLease(id);
      await kv.revokeLease('no-such-lease' as LeaseId);
      assert.deepEqual(await kv.keepAlive(id), { kind: 'gone' });
      assert.notEqual((await kv.grantLease(TTL_MS)).id, id);
    }),
  );
  it(
    'may hold more keys than a transaction',
    withStore(async ({ kv }) => {
      const { id } = await kv.grantLease(TTL_MS);
      const keys = Array.from({ length: 4200 }, (_, index) => `k${index}`);
      for (let start = 0; start < keys.length; start += 100) {
        await commit(
          kv,
          keys.slice(start, start + 100).map((key) => put(key, '', id)),
        );
      }
      await kv.revokeLease(id);
      assert.deepEqual((await list(kv, '')).pairs, []);
    }),
  );
}

function refusals(withStore: WithStore): void {
  it(
    'are looked at behind the conditions',
    withStore(async ({ kv }) => {
      const gone = 'no-such-lease' as LeaseId;
      const operations = [put('a', '', gone), put('b', '')];
      assert.deepEqual(await kv.txn({ conditions: [], operations }), { kind: 'lease-gone', lease: gone });
      assert.equal((await kv.txn({ conditions: [{ kind: 'present', key: 'a' }], operations })).kind, 'conflict');
      assert.deepEqual((await list(kv, '')).pairs, []);
    }),
  );
  it(
    'are refused with an impossible time',
    withStore(async ({ kv }) => {
      for (const ttlMs of [0, KV_LEASE_TTL_MIN_MS - 1, KV_LEASE_TTL_MAX_MS + 1]) {
        await assert.rejects(kv.grantLease(durationMs(ttlMs)), ofKind('invalid-argument', /lease/));
      }
    }),
  );
  it(
    `are refused beyond ${KV_LEASES_MAX}, until one is revoked`,
    withStore(async ({ kv }) => {
      const granting = Promise.all(Array.from({ length: KV_LEASES_MAX }, () => kv.grantLease(TTL_MS)));
      await assert.rejects(kv.grantLease(TTL_MS), ofKind('overloaded'));
      const leases = await granting;
      await assert.rejects(kv.grantLease(TTL_MS), ofKind('overloaded'));
      await kv.revokeLease(leases[0]?.id ?? assert.fail());
      await kv.grantLease(TTL_MS);
    }),
  );
}

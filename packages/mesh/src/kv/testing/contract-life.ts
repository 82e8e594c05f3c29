import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, revision } from '@modelmesh/core';
import type { LeaseId } from '../port.ts';
import type { WithStore } from './contract.ts';
import { RecordingSink } from './recording-sink.ts';
import { commit, ofKind, put } from './writing.ts';

/** Closing. */
export function lifeContract(withStore: WithStore): void {
  describe('closing', () => {
    it(
      'commits what was accepted, ends the watches and refuses everything else',
      withStore(async ({ kv, clock }) => {
        const sink = new RecordingSink();
        kv.watch('', { from: revision(1) }, sink);
        await commit(kv, [put('a', '1')]);
        const lease = await kv.grantLease(durationMs(5000));
        const accepted = Array.from({ length: 50 }, (_, index) => commit(kv, [put(`k${index}`, '')]));
        const granting = kv.grantLease(durationMs(5000));
        const closing = kv.close();
        await Promise.all([...accepted, granting]);
        await closing;
        await kv.close();
        assert.deepEqual(await sink.ending, { kind: 'closed' });
        assert.equal(sink.events.length, 51);
        assert.equal(clock.pendingTimers, 0);
        const refused = ofKind('registry-unavailable', /closed/);
        await assert.rejects(kv.get('a'), refused);
        await assert.rejects(kv.range('', { limit: 1 }), refused);
        await assert.rejects(kv.txn({ conditions: [], operations: [] }), refused);
        await assert.rejects(kv.resolve({ kind: 'unknown', writer: 'w', after: revision(0) }), refused);
        await assert.rejects(kv.grantLease(durationMs(5000)), refused);
        await assert.rejects(kv.keepAlive(lease.id), refused);
        await assert.rejects(kv.revokeLease('1' as LeaseId), refused);
        assert.throws(() => kv.watch('', { from: revision(0) }, new RecordingSink()), refused);
      }),
    );
    it(
      'ends a watch that is still reading the past',
      withStore(async ({ kv }) => {
        await commit(kv, [put('a', '1')]);
        const sink = new RecordingSink();
        kv.watch('', { from: revision(1) }, sink);
        await kv.close();
        assert.deepEqual(await sink.ending, { kind: 'closed' });
      }),
    );
    it(
      'settles a transaction that never was',
      withStore(async ({ kv }) => {
        await commit(kv, [put('a', '1')]);
        assert.deepEqual(await kv.resolve({ kind: 'unknown', writer: 'never-sent', after: revision(0) }), {
          kind: 'not-committed',
        });
      }),
    );
  });
}

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { durationMs, monotonicMs, revision } from '@modelmesh/core';
import { realClock } from '@modelmesh/grpc/testing';
import type { Kv, KvOpenOptions } from '../port.ts';
import { commit, EtcdProcess, etcdTools, list, put, RecordingSink, remove } from '../testing/index.ts';
import { openEtcdKv } from './index.ts';

const tools = etcdTools(process.env);
/** The shortest lease that etcd grants with its default election timeout: it rounds up. */
const TTL_MS = durationMs(2000);

let etcd: EtcdProcess;
let stores = 0;

/** Opens a store of its own, runs `body`, and closes it. */
const withKv =
  (body: (kv: Kv) => Promise<void>, clock: KvOpenOptions['clock'] = realClock) =>
  async (): Promise<void> => {
    stores += 1;
    const kv = await openEtcdKv({ location: '', clock, etcd: { endpoints: [etcd.endpoint], rootPrefix: `leases-${stores}` } });
    try {
      await body(kv);
    } finally {
      await kv.close();
    }
  };

describe('leases of a real etcd', { skip: tools.missing }, () => {
  before(async () => {
    etcd = await EtcdProcess.alone(tools);
  });
  after(() => etcd?.dispose());
  living();
  pausing();
});

function living(): void {
  it(
    'delete their keys at one revision when their time is over, except what was written anew',
    withKv(async (kv) => {
      const lease = await kv.grantLease(TTL_MS);
      assert.ok(lease.ttlMs >= TTL_MS);
      const other = await kv.grantLease(durationMs(60_000));
      await commit(kv, [
        put('i/1', '', lease.id),
        put('i/2', '', lease.id),
        put('freed', '', lease.id),
        put('moved', '', lease.id),
      ]);
      const from = await commit(kv, [put('freed', ''), put('moved', '', other.id), put('stays', '')]);
      const sink = new RecordingSink();
      kv.watch('', { from: revision(from + 1) }, sink);
      await sink.until(({ batches }) => batches.length === 1);
      assert.deepEqual(
        sink.events.map((event) => event.kind === 'delete' && event.key),
        ['i/1', 'i/2'],
      );
      assert.deepEqual(
        (await list(kv, '')).pairs.map(([key]) => key),
        ['freed', 'moved', 'stays'],
      );
      assert.deepEqual(await kv.keepAlive(lease.id), { kind: 'gone' });
      const late = await kv.txn({ conditions: [], operations: [put('i/1', '', lease.id), remove('stays')] });
      assert.deepEqual(late, { kind: 'lease-gone', lease: lease.id });
      assert.equal((await kv.get('stays')).entry?.value, '');
    }),
  );

  it(
    'live on while they are kept alive, side by side on one stream',
    withKv(async (kv) => {
      const leases = await Promise.all(Array.from({ length: 20 }, () => kv.grantLease(TTL_MS)));
      const kept = leases.slice(1);
      await commit(
        kv,
        leases.map(({ id }, index) => put(`k${index}`, '', id)),
      );
      const sink = new RecordingSink();
      kv.watch('', { from: revision((await kv.get('k0')).revision + 1) }, sink);
      // The one that nobody keeps alive is the measure of how long the others have lived.
      while (sink.batches.length === 0) {
        const answers = await Promise.all(kept.map(({ id }) => kv.keepAlive(id)));
        for (const answer of answers) assert.equal(answer.kind, 'alive');
      }
      assert.deepEqual(sink.events, [{ kind: 'delete', key: 'k0' }]);
    }),
  );
}

function pausing(): void {
  let skippedMs = 0;
  const jumping: KvOpenOptions['clock'] = {
    ...realClock,
    monotonicMs: () => monotonicMs(realClock.monotonicMs() + skippedMs),
  };
  it(
    'are lost to a process that was paused for more than half of their time, whatever etcd says',
    withKv(async (kv) => {
      const [short, long] = [await kv.grantLease(durationMs(20_000)), await kv.grantLease(durationMs(60_000))];
      await commit(kv, [put('short', '', short.id), put('long', '', long.id)]);
      const sink = new RecordingSink();
      kv.watch('', { from: revision((await kv.get('short')).revision + 1) }, sink);
      // A pause as the process sees it after SIGCONT: the clock went on, and nothing ran.
      skippedMs += 12_500;
      assert.deepEqual(await kv.keepAlive(short.id), { kind: 'gone' });
      assert.equal((await kv.keepAlive(long.id)).kind, 'alive');
      const late = await kv.txn({ conditions: [], operations: [put('short', 'late', short.id)] });
      assert.equal(late.kind, 'lease-gone');
      await sink.until(({ events }) => events.length > 0);
      assert.deepEqual(sink.events, [{ kind: 'delete', key: 'short' }], 'its keys go at once');
      const again = await kv.grantLease(durationMs(20_000));
      assert.equal((await kv.keepAlive(again.id)).kind, 'alive', 'a lease granted after the pause lives');
    }, jumping),
  );
}

import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { revision } from '@modelmesh/core';
import { realClock } from '@modelmesh/grpc/testing';
import type { Kv } from '../port.ts';
import { commit, EtcdProcess, etcdTools, ofKind, put, RecordingSink, TcpProxy } from '../testing/index.ts';
import { openEtcdKv } from './index.ts';

const tools = etcdTools(process.env);

/** What a test started, ended after it in the order of its ends. */
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function cluster(size: number): Promise<EtcdProcess[]> {
  const members = await EtcdProcess.cluster(tools, size);
  ends.push(async () => {
    await Promise.all(members.map((member) => member.dispose()));
  });
  return members;
}

async function open(endpoints: readonly { readonly host: string; readonly port: number }[]): Promise<Kv> {
  const kv = await openEtcdKv({ location: '', clock: realClock, etcd: { endpoints, rootPrefix: 'members' } });
  ends.push(() => kv.close());
  return kv;
}

/** Writes until it is committed, as a caller of the port does. */
async function writeThrough(kv: Kv, key: string): Promise<number> {
  for (;;) {
    try {
      const outcome = await kv.txn({ conditions: [], operations: [put(key, '')] });
      const settled = outcome.kind === 'unknown' ? await kv.resolve(outcome) : outcome;
      if (settled.kind === 'committed') return settled.revision;
      assert.equal(settled.kind, 'not-committed');
    } catch (error) {
      await assert.rejects(Promise.reject(error), ofKind('registry-unavailable'));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

describe('the members of a real etcd', { skip: tools.missing }, () => {
  it('take over from one another when they are killed or stopped, and no watch misses or repeats a write', {
    timeout: 120_000,
  }, async () => {
    const members = await cluster(3);
    const kv = await open(members.map(({ endpoint }) => endpoint));
    const sink = new RecordingSink();
    kv.watch('k', { from: revision((await kv.get('k')).revision + 1) }, sink);
    const written = [await writeThrough(kv, 'k0')];
    const [first, second] = members;
    if (first === undefined || second === undefined) return assert.fail();
    await first.kill();
    for (let count = 1; count < 10; count++) written.push(await writeThrough(kv, `k${count}`));
    first.start();
    await first.healthy();
    second.signal('SIGSTOP');
    for (let count = 10; count < 20; count++) written.push(await writeThrough(kv, `k${count}`));
    second.signal('SIGCONT');
    await sink.untilRevision(written.at(-1) ?? 0);
    assert.deepEqual(sink.revisions, written);
    return undefined;
  });

  it('refuse without a majority, and go on with the watches when it is back', { timeout: 120_000 }, async () => {
    const members = await cluster(3);
    const kv = await open(members.map(({ endpoint }) => endpoint));
    const sink = new RecordingSink();
    kv.watch('k', { from: revision((await kv.get('k')).revision + 1) }, sink);
    const [, second, third] = members;
    if (second === undefined || third === undefined) return assert.fail();
    await Promise.all([second.kill(), third.kill()]);
    let refused: unknown;
    while (refused === undefined) {
      try {
        await kv.get('k');
      } catch (error) {
        refused = error;
      }
    }
    await assert.rejects(Promise.reject(refused), ofKind('registry-unavailable'));
    const begun = performance.now();
    await assert.rejects(kv.txn({ conditions: [], operations: [put('k', '')] }), ofKind('registry-unavailable'));
    assert.ok(performance.now() - begun < 250, 'a known outage is told at once');
    second.start();
    const at = await writeThrough(kv, 'k');
    await sink.untilRevision(at);
    assert.deepEqual(sink.revisions, [at]);
    return undefined;
  });

  it('are left when they are stopped although nobody is there to take over', { timeout: 60_000 }, async () => {
    const [alone] = await cluster(1);
    if (alone === undefined) return assert.fail();
    const kv = await open([alone.endpoint]);
    await commit(kv, [put('k', '1')]);
    alone.signal('SIGSTOP');
    const outcome = await kv.txn({ conditions: [], operations: [put('k', '2')] });
    assert.equal(outcome.kind, 'unknown');
    await assert.rejects(kv.get('k'), ofKind('registry-unavailable'));
    alone.signal('SIGCONT');
    const at = await writeThrough(kv, 'k');
    const resolution = outcome.kind === 'unknown' ? await kv.resolve(outcome) : assert.fail();
    // etcd had the bytes in its socket: it may have carried them out when it woke, or the fence was first.
    if (resolution.kind === 'committed') assert.ok(resolution.revision < at);
    else assert.equal(resolution.kind, 'not-committed');
    return undefined;
  });

  it('are not followed back in revision, nor to another cluster', { timeout: 60_000 }, async () => {
    const [[good], [other]] = await Promise.all([cluster(1), cluster(1)]);
    if (good === undefined || other === undefined) return assert.fail();
    const proxy = await TcpProxy.start(good.port);
    ends.push(() => proxy.close());
    const kv = await open([proxy.endpoint, other.endpoint]);
    for (let count = 0; count < 10; count++) await commit(kv, [put('k', String(count))]);
    await proxy.away();
    await assert.rejects(kv.get('k'), ofKind('registry-unavailable', /another cluster/));
    await proxy.mend();
    const at = await writeThrough(kv, 'k');
    assert.equal((await kv.get('k')).entry?.modRevision, at);
    return undefined;
  });

  it('do not bring back a cluster that lost its data', { timeout: 60_000 }, async () => {
    const [etcd] = await cluster(1);
    if (etcd === undefined) return assert.fail();
    const kv = await open([etcd.endpoint]);
    await commit(kv, [put('k', '1')]);
    await etcd.kill();
    etcd.forget();
    etcd.start();
    await etcd.healthy();
    // The same cluster by its id, since names and addresses are the same; but its history begins anew.
    let refusal: unknown;
    while (refusal === undefined) {
      try {
        await kv.get('k');
      } catch (error) {
        if (error instanceof Error && /was seen already/.test(error.message)) refusal = error;
      }
    }
    await assert.rejects(Promise.reject(refusal), ofKind('registry-unavailable', /answers from revision \d+/));
    return undefined;
  });
});

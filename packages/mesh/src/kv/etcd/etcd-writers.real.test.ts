import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { revision } from '@modelmesh/core';
import { realClock } from '@modelmesh/grpc/testing';
import type { Kv, KvUnknown } from '../port.ts';
import { commit, EtcdProcess, etcdTools, list, ofKind, put, RecordingSink, remove, TcpProxy } from '../testing/index.ts';
import { openEtcdKv } from './index.ts';

const tools = etcdTools(process.env);
let etcd: EtcdProcess;
let stores = 0;

/** A store behind a proxy. */
async function opened(): Promise<{ readonly kv: Kv; readonly proxy: TcpProxy; readonly root: string; close(): Promise<void> }> {
  stores += 1;
  const root = `writers-${stores}`;
  const proxy = await TcpProxy.start(etcd.port);
  const kv = await openEtcdKv({ location: '', clock: realClock, etcd: { endpoints: [proxy.endpoint], rootPrefix: root } });
  const close = async (): Promise<void> => {
    await proxy.mend();
    await kv.close();
    await proxy.close();
  };
  return { kv, proxy, root, close };
}

/** Ends the leases of all writer keys, as time does for a client that was away for long. */
async function endWriterLeases(): Promise<void> {
  const leases = (await etcd.ctl('lease', 'list')).match(/^[0-9a-f]{16}$/gm) ?? [];
  assert.ok(leases.length > 0);
  for (const lease of leases) await etcd.ctl('lease', 'revoke', lease);
}

const ownKeys = async (root: string): Promise<string[]> =>
  (await etcd.ctl('get', '--prefix', '--keys-only', `${root}/mm_writers/`)).split('\n').filter((line) => line !== '');

async function lostAnswer(kv: Kv, proxy: TcpProxy, key: string): Promise<KvUnknown> {
  proxy.answers = 'held';
  const writing = kv.txn({ conditions: [], operations: [put(key, '')] });
  while (!(await etcd.ctl('get', '--prefix', '--keys-only', 'writers-')).includes(key));
  proxy.cut();
  const outcome = await writing;
  return outcome.kind === 'unknown' ? outcome : assert.fail(outcome.kind);
}

describe('the writer keys in a real etcd', { skip: tools.missing }, () => {
  before(async () => {
    etcd = await EtcdProcess.alone(tools);
  });
  after(() => etcd?.dispose());

  it('stay few however much is written and however often answers are lost, and go with their client', async () => {
    const { kv, proxy, root, close } = await opened();
    for (let count = 0; count < 500; count++) await commit(kv, [put(`k${count % 7}`, '')]);
    for (let count = 0; count < 5; count++) {
      const unknown = await lostAnswer(kv, proxy, `lost-${count}`);
      await proxy.mend();
      assert.equal((await kv.resolve(unknown)).kind, 'committed');
    }
    const keys = await ownKeys(root);
    assert.ok(keys.length > 0 && keys.length <= 16, `${keys.length} keys`);
    assert.ok(
      (await list(kv, '')).pairs.every(([key]) => !key.includes('mm_writers')),
      'nobody sees them',
    );
    await close();
    assert.deepEqual(await ownKeys(root), []);
  });

  it('are made anew where their lease has ended, and a lost answer is told from their history', async () => {
    const { kv, proxy, root, close } = await opened();
    await commit(kv, [put('a', '1')]);
    const unknown = await lostAnswer(kv, proxy, 'lost');
    await endWriterLeases();
    assert.deepEqual(await ownKeys(root), []);
    await proxy.mend();
    const resolution = await kv.resolve(unknown);
    assert.deepEqual(resolution, { kind: 'committed', revision: (await kv.get('lost')).entry?.modRevision });
    await commit(kv, [put('a', '2'), remove('lost')]);
    assert.deepEqual((await list(kv, '')).pairs, [['a', '2']]);
    assert.ok((await ownKeys(root)).length > 0);
    await close();
  });

  it('leave an outcome open where history was cut since, for the caller to read anew', async () => {
    const { kv, proxy, close } = await opened();
    const unknown = await lostAnswer(kv, proxy, 'lost');
    await endWriterLeases();
    const { revision: now } = JSON.parse(await etcd.ctl('get', 'x', '-w', 'json')).header as { readonly revision: number };
    await etcd.ctl('compact', String(now));
    await proxy.mend();
    assert.deepEqual(await kv.resolve(unknown), { kind: 'compacted', oldest: revision(now) });
    await assert.rejects(kv.get(''), ofKind('invalid-argument'));
    await close();
  });
});

describe('long answers of a real etcd', { skip: tools.missing }, () => {
  before(async () => {
    etcd = await EtcdProcess.alone(tools);
  });
  after(() => etcd?.dispose());

  it('are joined from their pieces', { timeout: 60_000 }, async () => {
    const { kv, close } = await opened();
    const keys = ['a', 'b', 'c'];
    const written = [];
    for (let count = 0; count < 8; count++) {
      written.push(
        await commit(
          kv,
          keys.map((key) => put(key, String(count).repeat(450_000))),
        ),
      );
    }
    const sink = new RecordingSink();
    kv.watch('', { from: written[0] ?? revision(1) }, sink);
    await sink.untilRevision(written.at(-1) ?? 0);
    assert.deepEqual(sink.revisions, written);
    assert.ok(sink.batches.every(({ events }) => events.length === keys.length));
    assert.deepEqual(
      (await list(kv, '')).pairs.map(([key, value]) => [key, value.length]),
      keys.map((key) => [key, 450_000]),
    );
    await close();
  });
});

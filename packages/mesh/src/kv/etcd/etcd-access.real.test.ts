import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { durationMs, revision } from '@modelmesh/core';
import { realClock, TEST_CERTIFICATES } from '@modelmesh/grpc/testing';
import type { EtcdPlace } from '../etcd-place.ts';
import type { Kv } from '../port.ts';
import { commit, EtcdProcess, etcdTools, ofKind, put, RecordingSink } from '../testing/index.ts';
import { openEtcdKv } from './index.ts';

const tools = etcdTools(process.env);
const open = (place: EtcdPlace): Promise<Kv> => openEtcdKv({ location: '', clock: realClock, etcd: place });

describe('a real etcd with TLS', { skip: tools.missing }, () => {
  const { server, client } = TEST_CERTIFICATES;
  let etcd: EtcdProcess;
  before(async () => {
    etcd = await EtcdProcess.alone(tools, { tls: { ...server, clientCa: client.cert, clientCert: client } });
  });
  after(() => etcd?.dispose());
  const place = (tls: EtcdPlace['tls']): EtcdPlace => ({
    endpoints: [etcd.endpoint],
    rootPrefix: 'tls',
    ...(tls === undefined ? {} : { tls }),
  });

  it('lets a node in that trusts it and shows its certificate', async () => {
    const kv = await open(place(() => ({ ca: [server.cert], ...client })));
    const at = await commit(kv, [put('k', '1')]);
    const sink = new RecordingSink();
    kv.watch('k', { from: at }, sink);
    await sink.untilRevision(at);
    await kv.close();
  });

  it('is refused with what is wrong otherwise', async () => {
    await assert.rejects(open(place(() => ({ ca: [client.cert], ...client }))), ofKind('registry-unavailable', /certificate/));
    await assert.rejects(open(place(() => ({ ca: [server.cert] }))), ofKind('registry-unavailable', new RegExp(`${etcd.port}`)));
    await assert.rejects(open(place(undefined)), ofKind('registry-unavailable', new RegExp(`${etcd.port}`)));
  });
});

describe('a real etcd with users', { skip: tools.missing }, () => {
  /** Seconds that a token lives without being used. */
  const TOKEN_S = 1;
  let etcd: EtcdProcess;
  before(async () => {
    etcd = await EtcdProcess.alone(tools, { args: ['--auth-token-ttl', String(TOKEN_S)] });
    await etcd.ctl('user', 'add', 'root:root');
    await etcd.ctl('user', 'grant-role', 'root', 'root');
    await etcd.ctl('user', 'add', 'mesh:secret');
    await etcd.ctl('role', 'add', 'mesh');
    await etcd.ctl('role', 'grant-permission', 'mesh', '--prefix=true', 'readwrite', 'mine');
    await etcd.ctl('user', 'grant-role', 'mesh', 'mesh');
    await etcd.ctl('auth', 'enable');
  });
  after(() => etcd?.dispose());
  const place = (password: string, rootPrefix = 'mine'): EtcdPlace => ({
    endpoints: [etcd.endpoint],
    rootPrefix,
    user: { name: 'mesh', password: () => password },
  });

  it('refuses a wrong password, missing rights and a node without a user, at once and with what to do', async () => {
    await assert.rejects(open(place('wrong')), ofKind('failed-precondition', /does not let user "mesh" in/));
    await assert.rejects(open(place('secret', 'theirs')), ofKind('failed-precondition', /grant the user read and write access/));
    const nobody = { endpoints: [etcd.endpoint], rootPrefix: 'mine' };
    await assert.rejects(open(nobody), ofKind('failed-precondition', /wants a user and a password/));
  });

  it('renews a token that has expired and drops no watch', { timeout: 60_000 }, async () => {
    const kv = await open(place('secret'));
    const early = new RecordingSink();
    const written = [await commit(kv, [put('k', '0')])];
    const [first = revision(0)] = written;
    kv.watch('k', { from: first }, early);
    await early.untilRevision(first);
    for (let count = 1; count <= 2; count++) {
      // The end of a lease tells that more time has passed than a token lives that nobody uses, with the second by which etcd looks for such.
      const lease = await kv.grantLease(durationMs((TOKEN_S + 3) * 1000));
      written.push(await commit(kv, [put('k-short', '', lease.id)]));
      await early.until(({ events }) => events.at(-1)?.kind === 'delete');
      written.push(early.batches.at(-1)?.revision ?? revision(0));
      const late = new RecordingSink();
      kv.watch('k', { from: first }, late);
      await late.untilRevision(written.at(-1) ?? 0);
      written.push(await commit(kv, [put('k', String(count))]));
      await Promise.all([early, late].map((sink) => sink.untilRevision(written.at(-1) ?? 0)));
      assert.deepEqual(early.revisions, written);
      assert.deepEqual(late.revisions, written);
      assert.deepEqual([early.end, late.end], [undefined, undefined]);
    }
    await kv.close();
  });
});

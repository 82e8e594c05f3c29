import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { systemClock } from '@modelmesh/sdk/client';
import { type KvOperation, kvStores } from '../kv/index.ts';
import { commit, list, ofKind, put } from '../kv/testing/index.ts';
import { type Overwrite, readPlace, transfer } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'mesh-transfer-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const BASE = '/tas-runtime/model-mesh/';
const path = (name: string): string => join(folder, name);
const place = (text: string, names: Parameters<typeof readPlace>[1] = {}) => readPlace(text, names, folder);
const move = (from: string, to: string, overwrite: Overwrite = 'refuse', names: Parameters<typeof readPlace>[1] = {}) =>
  transfer({ from: place(from), to: place(to, names), overwrite, clock: systemClock, tell: () => undefined });

/** What must come through as it is: keys of any text, texts that no program of ours would write, and what later versions add. */
const ODD: readonly (readonly [string, string])[] = [
  ['registry/m', '{"type":"t","mPath":"p","future":{"deep":[1e400,-0,12345678901234567890]},"lu":1}'],
  ['registry/with/slash and blank', '{}'],
  ['registry/ü🜚\u2028line', '"text\\u2028 \u2028 \r\n"'],
  ['vmodels/v', '{"amid":"m","tmid":"m","x":null}'],
  ['endpoints/v', 'not JSON at all'],
  ['endpoint-revisions/v/1', ''],
  ['config/max', '7'],
  ['later/table', '{"a":1}'],
];

async function fill(name: string, operations: readonly KvOperation[]): Promise<void> {
  const kv = await kvStores.sqlite({ location: path(name), clock: systemClock });
  await commit(kv, operations);
  const { id } = await kv.grantLease(durationMs(60_000));
  await commit(kv, [
    put(`${BASE}instances/n1`, '{}', id),
    put(`${BASE}leaderLatch/_n1`, '_n1', id),
    put(`${BASE}session/x`, '', id),
  ]);
  await kv.close();
}

async function pairs(name: string, prefix: string): Promise<readonly (readonly [string, string])[]> {
  const kv = await kvStores.sqlite({ location: path(name), clock: systemClock });
  const found = (await list(kv, prefix)).pairs;
  await kv.close();
  return found;
}

const oddRecords = ODD.map(([key, value]) => put(`${BASE}${key}`, value));
const spaced = put('/mm_ns/team-a/tas-runtime/model-mesh/registry/m', '{"type":"other"}');

describe('a registry that is moved', () => {
  it('comes back from a file byte for byte, without what belongs to sessions, in every namespace', async () => {
    const ofSessions = ['policy-acks/n1', 'strategy-figures/n1'].map((key) => put(`${BASE}${key}`, '{}'));
    await fill('a.db', [...oddRecords, ...ofSessions, spaced, put('/other/mesh/registry/m', '{}')]);
    const exported = await move('sqlite:a.db', 'a.jsonl');
    assert.deepEqual(exported.counts, { models: 4, endpoints: 1, policies: 1, policyRevisions: 1, parameters: 1, others: 1 });
    assert.deepEqual(exported.leftOut, { instances: 1, leaders: 1, discovery: 0, others: 3 });
    assert.equal(statSync(path('a.jsonl')).mode & 0o777, 0o600, 'records may hold secrets of storages');
    const [header = ''] = readFileSync(path('a.jsonl'), 'utf8').split('\n');
    assert.deepEqual(JSON.parse(header).layout, { prefix: 'tas-runtime', service: 'model-mesh' });

    const imported = await move('a.jsonl', 'sqlite:b.db');
    assert.deepEqual([imported.added, imported.digest], [9, exported.digest]);
    const wanted = ODD.map(([key, value]): [string, string] => [`${BASE}${key}`, value]);
    assert.deepEqual(new Map(await pairs('b.db', BASE)), new Map(wanted));
    assert.deepEqual(await pairs('b.db', '/mm_ns/'), [['/mm_ns/team-a/tas-runtime/model-mesh/registry/m', '{"type":"other"}']]);

    const again = await move('a.jsonl', 'sqlite:b.db');
    assert.deepEqual([again.added, again.same, again.digest], [0, 9, exported.digest], 'run again, nothing is to be done');
  });

  it('stands below another name where that is wanted, with the same digest', async () => {
    await fill('c.db', oddRecords);
    const copied = await move('sqlite:c.db', 'sqlite:d.db', 'refuse', { prefix: 'mm', service: 'new' });
    const exported = await move('sqlite:c.db', 'c.jsonl');
    assert.equal(copied.digest, exported.digest);
    assert.equal((await pairs('d.db', '/mm/new/')).length, ODD.length);
  });

  it('writes over nothing unless told', async () => {
    await fill('e.db', [put(`${BASE}registry/m`, '{"type":"t","lu":5}')]);
    await fill('f.db', [put(`${BASE}registry/m`, '{"type":"t","lu":3}'), put(`${BASE}registry/n`, '{}')]);
    const refusal = ofKind(
      'failed-precondition',
      /sqlite:f\.db has 1 records that differ and 1 that the source does not have.*--replace.*--merge/,
    );
    await assert.rejects(move('sqlite:e.db', 'sqlite:f.db'), refusal);
    assert.equal((await move('sqlite:e.db', 'sqlite:f.db', 'skip')).kept, 2);
    const newer = await move('sqlite:e.db', 'sqlite:f.db', 'newer');
    assert.deepEqual([newer.replaced, newer.kept], [1, 1]);
    const replaced = await move('sqlite:e.db', 'sqlite:f.db', 'replace');
    assert.deepEqual([replaced.same, replaced.removed], [1, 1]);
    await move('sqlite:e.db', 'e.jsonl');
    await assert.rejects(move('sqlite:e.db', 'e.jsonl'), ofKind('failed-precondition', /e\.jsonl exists/));
    await move('sqlite:e.db', 'e.jsonl', 'replace');
  });

  it('is refused from a file that was cut, changed, or is none, naming no content', async () => {
    await fill('g.db', oddRecords);
    await move('sqlite:g.db', 'g.jsonl');
    const whole = readFileSync(path('g.jsonl'), 'utf8');
    const damaged: readonly (readonly [string, RegExp])[] = [
      [whole.slice(0, -40), /no exported registry: (line \d+ is no record|it is not whole)/],
      [whole.split('\n').slice(0, -2).join('\n'), /not whole: 7 records where its header says 8/],
      [whole.replace('"7"', '"8"'), /or one was changed/],
      [whole.replace('"format":1', '"format":2'), /format 2, this version reads format 1/],
      ['', /it is empty/],
      ['{"a":1}\n', /its first line is no header/],
      [whole.replace('"schema":null', '"schema":{"written":9,"readableFrom":9}'), /newer version of Model Mesh/],
    ];
    for (const [text, why] of damaged) {
      writeFileSync(path('bad.jsonl'), text);
      await assert.rejects(move('bad.jsonl', 'sqlite:untouched.db'), { name: 'MeshError', message: why });
    }
    await assert.rejects(
      move('absent.jsonl', 'sqlite:untouched.db'),
      ofKind('invalid-argument', /absent\.jsonl cannot be read: ENOENT/),
    );
  });

  it('is refused while a node has the file open, and where there is none', async () => {
    await fill('h.db', oddRecords);
    const kv = await kvStores.sqlite({ location: path('h.db'), clock: systemClock });
    await assert.rejects(move('sqlite:h.db', 'h.jsonl'), ofKind('failed-precondition', /in use by process/));
    await kv.close();
    await assert.rejects(move('sqlite:none.db', 'none.jsonl'), ofKind('not-found', /none\.db: there is no such file/));
  });
});

describe('a place', () => {
  it('is understood, or refused with what is wrong and without a secret', () => {
    assert.deepEqual(place('x.jsonl'), { kind: 'file', path: path('x.jsonl') });
    assert.deepEqual(place('file:x.jsonl'), { kind: 'file', path: path('x.jsonl') });
    writeFileSync(path('conn'), '{"endpoints":"http://e:2379","userid":"u","password":"geheim","root_prefix":"r"}');
    const store = place('etcd:./conn', { service: 's' });
    assert.ok(store.kind === 'store' && store.registry.kind === 'etcd' && store.named);
    assert.deepEqual(store.layout, { root: '', prefix: 'tas-runtime', service: 's' });
    writeFileSync(path('node.yaml'), 'serviceName: mine\nregistry: { kind: sqlite, path: ./r.db, prefix: p }\n');
    const configured = place('config:node.yaml');
    assert.ok(configured.kind === 'store' && configured.layout.service === 'mine' && configured.layout.prefix === 'p');
    writeFileSync(path('bad'), '{"endpoints":"http://e:2379","password":"geheim"}');
    for (const [text, why] of [
      ['etcd:./bad', /userid is missing/],
      ['etcd:./absent', /ENOENT/],
      ['zookeeper:z', /not kept in zookeeper/],
      ['memory:', /not kept in memory/],
      ['config:none.yaml', /none\.yaml cannot be read: ENOENT/],
      ['', /missing/],
    ] as const)
      assert.throws(
        () => place(text),
        (error: Error) => why.test(error.message) && !error.message.includes('geheim'),
        text,
      );
  });
});

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import { durationMs, revision } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { commit, list, ofKind, put, RecordingSink, WriterProcess } from '../testing/index.ts';
import { openSqliteKv } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'mesh-kv-open-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const open = (location: string, clock = new FakeClock()) => openSqliteKv({ location, clock });

describe('opening a registry file', () => {
  it('is refused while another process has it open, naming that process and what to do, until that process is dead', async () => {
    const path = join(folder, 'held.db');
    const writer = await WriterProcess.run(path, 0);
    const refusal = new RegExp(`${path} is in use by process ${writer.pid} on host .+held.db.lock.+stop that process`);
    await assert.rejects(open(path), ofKind('failed-precondition', refusal));
    await writer.kill();
    assert.ok(existsSync(`${path}.lock`), 'the killed process left its lock file');
    const kv = await open(path);
    assert.equal(JSON.parse(readFileSync(`${path}.lock`, 'utf8')).pid, process.pid);
    await kv.close();
    assert.ok(!existsSync(`${path}.lock`));
  });

  it('is refused a second time in the same process, and the first goes on undisturbed', async () => {
    const path = join(folder, 'twice.db');
    const kv = await open(path);
    await assert.rejects(open(path), ofKind('failed-precondition', /in use by process/));
    await commit(kv, [put('a', '1')]);
    await assert.rejects(open(path), ofKind('failed-precondition', /in use by process/));
    await kv.close();
    const again = await open(path);
    assert.deepEqual((await list(again, '')).pairs, [['a', '1']]);
    await again.close();
  });

  it('finds the state, its history, the cut of the history and the leases as they were', async () => {
    const path = join(folder, 'deep', 'er', 'kept.db');
    const first = await openSqliteKv({ location: path, clock: new FakeClock(), history: { revisionsMax: 5, bytesMax: 100_000 } });
    const { id } = await first.grantLease(durationMs(5000));
    for (let count = 1; count <= 20; count++) await commit(first, [put('a', String(count), id), put(`k${count}`, '')]);
    await first.close();

    const clock = new FakeClock();
    const second = await open(path, clock);
    assert.deepEqual((await second.get('a')).entry, {
      key: 'a',
      value: '20',
      createRevision: 1,
      modRevision: 20,
      lease: id,
    });
    assert.equal((await list(second, 'k')).pairs.length, 20);
    const [old, recent] = [new RecordingSink(), new RecordingSink()];
    second.watch('', { from: revision(2) }, old);
    assert.equal((await old.ending).kind, 'compacted');
    second.watch('', { from: revision(18) }, recent);
    await recent.untilRevision(20);
    assert.deepEqual(recent.revisions, [18, 19, 20]);
    clock.advance(durationMs(4999));
    assert.deepEqual(await second.keepAlive(id), { kind: 'alive', ttlMs: 5000 });
    clock.advance(durationMs(5000));
    await recent.untilRevision(21);
    assert.deepEqual(recent.batches.at(-1)?.events, [{ kind: 'delete', key: 'a' }]);
    assert.notEqual((await second.grantLease(durationMs(5000))).id, id);
    await second.close();
  });

  it('refuses a file of a newer layout without touching it', async () => {
    const path = join(folder, 'newer.db');
    await (await open(path)).close();
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 2');
    db.close();
    await assert.rejects(
      open(path),
      ofKind('failed-precondition', /newer version of Model Mesh \(layout 2, this version reads up to 1\)/),
    );
  });

  it('refuses a database of another program and a file that is none', async () => {
    const foreign = join(folder, 'foreign.db');
    const db = new DatabaseSync(foreign);
    db.exec('CREATE TABLE t (x)');
    db.close();
    await assert.rejects(open(foreign), ofKind('failed-precondition', /another program/));
    const text = join(folder, 'text.db');
    writeFileSync(text, 'this is a text that is long enough to have a header of a hundred bytes, '.repeat(20));
    await assert.rejects(open(text), ofKind('failed-precondition', /is damaged \(file is not a database\)/));
  });

  it('says what is wrong with a path that cannot be a file', async () => {
    const occupied = join(folder, 'a-folder');
    mkdirSync(occupied);
    await assert.rejects(open(occupied), ofKind('failed-precondition', /a-folder cannot be opened/));
    writeFileSync(join(folder, 'a-file'), '');
    await assert.rejects(open(join(folder, 'a-file', 'x.db')), ofKind('failed-precondition', /x\.db cannot be opened \(.+\)/));
  });

  it('refuses a history that could hold nothing', async () => {
    const options = { location: join(folder, 'none.db'), clock: new FakeClock(), history: { revisionsMax: 0, bytesMax: 1 } };
    await assert.rejects(openSqliteKv(options), ofKind('invalid-argument', /history/));
  });
});

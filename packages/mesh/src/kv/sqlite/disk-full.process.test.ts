import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { durationMs, toMeshError } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { commit, list, ofKind, put } from '../testing/index.ts';
import { openSqliteKv } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'mesh-kv-full-'));
const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder]);
const skip = mount.status === 0 ? false : 'a small tmpfs cannot be mounted here: that takes root';
after(() => {
  if (skip === false) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true, force: true });
});

describe('a registry on a full disk', { skip }, () => {
  const path = join(folder, 'registry.db');

  it('refuses writes with a clear error, goes on reading, and writes again when there is space', async () => {
    const clock = new FakeClock();
    const kv = await openSqliteKv({ location: path, clock });
    const { id } = await kv.grantLease(durationMs(5000));
    await commit(kv, [put('leased', '', id), put('a', 'first')]);
    const ballast = join(folder, 'ballast');
    writeFileSync(ballast, Buffer.alloc(3_000_000));
    let refused: unknown;
    let written = 0;
    while (refused === undefined && written < 100) {
      try {
        await commit(kv, [put(`k${written}`, 'x'.repeat(20_000))]);
        written += 1;
      } catch (thrown) {
        refused = thrown;
      }
    }
    const { kind, message } = toMeshError(refused);
    assert.equal(kind, 'registry-unavailable');
    assert.match(
      message,
      /the disk of the registry file .+registry\.db is full: nothing was written, reading goes on; free some space/,
    );
    assert.equal((await list(kv, 'k')).pairs.length, written);

    // A lease that ends now is over even if that cannot be written; its keys are gone at the latest when there is space.
    clock.advance(durationMs(5000));
    assert.deepEqual(await kv.keepAlive(id), { kind: 'gone' });
    rmSync(ballast);
    await commit(kv, [put('a', 'second')]);
    clock.advance(durationMs(1000));
    await commit(kv, [put('a', 'third')]);
    assert.deepEqual((await list(kv, 'leased')).pairs, []);
    await kv.close();

    const again = await openSqliteKv({ location: path, clock });
    assert.equal((await again.get('a')).entry?.value, 'third');
    assert.equal((await list(again, 'k')).pairs.length, written);
    await again.close();
  });

  it('can be closed while it is full, says so to who opens it then, and has lost nothing afterwards', async () => {
    const location = join(folder, 'closed.db');
    const kv = await openSqliteKv({ location, clock: new FakeClock() });
    await commit(kv, [put('a', 'x'.repeat(200_000))]);
    const ballast = join(folder, 'ballast');
    fill(ballast);
    await assert.rejects(
      kv.txn({ conditions: [], operations: [put('b', 'x'.repeat(200_000))] }),
      ofKind('registry-unavailable', /is full/),
    );
    await kv.close();
    await assert.rejects(
      openSqliteKv({ location: join(folder, 'new.db'), clock: new FakeClock() }),
      ofKind('registry-unavailable', /is full/),
    );
    rmSync(ballast);
    const again = await openSqliteKv({ location, clock: new FakeClock() });
    assert.deepEqual((await list(again, '')).pairs, [['a', 'x'.repeat(200_000)]]);
    await again.close();
  });
});

describe('a registry on a disk that fails', () => {
  it('opens its file anew, and knows afterwards that the write whose commit failed was not carried out', () => {
    const own = mkdtempSync(join(tmpdir(), 'mesh-kv-fails-'));
    after(() => rmSync(own, { recursive: true, force: true }));
    const program = fileURLToPath(new URL('../testing/io-error-program.ts', import.meta.url));
    // A file beyond the limit is refused with EFBIG, which is an I/O error to SQLite.
    const args = [
      '-c',
      'ulimit -f 1000; exec "$@"',
      'sh',
      process.execPath,
      '--conditions=mesh-source',
      program,
      join(own, 'registry.db'),
    ];
    const { stdout, stderr } = spawnSync('bash', args, { encoding: 'utf8' });
    assert.equal(stderr, '');
    const { committed, resolution, found, next } = JSON.parse(stdout);
    assert.ok(committed > 10);
    assert.deepEqual({ resolution, found, next }, { resolution: { kind: 'not-committed' }, found: committed, next: 'committed' });
  });
});

/** Takes all the space that is left. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  assert.throws(() => {
    for (;;) writeSync(file, Buffer.alloc(4096));
  }, /ENOSPC/);
  closeSync(file);
}

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { FakeClock } from '@modelmesh/core/testing';
import { SETTLE_MAX_MS, SETTLE_MS, watchFiles } from './index.ts';

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-files-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe('files that are watched', () => {
  it('tell of a change once it has settled', async (context) => {
    const folder = folderOf(context);
    const clock = new FakeClock();
    let told = 0;
    const stop = watchFiles([join(folder, 'a')], clock, () => {
      told += 1;
    });
    writeFileSync(join(folder, 'a'), '1');
    writeFileSync(join(folder, 'a'), '2');
    while (clock.pendingTimers === 0) await new Promise(setImmediate);
    assert.equal(told, 0);
    assert.equal(clock.pendingTimers, 1);
    clock.advance(SETTLE_MS);
    assert.equal(told, 1);
    stop();
  });

  it('tell of a change in a folder that never settles', async (context) => {
    const folder = folderOf(context);
    const clock = new FakeClock();
    let told = 0;
    const stop = watchFiles([join(folder, 'a')], clock, () => {
      told += 1;
    });
    const began = clock.monotonicMs();
    while (told === 0) {
      writeFileSync(join(folder, 'b'), '1');
      // A timer that is new: of an old one a millisecond is left.
      while ((clock.untilNextMs ?? 1) === 1) await new Promise(setImmediate);
      clock.advance(SETTLE_MS - 1);
    }
    assert.ok(clock.monotonicMs() - began <= SETTLE_MAX_MS + SETTLE_MS, `told after ${clock.monotonicMs() - began} ms`);
    stop();
  });

  it('may be a folder, whose own files count', async (context) => {
    const folder = folderOf(context);
    mkdirSync(join(folder, 'trust'));
    const clock = new FakeClock();
    const stop = watchFiles([join(folder, 'trust')], clock, () => {});
    writeFileSync(join(folder, 'trust', 'ca.pem'), '1');
    while (clock.pendingTimers === 0) await new Promise(setImmediate);
    stop();
    assert.equal(clock.pendingTimers, 0);
  });

  it('tell nothing any more when it was stopped, and need not exist', async (context) => {
    const folder = folderOf(context);
    const clock = new FakeClock();
    watchFiles(['/no/such/folder/file'], clock, () => assert.fail('nothing is there'))();
    const stopped = watchFiles([join(folder, 'a')], clock, () => assert.fail('stopped'));
    stopped();
    const seen = new Promise<void>((resolve) => {
      const other = watchFiles([join(folder, 'a')], clock, () => {
        other();
        resolve();
      });
    });
    writeFileSync(join(folder, 'a'), '1');
    while (clock.pendingTimers === 0) await new Promise(setImmediate);
    clock.runAll();
    await seen;
  });
});

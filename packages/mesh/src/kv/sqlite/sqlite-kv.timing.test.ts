import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { FakeClock } from '@modelmesh/core/testing';
import type { Kv } from '../port.ts';
import { commit, list, put } from '../testing/index.ts';
import { openSqliteKv } from './index.ts';

const RECORD = JSON.stringify({ type: 'onnx', mPath: 'models/digits', encKey: 'x'.repeat(400) });

const folder = mkdtempSync(join(tmpdir(), 'mesh-kv-timing-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const open = (name: string): Promise<Kv> => openSqliteKv({ location: join(folder, name), clock: new FakeClock() });

/** Milliseconds that `work` took. */
async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Commits per second of `callers` that each wait for their commit before the next. */
async function commitRate(kv: Kv, callers: number, commits: number): Promise<number> {
  let left = commits;
  const caller = async (): Promise<void> => {
    while (left-- > 0) await commit(kv, [put(`model-${left % 1000}`, RECORD)]);
  };
  return (commits / (await elapsedMs(() => Promise.all(Array.from({ length: callers }, caller))))) * 1000;
}

async function fill(kv: Kv, keys: number): Promise<void> {
  for (let start = 0; start < keys; start += 100) {
    await commit(
      kv,
      Array.from({ length: 100 }, (_, index) => put(`model-${start + index}`, RECORD)),
    );
  }
}

describe('the speed of the SQLite store', () => {
  it('grows with the number of callers, which share their commits', async (context) => {
    const kv = await open('rate.db');
    const alone = await commitRate(kv, 1, 500);
    const together = await commitRate(kv, 64, 6400);
    const getUs = await elapsedMs(async () => {
      for (let count = 0; count < 1000; count++) await kv.get(`model-${count}`);
    });
    const pageMs = await elapsedMs(() => kv.range('model-', { limit: 1000 }));
    await kv.close();
    context.diagnostic(`commits per second: ${alone.toFixed(0)} with 1 caller, ${together.toFixed(0)} with 64`);
    context.diagnostic(`get ${getUs.toFixed(0)} µs, a page of 1000 records ${pageMs.toFixed(1)} ms`);
    assert.ok(together > 3 * alone, `${together} commits per second with 64 callers, ${alone} with one`);
  });

  it('opens and verifies a large registry soon', async (context) => {
    for (const keys of [0, 10_000, 100_000]) {
      const first = await open(`${keys}.db`);
      await fill(first, keys);
      await first.close();
      let kv: Kv | undefined;
      const openMs = await elapsedMs(async () => {
        kv = await open(`${keys}.db`);
      });
      if (kv === undefined) return assert.fail();
      const store = kv;
      const listMs = await elapsedMs(() => list(store, 'model-', 10_000));
      await store.close();
      context.diagnostic(`${keys} records: opened in ${openMs.toFixed(0)} ms, listed in ${listMs.toFixed(0)} ms`);
      assert.ok(openMs < 5000, `${keys} records took ${openMs} ms to open`);
    }
    return undefined;
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '@modelmesh/core/testing';
import { kvContract } from '../testing/index.ts';
import { openSqliteKv } from './index.ts';

kvContract('the SQLite store', async (history) => {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-kv-'));
  const clock = new FakeClock();
  const kv = await openSqliteKv({ location: join(folder, 'registry.db'), clock, ...(history === undefined ? {} : { history }) });
  return { kv, clock, dispose: () => rmSync(folder, { recursive: true, force: true }) };
});

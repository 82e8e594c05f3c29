import { writeSync } from 'node:fs';
import { FakeClock } from '@modelmesh/core/testing';
import type { KvResolution, KvUnknown } from '../port.ts';
import { openSqliteKv } from '../sqlite/index.ts';
import { list, put } from './writing.ts';

/**
 * Writes into the registry file named by its argument until an outcome is unknown, as it is when the system refuses a write. To be run
 * where the system limits the size of a file. Prints what was seen as JSON.
 */
const kv = await openSqliteKv({ location: process.argv[2] ?? '', clock: new FakeClock() });
let committed = 0;
let unknown: KvUnknown | undefined;
while (unknown === undefined && committed < 1000) {
  const outcome = await kv.txn({ conditions: [], operations: [put(`k${committed}`, 'x'.repeat(10_000))] });
  if (outcome.kind === 'unknown') unknown = outcome;
  else committed += 1;
}
const resolution: KvResolution | undefined = unknown && (await kv.resolve(unknown));
const found = (await list(kv, 'k')).pairs.length;
const { kind: next } = await kv.txn({ conditions: [], operations: [put('next', '')] });
await kv.close();
writeSync(1, JSON.stringify({ committed, resolution, found, next }));

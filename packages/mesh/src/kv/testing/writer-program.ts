import { writeSync } from 'node:fs';
import { revision } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import { openSqliteKv } from '../sqlite/index.ts';
import { operationsOf } from './workload.ts';

/**
 * A process that writes the workload into the registry file named by its argument until it is killed, several steps at a time, and
 * prints the number of each step that was acknowledged.
 */
const CONCURRENT = 6;

const kv = await openSqliteKv({
  location: process.argv[2] ?? '',
  clock: new FakeClock(),
  history: { revisionsMax: 100, bytesMax: 1_000_000 },
});
let step: number = (await kv.get('step')).revision;
await tell(`open ${step}\n`);

/** Writes at once, so that a kill loses no line that was told; waits while the reader is behind, for the pipe does not block. */
async function tell(line: string): Promise<void> {
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

async function write(): Promise<void> {
  for (;;) {
    step += 1;
    const mine = step;
    const outcome = await kv.txn({ conditions: [], operations: operationsOf(mine) });
    if (outcome.kind !== 'committed' || outcome.revision !== revision(mine)) process.exit(1);
    await tell(`${mine}\n`);
  }
}

await Promise.all(Array.from({ length: CONCURRENT }, write));

import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import type { MeshError } from '@modelmesh/core';
import type { TypeConstraints } from '@modelmesh/core/constraints';
import { FakeClock } from '@modelmesh/core/testing';
import { SETTLE_MS } from '../files/index.ts';
import { createLog } from '../log/index.ts';
import { FollowedConstraints } from './followed-constraints.ts';

const requiring = (label: string): string => JSON.stringify({ t: { required: [label] } });

it('§6.1 the file of type constraints is read anew when it changes, also by a swap, and kept as it was while it is wrong', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-constraints-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'constraints.json');
  writeFileSync(path, requiring('a'));
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLog({ level: 'info', instance: 'i', service: 's', sink: { write: (line) => lines.push(line) } });
  const used: TypeConstraints[] = [];
  const followed = new FollowedConstraints({ kind: 'file', path }, { clock, log, use: (constraints) => used.push(constraints) });
  const settle = async (): Promise<void> => {
    while (clock.pendingTimers === 0) await new Promise(setImmediate);
    clock.advance(SETTLE_MS);
  };

  writeFileSync(path, requiring('b'));
  await settle();
  writeFileSync(path, '{"t": {"required": "b"}}');
  await settle();
  writeFileSync(join(folder, 'next'), requiring('c'));
  renameSync(join(folder, 'next'), path);
  await settle();
  assert.deepEqual(
    used.map((constraints) => [...constraints.required('t')]),
    [['b'], ['c']],
  );
  const kept = lines.filter((line) => line.includes('type-constraints-kept'));
  assert.equal(kept.length, 1);
  assert.match(kept[0] ?? '', /constraints\.json/);

  followed.use({ kind: 'inline', json: requiring('d') });
  assert.deepEqual([...(used.at(-1)?.required('t') ?? [])], ['d']);
  assert.throws(
    () => followed.use({ kind: 'inline', json: '[]' }),
    (error: MeshError) => error.kind === 'invalid-argument',
  );
  assert.equal(used.length, 3);
  followed.stop();
});

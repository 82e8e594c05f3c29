import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../log/index.ts';
import { threadsWanted } from './threads.ts';

/** The threads of a node, and what it says of them. */
function wanted(workers: number, workerThreads: 'auto' | 'always', platform: string): readonly [number, readonly string[]] {
  const lines: string[] = [];
  const log = createLog({ level: 'info', instance: 'i', service: 's', sink: { write: (line) => lines.push(line) } });
  const threads = threadsWanted({ workers, workerThreads }, log, platform);
  return [threads, lines.map((line) => String(JSON.parse(line).event))];
}

test('one worker shares the thread of control, unless it is told not to', () => {
  assert.deepEqual(wanted(1, 'auto', 'linux'), [0, []]);
  assert.deepEqual(wanted(1, 'always', 'linux'), [1, []]);
});

test('several workers have a thread each where they can share ports; elsewhere there is one, and a line says so', () => {
  assert.deepEqual(wanted(3, 'auto', 'linux'), [3, []]);
  assert.deepEqual(wanted(3, 'auto', 'darwin'), [0, ['one-worker']]);
  assert.deepEqual(wanted(3, 'always', 'win32'), [1, ['one-worker']]);
});

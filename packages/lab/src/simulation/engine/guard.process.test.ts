import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { shutWorldOut } from './index.ts';

const USES: readonly (readonly [string, () => unknown])[] = [
  ['now', () => Date.now()],
  ['new Date()', () => new Date()],
  ['now', () => performance.now()],
  ['setTimeout', () => setTimeout(() => {}, 1)],
  ['setImmediate', () => setImmediate(() => {})],
  ['random', () => Math.random()],
  ['fetch', () => fetch('http://127.0.0.1:1')],
  ['randomUUID', () => randomUUID()],
  ['getRandomValues', () => crypto.getRandomValues(new Uint8Array(1))],
  ['timeout', () => AbortSignal.timeout(1)],
  ['hrtime', () => process.hrtime()],
];

test('wall clock, timers, chance and fetch throw inside and work again outside', () => {
  const used: string[] = [];
  const open = shutWorldOut((what) => used.push(what));
  try {
    for (const [, use] of USES) assert.throws(use, /was used inside the simulation/);
    assert.equal(new Date(5).getTime(), 5);
  } finally {
    open();
  }
  assert.deepEqual(
    used,
    USES.map(([name]) => name),
  );
  assert.ok(Date.now() > 0 && new Date().getFullYear() > 2020 && performance.now() > 0);
  assert.match(randomUUID(), /^[0-9a-f-]{36}$/);
  assert.ok(Math.random() < 1);
});

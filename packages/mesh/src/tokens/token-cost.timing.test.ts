import assert from 'node:assert/strict';
import { it } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { durationMs, endpointId, epochMs } from '@modelmesh/core';
import { SeededRandom } from '@modelmesh/core/testing';
import { SignedVault } from './index.ts';

const CALLS = 200_000;
const TOKENS = 100;
const NOW_MS = epochMs(1_800_000_000_000);
const FRAUD = endpointId('fraud');
/** Ten times what it was seen to cost leaves room for slow machines. */
const REMEMBERED_MICROSECONDS_MAX = 1;
/** Collections, timers and the test runner take something too. */
const BYTES_A_CALL_MAX = 4;

it('a token that is remembered costs neither a hash nor memory', () => {
  const vault = new SignedVault({ rememberedMax: TOKENS, random: new SeededRandom(1) });
  vault.use([{ id: 'k', secret: Buffer.alloc(32, 1) }]);
  const tokens = Array.from({ length: TOKENS }, () => vault.issue(FRAUD, NOW_MS, durationMs(1000)).token);
  const run = (): number => {
    let verified = 0;
    for (let at = 0; at < CALLS; at++)
      if (vault.verify(tokens[at % TOKENS] ?? '', FRAUD, NOW_MS).kind === 'verified') verified += 1;
    return verified;
  };
  assert.equal(run(), CALLS);
  const before = process.cpuUsage();
  const heapBefore = getHeapStatistics().used_heap_size;
  assert.equal(run(), CALLS);
  const grown = getHeapStatistics().used_heap_size - heapBefore;
  const { user, system } = process.cpuUsage(before);
  const spent = (user + system) / CALLS;
  console.log(`${spent.toFixed(3)} µs CPU and ${(grown / CALLS).toFixed(2)} bytes a remembered token`);
  assert.ok(spent < REMEMBERED_MICROSECONDS_MAX);
  assert.ok(grown / CALLS < BYTES_A_CALL_MAX);
});

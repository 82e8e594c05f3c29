import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PluginNode } from './plugin-node.ts';

/** Longer than the target of the policy by far, so that no machine is so slow that the quick variant is taken for it. */
const SLOW_PATH = 'size 8192; answer 3000';
const CALLS = 32;

for (const workers of ['1', '2'])
  it(`a strategy that learns takes the calls away from a variant that answers too late, with ${workers} workers`, {
    timeout: 180_000,
    skip: workers === '2' && process.platform !== 'linux' ? 'ports are shared by several workers on Linux alone' : false,
  }, async () => {
    const flags = { workers, 'strategies-period': '200ms', 'scaling-hot-calls-per-copy-max': 'off' };
    await using plugins = await PluginNode.start([], flags, { b: SLOW_PATH });
    await plugins.apply('epsilon-greedy', { explore: 0, latencyTargetMs: 2000, callsMin: 5 });
    const rounds: number[] = [];
    // The slow one has its share until it has its calls.
    for (let quick = 0; quick < CALLS; ) {
      const answered = await Promise.all(Array.from({ length: CALLS }, () => plugins.call('epsilon-greedy')));
      quick = answered.filter((variant) => variant === 'a').length;
      rounds.push(quick);
    }
    assert.ok((rounds[0] ?? CALLS) < CALLS, 'both had calls at first');
    const later = await Promise.all(Array.from({ length: CALLS }, () => plugins.call('epsilon-greedy')));
    assert.deepEqual([...new Set(later)], ['a']);
  });

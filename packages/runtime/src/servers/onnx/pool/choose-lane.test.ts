import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { monotonicMs } from '@modelmesh/core';
import { chooseLane, type LaneView, QUIET_MS } from './index.ts';

const now = monotonicMs(100_000);
const ago = (ms: number) => monotonicMs(now - ms);
const NEVER = -Infinity as LaneView['lastRunMs'];
const lane = (differing: Partial<LaneView> = {}): LaneView => ({
  controlJobs: 0,
  runs: 0,
  sessions: 0,
  lastRunMs: NEVER,
  ...differing,
});
const none: ReadonlySet<number> = new Set();

describe('chooseLane', () => {
  it('prefers a quiet worker with few sessions', () => {
    const lanes = [lane({ sessions: 5 }), lane({ sessions: 2, lastRunMs: ago(QUIET_MS) }), lane({ sessions: 4 })];

    assert.deepEqual(chooseLane(lanes, none, now, 3), { kind: 'use', index: 1 });
  });

  it('avoids workers that ran something within the last seconds', () => {
    const lanes = [lane({ lastRunMs: ago(QUIET_MS - 1) }), lane({ runs: 1 }), lane({ sessions: 9 })];

    assert.deepEqual(chooseLane(lanes, none, now, 3), { kind: 'use', index: 2 });
  });

  it('adds a worker rather than disturb one that runs or loads, while there may be more', () => {
    const running = [lane({ lastRunMs: ago(10) }), lane({ runs: 3 })];
    const loading = [lane({ controlJobs: 1 }), lane({ controlJobs: 2 })];

    assert.deepEqual(chooseLane(running, none, now, 3), { kind: 'add-worker' });
    assert.deepEqual(chooseLane(loading, none, now, 3), { kind: 'add-worker' });
    assert.deepEqual(chooseLane(loading, none, now, 2), { kind: 'use', index: 0 });
  });

  it('takes the longest idle of busy workers when there can be no more', () => {
    const lanes = [lane({ lastRunMs: ago(10) }), lane({ lastRunMs: ago(900), sessions: 7 }), lane({ lastRunMs: ago(500) })];

    assert.deepEqual(chooseLane(lanes, none, now, 3), { kind: 'use', index: 1 });
  });

  it('never uses an excluded worker, and says when none is left', () => {
    const lanes = [lane(), lane({ sessions: 9 })];

    assert.deepEqual(chooseLane(lanes, new Set([0]), now, 2), { kind: 'use', index: 1 });
    assert.deepEqual(chooseLane(lanes, new Set([0, 1]), now, 3), { kind: 'add-worker' });
    assert.equal(chooseLane(lanes, new Set([0, 1]), now, 2), undefined);
  });
});

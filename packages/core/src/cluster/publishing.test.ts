import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newInstanceRecord } from '../records/index.ts';
import { durationMs, epochMs, instanceId, sizeUnits } from '../units.ts';
import { PUBLISH_ANY_CHANGE_AFTER_MS, publishReason } from './index.ts';

const NOW_MS = 10_000_000;
const published = newInstanceRecord({
  id: instanceId('a'),
  startedAtMs: epochMs(1),
  capacityUnits: sizeUnits(1000),
  usedUnits: sizeUnits(500),
  modelCount: 40,
  leastRecentUseMs: epochMs(NOW_MS - 160_000),
  loadingThreads: 4,
  loadsInProgress: 1,
  requestsPerMinute: 2000,
});
const reason = (change: Partial<typeof published>, sinceMs = 0) =>
  publishReason(
    published,
    { ...published, ...change },
    {
      sinceMs: durationMs(sinceMs),
      nowMs: epochMs(NOW_MS),
      minSpaceUnits: 100,
    },
  );

describe('§3.4 what is published', () => {
  it('the first record, and whatever says who the instance is', () => {
    const at = { sinceMs: durationMs(0), nowMs: epochMs(NOW_MS), minSpaceUnits: 100 };
    assert.equal(publishReason(undefined, published, at), 'first');
    assert.equal(reason({ peerAddress: 'a:1' }), 'identity');
    assert.equal(reason({ labels: new Set(['gpu']) }), 'identity');
    assert.equal(reason({ shuttingDown: true }), 'leaving');
  });

  it('each bound of the spec, just below and at it', () => {
    const cases: readonly [keyof typeof published, number, number, string][] = [
      ['capacityUnits', 1019, 1020, 'capacity'],
      ['usedUnits', 599, 600, 'used'],
      ['modelCount', 45, 46, 'count'],
      ['leastRecentUseMs', NOW_MS - 160_000 + 9_999, NOW_MS - 160_000 + 10_000, 'last-use'],
      ['loadsInProgress', 3, 4, 'loading'],
      ['requestsPerMinute', 2099, 2100, 'busyness'],
    ];
    for (const [field, below, at, why] of cases) {
      assert.equal(reason({ [field]: below }), null, `${field} ${below}`);
      assert.equal(reason({ [field]: at }), why, `${field} ${at}`);
    }
  });

  it('full or not, loading or not, empty or not: always', () => {
    assert.equal(reason({ usedUnits: sizeUnits(901), capacityUnits: sizeUnits(1000) }), 'full');
    assert.equal(reason({ loadsInProgress: 0 }), 'loading');
    assert.equal(reason({ loadingThreads: 5 }), 'loading');
    assert.equal(reason({ leastRecentUseMs: undefined }), 'last-use');
  });

  it('a small change when nothing was published for long, and nothing where nothing changed', () => {
    assert.equal(reason({ modelCount: 41 }, PUBLISH_ANY_CHANGE_AFTER_MS), null);
    assert.equal(reason({ modelCount: 41 }, PUBLISH_ANY_CHANGE_AFTER_MS + 1), 'age');
    assert.equal(reason({}, PUBLISH_ANY_CHANGE_AFTER_MS + 1), null);
  });
});

import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { instance, NOW_MS } from '../cluster/testing/index.ts';
import { type EpochMs, epochMs, instanceId } from '../index.ts';
import type { InstanceRecord } from '../records/index.ts';
import { HOUSEKEEPING_CHANGES, REPLICA_SETS_MAX, UpgradeTracker } from './index.ts';

const MINUTE_MS = 60_000;
const now = epochMs(NOW_MS);
const minutesAgo = (minutes: number): EpochMs => epochMs(NOW_MS - minutes * MINUTE_MS);
const pod = (id: string, minutes: number, labels: readonly string[] = []): InstanceRecord =>
  instance(id, { startedAtMs: minutesAgo(minutes), labels: new Set(labels) });

function tracker(...pods: readonly InstanceRecord[]): UpgradeTracker {
  const upgrades = new UpgradeTracker();
  for (const record of pods) upgrades.put(record, now);
  return upgrades;
}
/** Every pod that any test here makes. */
const PODS = ['aaaaaa', 'bbbbbb', 'cccccc', 'dddddd'].flatMap((set) => ['1', '2', '3'].map((end) => `${set}-${end.repeat(5)}`));
/** The replaced pods, each with the set that replaces it. */
const replacedBy = (upgrades: UpgradeTracker, at = now): readonly string[] => {
  const replacement = upgrades.replacement(at);
  return PODS.flatMap((id) => {
    const by = replacement?.(instanceId(id)) ?? null;
    return by === null ? [] : [`${id} ${by}`];
  });
};
const replaced = (upgrades: UpgradeTracker, at = now): readonly string[] =>
  replacedBy(upgrades, at).map((pair) => pair.slice(0, 12));

describe('§4.12: replica sets that are being replaced', () => {
  it('are those whose newest pod started before the first of the newest set', () => {
    const upgrades = tracker(pod('aaaaaa-11111', 500), pod('aaaaaa-22222', 400), pod('bbbbbb-11111', 3));
    assert.deepEqual(replacedBy(upgrades), ['aaaaaa-11111 bbbbbb', 'aaaaaa-22222 bbbbbb']);
    upgrades.put(pod('aaaaaa-33333', 1), now);
    assert.deepEqual(replaced(upgrades), [], 'the old set grows: this is no upgrade');
  });

  it('for ten minutes after the newest set started a pod, for twenty if the old one changed within fifteen', () => {
    const upgrades = tracker(pod('aaaaaa-11111', 500), pod('aaaaaa-22222', 500), pod('bbbbbb-11111', 0));
    const at = (minutes: number): EpochMs => epochMs(NOW_MS + minutes * MINUTE_MS);
    assert.deepEqual(replaced(upgrades, epochMs(at(10) - 1)), ['aaaaaa-11111', 'aaaaaa-22222']);
    assert.deepEqual(replaced(upgrades, at(10)), []);
    upgrades.remove(instanceId('aaaaaa-22222'), at(6));
    assert.deepEqual(replaced(upgrades, epochMs(at(20) - 1)), ['aaaaaa-11111']);
    assert.deepEqual(replaced(upgrades, at(20)), []);
  });

  it('that the old set changed long ago is known from its pods, not from when this node saw them', () => {
    assert.deepEqual(replaced(tracker(pod('aaaaaa-11111', 500), pod('bbbbbb-11111', 12))), []);
    assert.deepEqual(replaced(tracker(pod('aaaaaa-11111', 14), pod('bbbbbb-11111', 12))), ['aaaaaa-11111']);
  });

  it('§9.4, 7: pods with labels are compared with those that have equal labels, in any order', () => {
    const upgrades = tracker(
      pod('aaaaaa-11111', 500, ['gpu', 'big']),
      pod('bbbbbb-11111', 3, ['big', 'gpu']),
      pod('cccccc-11111', 500),
      pod('dddddd-11111', 400, ['gpu']),
    );
    assert.deepEqual(replaced(upgrades), ['aaaaaa-11111']);
  });

  it('§9.4, 7: a record that is published again is no new pod, nor is a container that started again', () => {
    const upgrades = tracker(pod('aaaaaa-11111', 500), pod('bbbbbb-11111', 3));
    upgrades.put({ ...pod('aaaaaa-11111', 500), modelCount: 7 }, now);
    upgrades.put(pod('aaaaaa-11111', 0), now);
    assert.deepEqual(replaced(upgrades), ['aaaaaa-11111'], 'the old set has no newer pod');
    upgrades.remove(instanceId('aaaaaa-11111'), now);
    assert.deepEqual(replaced(upgrades), [], 'it was counted once, and is gone');
    const settled = tracker(pod('aaaaaa-11111', 500), pod('bbbbbb-11111', 19));
    for (const id of ['aaaaaa-11111', 'bbbbbb-11111']) settled.put(pod(id, 0), now);
    assert.deepEqual(replaced(settled), [], 'neither did the old set change nor the new one start a pod');
  });

  it('a set that begins as the other ends is no upgrade', () => {
    assert.deepEqual(replaced(tracker(pod('aaaaaa-11111', 3), pod('bbbbbb-11111', 3))), []);
  });

  it('other labels are another set', () => {
    const upgrades = tracker(pod('aaaaaa-11111', 500, ['gpu']), pod('bbbbbb-11111', 3));
    assert.deepEqual(replaced(upgrades), []);
    upgrades.put(pod('aaaaaa-11111', 500), now);
    assert.deepEqual(replaced(upgrades), ['aaaaaa-11111']);
    upgrades.put(pod('bbbbbb-11111', 3, ['gpu']), now);
    assert.deepEqual(replaced(upgrades), [], 'the newer set has no pod with these labels any more');
  });

  it('after a rollback the set without pods replaces nothing', () => {
    const upgrades = tracker(pod('aaaaaa-11111', 500), pod('bbbbbb-11111', 3));
    upgrades.remove(instanceId('bbbbbb-11111'), now);
    assert.deepEqual(replaced(upgrades), []);
  });

  it('ids that are no ends of pod names belong to no set', () => {
    const upgrades = tracker(pod('laptop', 500), pod('mesh-0', 3), pod('aaaaaaa-1111', 400));
    assert.deepEqual([replaced(upgrades), upgrades.size], [[], 0]);
  });

  it('empty sets are forgotten fifteen minutes after their last change, when it is time to clean up', () => {
    const upgrades = tracker(pod('aaaaaa-11111', 500), pod('bbbbbb-11111', 500));
    upgrades.remove(instanceId('aaaaaa-11111'), now);
    const later = epochMs(NOW_MS + 15 * MINUTE_MS + 1);
    for (let change = 4; change < HOUSEKEEPING_CHANGES - 1; change++) {
      upgrades.put(pod(`bbbbbb-x${String(change).padStart(4, '0')}`, 400), now);
    }
    upgrades.put(pod('bbbbbb-yyyyy', 300), later);
    assert.equal(upgrades.size, 2);
    upgrades.put(pod('bbbbbb-zzzzz', 300), later);
    assert.equal(upgrades.size, 1);
  });

  it('beyond the limit the set that changed longest ago is forgotten, with its pods', () => {
    const upgrades = new UpgradeTracker();
    for (let set = 0; set <= REPLICA_SETS_MAX; set++) {
      upgrades.put(pod(`${String(set).padStart(6, '0')}-aaaaa`, 5000 - set), now);
    }
    assert.equal(upgrades.size, REPLICA_SETS_MAX);
    assert.doesNotThrow(() => upgrades.remove(instanceId('000000-aaaaa'), now));
    upgrades.put(pod('000000-aaaaa', 5000), now);
    assert.equal(upgrades.size, REPLICA_SETS_MAX);
  });
});

const aPodChange = fc.record({
  remove: fc.boolean(),
  set: fc.constantFrom('aaaaaa', 'bbbbbb', 'cccccc'),
  pod: fc.constantFrom('11111', '22222'),
  labels: fc.constantFrom<readonly string[]>([], ['gpu']),
  startedMinutes: fc.constantFrom(500, 100, 12, 5, 1),
});

test('law: records that are published again change nothing, and a set never replaces itself', () => {
  fc.assert(
    fc.property(fc.array(aPodChange, { maxLength: 20 }), fc.nat(3), (changes, again) => {
      const [once, often] = [new UpgradeTracker(), new UpgradeTracker()];
      const there = new Map<string, InstanceRecord>();
      for (const { remove, set, pod: name, labels, startedMinutes } of changes) {
        const record = there.get(`${set}-${name}`) ?? pod(`${set}-${name}`, startedMinutes, labels);
        for (const upgrades of [once, often]) {
          if (remove) upgrades.remove(record.id, now);
          else upgrades.put(record, now);
        }
        if (remove) there.delete(record.id);
        else there.set(record.id, record);
        for (let count = 0; count < again; count++) for (const known of there.values()) often.put(known, now);
        assert.deepEqual(replacedBy(often), replacedBy(once));
        for (const pair of replacedBy(once)) {
          const [id = '', by = ''] = pair.split(' ');
          assert.ok(there.has(id) && !id.startsWith(by), pair);
        }
      }
    }),
  );
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TypeConstraints } from '../constraints/index.ts';
import { type EpochMs, epochMs, instanceId } from '../index.ts';
import type { InstanceRecord } from '../records/index.ts';
import { ClusterView, decidingCriterion, minSpaceUnits } from './index.ts';
import { CLUSTER_CONFIG, instance, NOW_MS, units } from './testing/index.ts';

const now = epochMs(NOW_MS);
const ago = (ms: number): EpochMs => epochMs(NOW_MS - ms);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const FULL = units(9900);

function cluster(...records: readonly InstanceRecord[]): ClusterView {
  const view = new ClusterView(CLUSTER_CONFIG);
  for (const record of records) view.put(record);
  return view;
}

const order = (view: ClusterView, at = now): readonly string[] => view.ordered(at).map(({ id }) => id);
const rule = (required: readonly string[]) => ({ required: new Set(required), preferred: new Set<string>() });

describe('§4.5.1: who is wanted first', () => {
  it('a newer build is wanted before an older one, though it is fuller', () => {
    const newer = instance('newer', { buildVersion: 2, usedUnits: units(5000), modelCount: 50 });
    assert.deepEqual(order(cluster(instance('older', { buildVersion: 1 }), newer)), ['newer', 'older']);
  });

  it('§9.4, 1: a newer build that is saturated is not, by the age of its oldest copy and not by its instant', () => {
    const older = instance('older', { buildVersion: 1, usedUnits: units(5000), modelCount: 50 });
    const newer = instance('newer', { buildVersion: 2, usedUnits: FULL, leastRecentUseMs: ago(10 * MINUTE_MS - 1) });
    assert.deepEqual(order(cluster(older, newer)), ['older', 'newer']);
    assert.deepEqual(order(cluster(older, { ...newer, leastRecentUseMs: ago(10 * MINUTE_MS) })), ['newer', 'older']);
  });

  it('saturation ends by the passing of time alone, and comes back when the clock is set back', () => {
    const older = instance('older', { buildVersion: 1 });
    const view = cluster(older, instance('newer', { buildVersion: 2, usedUnits: FULL, leastRecentUseMs: ago(0) }));
    assert.deepEqual(order(view), ['older', 'newer']);
    assert.deepEqual(order(view, epochMs(NOW_MS + 10 * MINUTE_MS - 1)), ['older', 'newer']);
    assert.deepEqual(order(view, epochMs(NOW_MS + 10 * MINUTE_MS)), ['newer', 'older']);
    assert.deepEqual(order(view), ['older', 'newer']);
  });

  it('each further criterion decides when those before are equal, and says so', () => {
    const plain = {
      leastRecentUseMs: ago(1000),
      modelCount: 3,
      usedUnits: units(3000),
      loadsInProgress: 2,
      requestsPerMinute: 5,
    };
    const full = { ...plain, usedUnits: FULL };
    const cases: readonly [string, Partial<InstanceRecord>, Partial<InstanceRecord>][] = [
      ['standing', plain, { ...plain, shuttingDown: true }],
      ['newer build', { ...plain, buildVersion: 1 }, plain],
      ['not saturated', plain, full],
      ['not full', plain, { ...full, leastRecentUseMs: ago(HOUR_MS) }],
      ['full, older last use', { ...full, leastRecentUseMs: ago(2000) }, full],
      ['fewer models', { ...plain, modelCount: 2, usedUnits: units(4000) }, plain],
      ['more room', { ...plain, usedUnits: units(2999), leastRecentUseMs: ago(500) }, plain],
      ['older last use', { ...plain, leastRecentUseMs: ago(2000), loadsInProgress: 4 }, plain],
      ['more free loading threads', { ...plain, loadingThreads: 4, loadsInProgress: 3 }, plain],
      ['fewer loads in progress', { ...plain, loadingThreads: 1, loadsInProgress: 1 }, plain],
      ['larger', { ...plain, capacityUnits: units(20_000), usedUnits: units(13_000) }, plain],
      ['less busy', { ...plain, requestsPerMinute: 4 }, plain],
    ];
    for (const [criterion, better, worse] of cases) {
      const view = cluster(instance('a', worse), instance('b', better));
      assert.deepEqual(order(view), ['b', 'a'], criterion);
      const [first, second] = view.ordered(now);
      assert.ok(first !== undefined && second !== undefined);
      assert.equal(decidingCriterion(first, second), criterion);
    }
  });

  it('§9.4, 6: instances that are equal in everything are all kept, in the order of their ids', () => {
    const view = cluster(...['c', 'a', 'b'].map((id) => instance(id, { leastRecentUseMs: ago(5), usedUnits: FULL })));
    assert.deepEqual(order(view), ['a', 'b', 'c']);
    view.remove(instanceId('a'));
    assert.deepEqual([view.stats().oldestUseMs, view.stats().instances], [ago(5), 2]);
  });
});

describe('§4.1: what is full', () => {
  it('less than one model of the default size, or than one for each loading thread up to a twentieth', () => {
    assert.equal(minSpaceUnits(units(10_000), 2, units(100)), 200);
    assert.equal(minSpaceUnits(units(10_000), 8, units(100)), 500);
    assert.equal(minSpaceUnits(units(1000), 8, units(100)), 100);
    assert.equal(minSpaceUnits(units(10_000), 0, units(100)), 100);
  });

  it('more in use than there is leaves no room, not a negative one, and adds nothing to the free', () => {
    const view = cluster(instance('a', { usedUnits: units(10_500) }), instance('b', { usedUnits: units(9000) }));
    assert.equal(view.get(instanceId('a'))?.remainingUnits, 0);
    assert.equal(view.stats().freeUnits, 1000);
  });
});

describe('who is a candidate', () => {
  it('an instance that shuts down or cannot be reached is in no sum and behind all others', () => {
    const view = cluster(instance('a', { shuttingDown: true }), instance('b'), instance('c', { modelCount: 9 }));
    assert.equal(view.suspect(instanceId('b')), true);
    assert.deepEqual(
      view.ordered(now).map(({ id, standing }) => `${id} ${standing}`),
      ['c candidate', 'b unreachable', 'a leaving'],
    );
    assert.deepEqual([view.stats().instances, view.stats().copies, view.size], [1, 9, 3]);
    assert.equal(view.trust(instanceId('b')), true);
    assert.deepEqual(order(view), ['b', 'c', 'a']);
  });

  it('what an instance publishes does not make it reachable; that it was gone and came back does, or lives again', () => {
    const view = cluster(instance('a'));
    view.suspect(instanceId('a'));
    view.put(instance('a', { modelCount: 1 }));
    assert.equal(view.get(instanceId('a'))?.standing, 'unreachable');
    view.remove(instanceId('a'));
    view.put(instance('a'));
    assert.equal(view.get(instanceId('a'))?.standing, 'candidate');
    for (const life of [{ incarnation: 'two' }, { startedAtMs: epochMs(7) }]) {
      view.suspect(instanceId('a'));
      view.put(instance('a', life));
      assert.equal(view.get(instanceId('a'))?.standing, 'candidate', JSON.stringify(life));
    }
  });

  it('suspicion and trust of the unknown change nothing', () => {
    const view = cluster(instance('a'));
    assert.deepEqual(
      [view.suspect(instanceId('x')), view.trust(instanceId('a')), view.remove(instanceId('x'))],
      [false, false, false],
    );
    assert.equal(view.isBefore(instanceId('a'), instanceId('x'), now), true);
    assert.equal(view.isBefore(instanceId('x'), instanceId('a'), now), false);
  });
});

describe('§6.1: sums of each set of prohibited types', () => {
  it('a type counts the instances that it may use; one that is not listed follows _default', () => {
    const gpu = instance('gpu', { labels: new Set(['gpu']), modelCount: 1 });
    const view = cluster(gpu, instance('plain', { modelCount: 2 }), instance('other', { modelCount: 4 }));
    view.configure({ constraints: new TypeConstraints([['vision', rule(['gpu'])]]) });
    assert.deepEqual([view.statsFor('vision').copies, view.statsFor('text').copies], [1, 7]);
    assert.deepEqual(
      view.partitions().map(({ prohibited, stats }) => [prohibited, stats.instances]),
      [
        [[], 1],
        [['vision'], 2],
      ],
    );
    view.configure({
      constraints: new TypeConstraints([
        ['_default', rule(['gpu'])],
        ['free', rule([])],
      ]),
    });
    assert.deepEqual([view.statsFor('text').copies, view.statsFor('free').copies], [1, 7]);
  });
});

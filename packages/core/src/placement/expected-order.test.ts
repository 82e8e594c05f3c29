import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterView, compareDesirability } from '../cluster/index.ts';
import { CLUSTER_CONFIG, instance, NOW_MS, units } from '../cluster/testing/index.ts';
import { epochMs } from '../index.ts';
import { SeededRandom } from '../testing/index.ts';
import { RESERVATION_MS, Reservations } from './index.ts';

test('the order that is kept from one decision to the next is the one that sorting gives, whatever comes, goes, is reserved and shows', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    const below = (bound: number): number => Math.floor(random.unit() * bound);
    const cluster = new ClusterView(CLUSTER_CONFIG);
    const reservations = new Reservations();
    const record = () =>
      instance(`i${below(12)}`, { capacityUnits: units(100_000), usedUnits: units(below(90_000)), modelCount: below(50) });
    for (let step = 0, nowMs = NOW_MS; step < 300; step++, nowMs += below(RESERVATION_MS / 3)) {
      const one = record();
      const act = below(10);
      if (act < 4) cluster.put(one);
      else if (act < 5) cluster.remove(one.id);
      else if (cluster.get(one.id) !== undefined)
        reservations.reserve(cluster.get(one.id)?.record ?? one, units(below(5000)), epochMs(nowMs));
      const expected = cluster
        .ordered(epochMs(nowMs))
        .map((seen) => reservations.applied(cluster, seen, epochMs(nowMs)) ?? seen)
        .toSorted(compareDesirability);
      assert.deepEqual(reservations.ordered(cluster, epochMs(nowMs)), expected, `seed ${seed}, step ${step}`);
    }
  }
});

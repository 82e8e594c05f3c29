import type { NodeLife } from '../cluster/index.ts';
import type { Checker } from './checker.ts';

/** Measured excess has so long to go: a grace of drains, a retried unload, a period of measuring. */
const EXCESS_MAX_MS = 40_000;
const EVERY_EVENTS = 7;
const MIB = 1024 * 1024;

/** A runtime that predicts and measures what is true gives no reason for excess, ever. */
const isHonest = ({ spec: { runtime } }: NodeLife): boolean =>
  runtime.predicts === 1 && runtime.says === 1 && runtime.leakKiB === 0;

/** Booked memory and capacity. */
export const bookedWithinCapacity: Checker = {
  name: 'booked-within-capacity',
  sentence: 'booked bytes never exceed capacity; measured excess is gone within the unload limit',
  begin: (cluster) => {
    const { world } = cluster;
    const excessSince = new Map<NodeLife, number>();
    const look = (life: NodeLife): void => {
      const bookedMiB = (life.running?.figures().bookedBytes ?? 0) / MIB;
      const { capacityMiB } = life.spec.runtime;
      if (bookedMiB <= capacityMiB || life.runtime.moods.disturbUnloads) {
        excessSince.delete(life);
        return;
      }
      if (isHonest(life)) world.violate('booked-within-capacity', `${life.actor.name} books ${bookedMiB} of ${capacityMiB} MiB`);
      const since = excessSince.get(life) ?? world.nowMs;
      excessSince.set(life, since);
      if (world.nowMs - since > EXCESS_MAX_MS)
        world.violate('booked-within-capacity', `${life.actor.name} has booked ${bookedMiB} of ${capacityMiB} MiB for too long`);
    };
    // Loads and unloads are what changes the books; what else does is seen a few events later.
    let events = 0;
    let hasMoved = false;
    const moved = (): void => {
      hasMoved = true;
    };
    return {
      loadBegan: moved,
      loadEnded: moved,
      unloadBegan: moved,
      afterEvent: (actor) => {
        events += 1;
        if (!hasMoved && events % EVERY_EVENTS !== 0) return;
        for (const life of cluster.serving()) if (hasMoved || life.actor === actor) look(life);
        hasMoved = false;
      },
    };
  },
};

/**
 * Instances that joined a cluster which is in use, and have less than their share of it (`field.md` §4.9, item 11): from joining until they
 * have it. Once each time it joins: one that had its share and lost it is filled by calls like any other, so that nothing goes to and fro.
 */

import { type DurationMs, durationMs, type InstanceId, type MonotonicMs, type SizeUnits, sizeUnits } from '../units.ts';
import { type FillNode, ROOM_LEFT_SHARE } from './fill-node.ts';

/** Below this part of its fair share an instance that joined is fresh. */
export const FRESH_BELOW_SHARE = 0.5;
/** Where a fair share is less than this part of an instance there is hardly anything to share, and a call is answered sooner by what is there. */
export const FRESH_SHARE_MIN = 0.05;
/** For so long after it joined an instance may be fresh. */
export const FRESH_MS_MAX: DurationMs = durationMs(300_000);

interface Joined {
  readonly atMs: MonotonicMs;
  /** What it is to have in the end, fixed when it was found fresh: what is copied to it must not raise it. Null: it was not, so far. */
  readonly targetUnits: SizeUnits | null;
  readonly isDone: boolean;
}

/** The fair share of an instance: that part of all that is used which its capacity is of all capacity, and never its last eighth. */
export function fairShareUnits(node: FillNode, nodes: readonly FillNode[]): SizeUnits {
  const used = nodes.reduce((sum, one) => sum + one.usedUnits, 0);
  const capacity = nodes.reduce((sum, one) => sum + one.capacityUnits, 0);
  if (capacity === 0) return sizeUnits(0);
  return sizeUnits(Math.floor(Math.min((used * node.capacityUnits) / capacity, node.capacityUnits * (1 - ROOM_LEFT_SHARE))));
}

/**
 * Folded from what is seen of the instances; bounded by their number. For one that looks for the first time all of them have just joined: it
 * has nothing to give itself then, unless they really came together, and among those each takes its share.
 */
export class FreshNodes {
  readonly #nodes = new Map<InstanceId, Joined>();

  /** Takes the instances as they are; those that are gone are forgotten, and join when they come back. */
  observe(nodes: readonly FillNode[], now: MonotonicMs): void {
    const ids = new Set(nodes.map(({ id }) => id));
    for (const id of this.#nodes.keys()) if (!ids.has(id)) this.#nodes.delete(id);
    for (const node of nodes) {
      const known = this.#nodes.get(node.id) ?? { atMs: now, targetUnits: null, isDone: false };
      this.#nodes.set(node.id, known.isDone ? known : next(known, node, nodes, now));
    }
  }

  /** What each fresh instance still wants. */
  wanted(nodes: readonly FillNode[]): ReadonlyMap<InstanceId, SizeUnits> {
    const wanted = new Map<InstanceId, SizeUnits>();
    for (const { id, usedUnits } of nodes) {
      const joined = this.#nodes.get(id);
      if (joined === undefined || joined.isDone || joined.targetUnits === null) continue;
      if (usedUnits < joined.targetUnits) wanted.set(id, sizeUnits(joined.targetUnits - usedUnits));
    }
    return wanted;
  }

  /**
   * The part of what fresh instances want that is one instance's to give, in whole typical models: as its excess over its fair share is of
   * all excess. What the division leaves goes to the greatest remainders, so that with equal views exactly what is wanted is given.
   */
  spreadUnits(self: InstanceId, nodes: readonly FillNode[], typical: SizeUnits): SizeUnits {
    const wanted = this.wanted(nodes);
    const total = [...wanted.values()].reduce((sum, units) => sum + units, 0);
    const givers = nodes
      .filter(({ id }) => !wanted.has(id))
      .map((node) => ({ id: node.id, excess: Math.max(0, node.usedUnits - fairShareUnits(node, nodes)) }));
    const excess = givers.reduce((sum, giver) => sum + giver.excess, 0);
    if (total === 0 || excess === 0) return sizeUnits(0);
    const models = Math.ceil(total / Math.max(1, typical));
    const shares = givers.map((giver) => ({ ...giver, share: (models * giver.excess) / excess }));
    const whole = shares.reduce((sum, { share }) => sum + Math.floor(share), 0);
    const byRemainder = shares.toSorted((a, b) => (b.share % 1) - (a.share % 1) || (a.id < b.id ? -1 : 1));
    const rank = byRemainder.findIndex(({ id }) => id === self);
    const own = byRemainder[rank];
    if (own === undefined || own.excess === 0) return sizeUnits(0);
    return sizeUnits((Math.floor(own.share) + (rank < models - whole ? 1 : 0)) * typical);
  }
}

function next(known: Joined, node: FillNode, nodes: readonly FillNode[], now: MonotonicMs): Joined {
  if (now - known.atMs >= FRESH_MS_MAX) return { ...known, isDone: true };
  if (known.targetUnits !== null) return node.usedUnits >= known.targetUnits ? { ...known, isDone: true } : known;
  const fair = fairShareUnits(node, nodes);
  const isFresh = fair >= node.capacityUnits * FRESH_SHARE_MIN && node.usedUnits < fair * FRESH_BELOW_SHARE;
  return isFresh ? { ...known, targetUnits: fair } : known;
}

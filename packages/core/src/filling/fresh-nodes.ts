/**
 * Instances that came to a cluster which is in use, and have less than their share of it (`field.md` §4.9, item 11): from joining until
 * they have it. An instance that had its share and lost it is not fresh again before a while, so that nothing goes to and fro.
 */

import { type DurationMs, durationMs, type InstanceId, type MonotonicMs, type SizeUnits, sizeUnits } from '../units.ts';
import { type FillNode, ROOM_LEFT_SHARE } from './fill-node.ts';

/** Below this part of its fair share an instance is fresh. */
export const FRESH_BELOW_SHARE = 0.5;
/** One that does not get its share within this time is left as it is. */
export const FRESH_MS_MAX: DurationMs = durationMs(300_000);
/** After that, or after it has its share, it is not fresh again for so long. */
export const FRESH_REST_MS: DurationMs = durationMs(600_000);

interface Fresh {
  readonly sinceMs: MonotonicMs;
  /** What it is to have in the end, fixed when it came: what is copied to it must not raise it. */
  readonly targetUnits: SizeUnits;
  /** When it ceased to be fresh; null: it is. */
  readonly doneMs: MonotonicMs | null;
}

/** The fair share of an instance: that part of all that is used which its capacity is of all capacity, and never its last eighth. */
export function fairShareUnits(node: FillNode, nodes: readonly FillNode[]): SizeUnits {
  const used = nodes.reduce((sum, one) => sum + one.usedUnits, 0);
  const capacity = nodes.reduce((sum, one) => sum + one.capacityUnits, 0);
  if (capacity === 0) return sizeUnits(0);
  return sizeUnits(Math.floor(Math.min((used * node.capacityUnits) / capacity, node.capacityUnits * (1 - ROOM_LEFT_SHARE))));
}

/** Folded from what is seen of the instances; bounded by their number. */
export class FreshNodes {
  readonly #nodes = new Map<InstanceId, Fresh>();

  /** Takes the instances as they are; those that are gone are forgotten. With one instance there is nothing to share. */
  observe(nodes: readonly FillNode[], now: MonotonicMs): void {
    const ids = new Set(nodes.map(({ id }) => id));
    for (const id of this.#nodes.keys()) if (!ids.has(id)) this.#nodes.delete(id);
    for (const node of nodes) this.#observeOne(node, nodes, now);
  }

  /** What each fresh instance still wants. */
  wanted(nodes: readonly FillNode[]): ReadonlyMap<InstanceId, SizeUnits> {
    const wanted = new Map<InstanceId, SizeUnits>();
    for (const { id, usedUnits } of nodes) {
      const fresh = this.#nodes.get(id);
      if (fresh?.doneMs === null && usedUnits < fresh.targetUnits) wanted.set(id, sizeUnits(fresh.targetUnits - usedUnits));
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

  #observeOne(node: FillNode, nodes: readonly FillNode[], now: MonotonicMs): void {
    const known = this.#nodes.get(node.id);
    const fair = fairShareUnits(node, nodes);
    if (known === undefined || (known.doneMs !== null && now - known.doneMs >= FRESH_REST_MS)) {
      const isFresh = nodes.length > 1 && node.usedUnits < fair * FRESH_BELOW_SHARE;
      if (isFresh) this.#nodes.set(node.id, { sinceMs: now, targetUnits: fair, doneMs: null });
      else this.#nodes.delete(node.id);
      return;
    }
    if (known.doneMs !== null) return;
    if (node.usedUnits >= known.targetUnits || now - known.sinceMs >= FRESH_MS_MAX)
      this.#nodes.set(node.id, { ...known, doneMs: now });
  }
}

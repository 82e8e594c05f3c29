import { type ClusterInstance, compareDesirability, SortedList } from '../cluster/index.ts';
import type { InstanceId } from '../units.ts';

/** An instance as it is seen, and as it is expected to be. */
interface Entry {
  readonly seen: ClusterInstance;
  readonly expected: ClusterInstance;
}

/**
 * The instances as they are expected to be, the most wanted first. Kept from one decision to the next, since between two of them a record or a
 * reservation changes and not all: each costs O(log n) comparisons, where sorting all of them was half of what a decision took.
 */
export class ExpectedOrder {
  readonly #list = new SortedList<ClusterInstance>(compareDesirability);
  readonly #entries = new Map<InstanceId, Entry>();
  #instances: readonly ClusterInstance[] = [];
  #ordered: readonly ClusterInstance[] | undefined;

  /**
   * @param instances as they are seen: the same list as long as none of them changes
   * @param touched those of which something else may be expected than last time, seen otherwise or not
   */
  of(
    instances: readonly ClusterInstance[],
    touched: Iterable<InstanceId>,
    expect: (seen: ClusterInstance) => ClusterInstance,
  ): readonly ClusterInstance[] {
    if (instances !== this.#instances) {
      for (const seen of instances) if (this.#entries.get(seen.id)?.seen !== seen) this.#put(seen, expect(seen));
      if (this.#entries.size > instances.length) this.#dropGone(instances);
      this.#instances = instances;
    }
    for (const id of touched) {
      const seen = this.#entries.get(id)?.seen;
      if (seen !== undefined) this.#put(seen, expect(seen));
    }
    this.#ordered ??= this.#list.toArray();
    return this.#ordered;
  }

  #put(seen: ClusterInstance, expected: ClusterInstance): void {
    const known = this.#entries.get(seen.id);
    this.#entries.set(seen.id, { seen, expected });
    if (known?.expected === expected) return;
    if (known !== undefined) this.#list.delete(known.expected);
    this.#list.add(expected);
    this.#ordered = undefined;
  }

  #dropGone(instances: readonly ClusterInstance[]): void {
    const there = new Set(instances.map(({ id }) => id));
    for (const [id, { expected }] of this.#entries) {
      if (there.has(id)) continue;
      this.#entries.delete(id);
      this.#list.delete(expected);
    }
    this.#ordered = undefined;
  }
}

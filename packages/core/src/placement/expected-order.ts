import { type ClusterInstance, compareDesirability, SortedList } from '../cluster/index.ts';
import type { InstanceId } from '../units.ts';

/** An instance as it is expected to be, and the last look in which it was there. */
interface Entry {
  readonly expected: ClusterInstance;
  look: number;
}

/**
 * The instances as they are expected to be, the most wanted first. Kept from one decision to the next, since between two of them a record or a
 * reservation changes and not all: each costs O(log n) comparisons, where sorting all of them was half of what a decision took.
 */
export class ExpectedOrder {
  readonly #list = new SortedList<ClusterInstance>(compareDesirability);
  readonly #entries = new Map<InstanceId, Entry>();
  #ordered: readonly ClusterInstance[] | undefined;
  #look = 0;

  /** `instances`: those that are there; `expect`: what each is expected to be, one and the same value while that does not change. */
  of(instances: readonly ClusterInstance[], expect: (instance: ClusterInstance) => ClusterInstance): readonly ClusterInstance[] {
    this.#look += 1;
    for (const seen of instances) {
      const expected = expect(seen);
      const known = this.#entries.get(seen.id);
      if (known?.expected === expected) {
        known.look = this.#look;
        continue;
      }
      if (known !== undefined) this.#list.delete(known.expected);
      this.#list.add(expected);
      this.#entries.set(seen.id, { expected, look: this.#look });
      this.#ordered = undefined;
    }
    if (this.#entries.size > instances.length) this.#dropGone();
    this.#ordered ??= this.#list.toArray();
    return this.#ordered;
  }

  #dropGone(): void {
    for (const [id, { expected, look }] of this.#entries) {
      if (look === this.#look) continue;
      this.#entries.delete(id);
      this.#list.delete(expected);
    }
    this.#ordered = undefined;
  }
}

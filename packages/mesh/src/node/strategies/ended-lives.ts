import type { InstanceId } from '@modelmesh/core';
import type { ArmFigures, EndpointFigures, FiguresRecord, PolicyRecord } from '@modelmesh/core/records';

/** What a policy is known by among the figures: those of another one of the same endpoint say nothing of it. */
export const keyOfPolicy = ({ namespace, id, revision, createdAtMs }: PolicyRecord): string =>
  `${namespace}\0${id}\0${revision}\0${createdAtMs}`;

/** As {@link keyOfPolicy}, of the policy that was counted under. */
export const keyOfFigures = ({ namespace, id, revision, policyAtMs }: EndpointFigures): string =>
  `${namespace}\0${id}\0${revision}\0${policyAtMs}`;

/** Remembers what instances had counted when they went, or began another life, until it stands among the weights. */
export class EndedLives {
  #living: ReadonlyMap<InstanceId, FiguresRecord> = new Map();
  readonly #ended = new Map<string, (readonly ArmFigures[])[]>();

  /** Looks at what is published now. */
  look(records: Iterable<FiguresRecord>): void {
    const living = new Map([...records].map((record) => [record.instance, record]));
    for (const [instance, before] of this.#living) {
      if (living.get(instance)?.incarnation === before.incarnation) continue;
      for (const figures of before.endpoints) {
        const key = keyOfFigures(figures);
        this.#ended.set(key, [...(this.#ended.get(key) ?? []), figures.arms]);
      }
    }
    this.#living = living;
  }

  /** What lives that are over had counted under a policy. */
  of(policy: PolicyRecord): readonly (readonly ArmFigures[])[] {
    return this.#ended.get(keyOfPolicy(policy)) ?? [];
  }

  /** It stands among the weights. */
  kept(policy: PolicyRecord): void {
    this.#ended.delete(keyOfPolicy(policy));
  }

  /** What belongs to other policies than these, which are in force, is forgotten. */
  prune(inForce: readonly PolicyRecord[]): void {
    const known = new Set(inForce.map(keyOfPolicy));
    for (const key of this.#ended.keys()) if (!known.has(key)) this.#ended.delete(key);
  }
}

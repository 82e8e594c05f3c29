import type { InstanceId } from '@modelmesh/core';
import type { ArmFigures, FiguresRecord } from '@modelmesh/core/records';

const keyOf = (namespace: string, id: string, revision: number): string => `${namespace}\0${id}\0${revision}`;

/** Remembers what instances had counted when they went, or began another life, until it stands among the weights. */
export class EndedLives {
  #living: ReadonlyMap<InstanceId, FiguresRecord> = new Map();
  readonly #ended = new Map<string, (readonly ArmFigures[])[]>();

  /** Looks at what is published now. */
  look(records: Iterable<FiguresRecord>): void {
    const living = new Map([...records].map((record) => [record.instance, record]));
    for (const [instance, before] of this.#living) {
      if (living.get(instance)?.incarnation === before.incarnation) continue;
      for (const { namespace, id, revision, arms } of before.endpoints) {
        const key = keyOf(namespace, id, revision);
        this.#ended.set(key, [...(this.#ended.get(key) ?? []), arms]);
      }
    }
    this.#living = living;
  }

  /** What lives that are over had counted for an endpoint under a policy. */
  of(namespace: string, id: string, revision: number): readonly (readonly ArmFigures[])[] {
    return this.#ended.get(keyOf(namespace, id, revision)) ?? [];
  }

  /** It stands among the weights. */
  kept(namespace: string, id: string, revision: number): void {
    this.#ended.delete(keyOf(namespace, id, revision));
  }

  /** What belongs to policies that are not in force any more is forgotten. */
  prune(isInForce: (namespace: string, id: string, revision: number) => boolean): void {
    for (const key of this.#ended.keys()) {
      const [namespace = '', id = '', revision = ''] = key.split('\0');
      if (!isInForce(namespace, id, Number(revision))) this.#ended.delete(key);
    }
  }
}

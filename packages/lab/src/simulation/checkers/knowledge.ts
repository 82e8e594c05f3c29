import type { ModelRecord, PolicyRecord, RegistryRecord } from '@modelmesh/core/records';
import type { KvEvent } from '@modelmesh/mesh/kv';
import { decodeRecord, parseRecordKey } from '@modelmesh/wire/registry';
import type { Cluster } from '../cluster/index.ts';

/** What somebody knows of a model, and since when. `record`: `null` once it was deleted. */
export interface KnownModel {
  readonly record: ModelRecord | null;
  readonly sinceMs: number;
}

/** What somebody knows of an instance: there, or gone. */
export interface KnownInstance {
  readonly isThere: boolean;
  readonly sinceMs: number;
}

/** One picture of the registry. */
export class Picture {
  readonly models = new Map<string, KnownModel>();
  readonly instances = new Map<string, KnownInstance>();
  /** The policies in force of endpoints. */
  readonly policies = new Map<string, PolicyRecord>();

  fold(cluster: Cluster, event: KvEvent): void {
    const key = parseRecordKey(cluster.registry.layout, event.kind === 'put' ? event.entry.key : event.key);
    if (key === undefined) return;
    const record: RegistryRecord | null = event.kind === 'put' ? decodeRecord(key, event.entry.value) : null;
    const sinceMs = cluster.world.nowMs;
    if (key.kind === 'model') this.models.set(key.key, { record: record as ModelRecord | null, sinceMs });
    if (key.kind === 'policy') {
      if (record === null) this.policies.delete(key.id);
      else this.policies.set(key.id, record as PolicyRecord);
    }
    if (key.kind === 'instance') this.instances.set(key.id, { isThere: record !== null, sinceMs });
  }

  /** The model as it is registered; `undefined` when it is not. */
  registered(model: string): ModelRecord | undefined {
    return this.models.get(model)?.record ?? undefined;
  }
}

const NOTHING = new Picture();

/** What stands in the registry, and what each life of a node was told of it. */
export class Knowledge {
  /** The registry itself. */
  readonly truth = new Picture();
  readonly #told = new Map<string, Picture>();

  constructor(cluster: Cluster) {
    cluster.registry.onWrite((at, event) => {
      const key = event.kind === 'put' ? event.entry.key : event.key;
      const value = event.kind === 'put' ? event.entry.value : '';
      cluster.world.trace.add(cluster.world.nowMs, 'registry', `${at} ${event.kind} ${key} ${value}`);
      this.truth.fold(cluster, event);
    });
    cluster.registry.onWatching(({ actor }) => void this.#told.delete(actor.name));
    cluster.registry.onDelivered(({ actor }, { events }) => {
      let picture = this.#told.get(actor.name);
      if (picture === undefined) {
        picture = new Picture();
        this.#told.set(actor.name, picture);
      }
      for (const event of events) picture.fold(cluster, event);
    });
  }

  /** What the life of that name was told by its watches; what it listed at its start is not in it. */
  toldTo(life: string): Picture {
    return this.#told.get(life) ?? NOTHING;
  }
}

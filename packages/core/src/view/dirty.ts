import type { RecordKey } from '../records/index.ts';
import type { EndpointId, InstanceId, ModelKey, Namespace } from '../units.ts';

/** A name within a namespace. */
export interface Scoped<Name> {
  readonly namespace: Namespace;
  readonly name: Name;
}

/**
 * What a batch of events changed: what a route table must look at again, each name once.
 *
 * An endpoint is named when its record or policy changed, or when a model that it refers to appeared or vanished; a family when another
 * version answers for it.
 */
export interface Dirty {
  readonly models: readonly Scoped<ModelKey>[];
  readonly endpoints: readonly Scoped<EndpointId>[];
  readonly families: readonly Scoped<string>[];
  readonly instances: readonly InstanceId[];
  /** Instances that have come further with policies, or say nothing of it any more. */
  readonly policyAcks: readonly InstanceId[];
}

/** Whether nothing changed. */
export const isClean = (dirty: Dirty): boolean =>
  dirty.models.length + dirty.endpoints.length + dirty.families.length + dirty.instances.length + dirty.policyAcks.length === 0;

/** A record's key as one string, for maps. */
export function keyText(key: RecordKey): string {
  switch (key.kind) {
    case 'instance':
    case 'figures':
    case 'policy-ack':
      return `${key.kind}\0${key.id}`;
    case 'model':
      return `model\0${key.namespace}\0${key.key}`;
    case 'policy-revision':
      return `policy-revision\0${key.namespace}\0${key.id}\0${key.revision}`;
    case 'endpoint':
    case 'policy':
    case 'weights':
      return `${key.kind}\0${key.namespace}\0${key.id}`;
  }
}

/** Gathers what changed while a batch is folded in. */
export class DirtyMarks {
  readonly #models = new Map<string, Scoped<ModelKey>>();
  readonly #endpoints = new Map<string, Scoped<EndpointId>>();
  readonly #families = new Map<string, Scoped<string>>();
  readonly #instances = new Set<InstanceId>();
  readonly #policyAcks = new Set<InstanceId>();

  model(namespace: Namespace, name: ModelKey): void {
    this.#models.set(`${namespace}\0${name}`, { namespace, name });
  }

  endpoint(namespace: Namespace, name: EndpointId): void {
    this.#endpoints.set(`${namespace}\0${name}`, { namespace, name });
  }

  family(namespace: Namespace, name: string): void {
    this.#families.set(`${namespace}\0${name}`, { namespace, name });
  }

  instance(id: InstanceId): void {
    this.#instances.add(id);
  }

  policyAck(id: InstanceId): void {
    this.#policyAcks.add(id);
  }

  /** Everything marked so far. */
  take(): Dirty {
    return {
      models: [...this.#models.values()],
      endpoints: [...this.#endpoints.values()],
      families: [...this.#families.values()],
      instances: [...this.#instances],
      policyAcks: [...this.#policyAcks],
    };
  }
}

import { DEFAULT_NAMESPACE, type EndpointId, type InstanceId, type ModelKey, type Namespace } from '@modelmesh/core';
import type { NameIndex } from '@modelmesh/core/identity';
import type { EndpointPolicy } from '@modelmesh/core/records';
import { CompiledPolicy, noExpressions, type PolicyExpressions } from '@modelmesh/core/traffic';
import type { EndpointRoute, ModelRoute, PeerRoute, ToDataPlane } from '../../link/index.ts';

type Snapshot = Extract<ToDataPlane, { kind: 'route-snapshot' }>;
type Delta = Extract<ToDataPlane, { kind: 'route-delta' }>;

/** What came of a message: in force, part of a snapshot that is still arriving, or unusable because something before it is missing. */
export type Applied = 'in-force' | 'partial' | 'gap';

/**
 * The names that calls may use, and where each leads: control's decisions, as data.
 *
 * A snapshot that arrives in chunks replaces the table at its last chunk, never piecemeal; a delta that does not follow the version in
 * force, or speaks of another epoch, is a gap and the table stays as it was.
 */
export class RouteTable implements NameIndex {
  #models = new Map<string, ModelRoute>();
  #endpoints = new Map<string, EndpointRoute>();
  readonly #expressionsOf: (policy: EndpointPolicy) => PolicyExpressions;
  #families = new Map<string, ModelKey>();
  #peers = new Map<InstanceId, PeerRoute>();
  #epoch = -1;
  #version = -1;
  #arriving: { readonly epoch: number; readonly version: number; readonly chunks: Snapshot[] } | undefined;

  /** @param expressionsOf compiles the expressions of a policy; control has compiled them before and found nothing wrong */
  constructor(expressionsOf: (policy: EndpointPolicy) => PolicyExpressions = noExpressions) {
    this.#expressionsOf = expressionsOf;
  }

  /** Epoch and version in force; −1 before the first snapshot. */
  get position(): { readonly epoch: number; readonly version: number } {
    return { epoch: this.#epoch, version: this.#version };
  }

  /** The model registered under `key`. */
  model(key: string): ModelRoute | undefined {
    return this.#models.get(key);
  }

  /** The endpoint of that id. */
  endpoint(id: string): EndpointRoute | undefined {
    return this.#endpoints.get(id);
  }

  /** Compiles the policy of an endpoint, to be kept by who asks for as long as the route is in force; `undefined`: it has none. */
  compiled({ policy }: EndpointRoute): CompiledPolicy | undefined {
    return policy === null ? undefined : new CompiledPolicy({ ...policy, expressions: this.#expressionsOf(policy.policy) });
  }

  /** Another instance that calls can be sent to. */
  peer(instance: InstanceId): PeerRoute | undefined {
    return this.#peers.get(instance);
  }

  /** All other instances that calls can be sent to. */
  peers(): ReadonlyMap<InstanceId, PeerRoute> {
    return this.#peers;
  }

  hasModel(namespace: Namespace, key: ModelKey): boolean {
    return namespace === DEFAULT_NAMESPACE && this.#models.has(key);
  }

  endpointModels(namespace: Namespace, id: EndpointId): { readonly active: ModelKey; readonly target: ModelKey } | undefined {
    const route = namespace === DEFAULT_NAMESPACE ? this.#endpoints.get(id) : undefined;
    return route === undefined ? undefined : { active: route.model, target: route.successor ?? this.#answering(route) };
  }

  /** The default variant's model, or where that is not registered the first one of a variant that is: the policy replaces who cannot be called. */
  #answering({ model, policy }: EndpointRoute): ModelKey {
    if (policy === null || this.#models.has(model)) return model;
    return policy.policy.variants.find((variant) => this.#models.has(variant.model))?.model ?? model;
  }

  newestOf(namespace: Namespace, family: string): ModelKey | undefined {
    return namespace === DEFAULT_NAMESPACE ? this.#families.get(family) : undefined;
  }

  /** All models, for listings. */
  models(): Iterable<ModelRoute> {
    return this.#models.values();
  }

  /** All endpoints, for listings. */
  endpoints(): Iterable<EndpointRoute> {
    return this.#endpoints.values();
  }

  /** Takes one chunk of a snapshot. */
  applySnapshot(chunk: Snapshot): Applied {
    let arriving = this.#arriving;
    if (arriving === undefined || arriving.epoch !== chunk.epoch || arriving.version !== chunk.version) {
      arriving = { epoch: chunk.epoch, version: chunk.version, chunks: [] };
      this.#arriving = arriving;
    }
    arriving.chunks.push(chunk);
    if (!chunk.last) return 'partial';

    const { chunks } = arriving;
    this.#arriving = undefined;
    this.#models = new Map(chunks.flatMap(({ parts }) => parts.models.map((route) => [route.key, route])));
    this.#endpoints = new Map(chunks.flatMap(({ parts }) => parts.endpoints.map((route) => [route.id, route])));
    this.#families = new Map(chunks.flatMap(({ parts }) => parts.families.map(({ family, newest }) => [family, newest])));
    this.#peers = new Map(chunks.flatMap(({ parts }) => parts.peers.map((route) => [route.instance, route])));
    this.#epoch = chunk.epoch;
    this.#version = chunk.version;
    return 'in-force';
  }

  /** Takes one step forward, whole. */
  applyDelta(delta: Delta): Applied {
    if (delta.epoch !== this.#epoch || delta.from !== this.#version) return 'gap';
    for (const key of delta.remove.models) this.#models.delete(key);
    for (const id of delta.remove.endpoints) this.#endpoints.delete(id);
    for (const family of delta.remove.families) this.#families.delete(family);
    for (const instance of delta.remove.peers) this.#peers.delete(instance);
    for (const route of delta.put.models) this.#models.set(route.key, route);
    for (const route of delta.put.endpoints) this.#endpoints.set(route.id, route);
    for (const { family, newest } of delta.put.families) this.#families.set(family, newest);
    for (const route of delta.put.peers) this.#peers.set(route.instance, route);
    this.#version = delta.to;
    return 'in-force';
  }
}

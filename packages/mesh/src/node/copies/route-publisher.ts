import {
  DEFAULT_NAMESPACE,
  type DurationMs,
  type EndpointId,
  type EpochMs,
  type InstanceId,
  type ModelKey,
} from '@modelmesh/core';
import type { Slot } from '@modelmesh/core/cache';
import { keptVersions, withDefaultModel } from '@modelmesh/core/endpoints';
import type { ModelRecord, SlotRun } from '@modelmesh/core/records';
import type { Dirty, RegistryView } from '@modelmesh/core/view';
import type { ControlEnd, EndpointRoute, FamilyRoute, ModelRoute, PeerRoute, RemoteCopy, RouteParts } from '../../link/index.ts';

/** Who knows where other instances are reached. */
export interface PeerSource {
  all(): readonly PeerRoute[];
  routeOf(instance: InstanceId): PeerRoute | undefined;
}

const NO_PEERS: PeerSource = { all: () => [], routeOf: () => undefined };
const NO_COPIES: readonly RemoteCopy[] = [];

/** Routes in one message of a snapshot, so that applying it never holds up a worker for long. */
const SNAPSHOT_CHUNK_ROUTES = 2000;

/**
 * Tells the data plane where names lead: a snapshot when it asks, then what changed.
 *
 * Changes of one turn go out together at its end; a caller that has to be sure calls {@link flush}.
 */
export class RoutePublisher {
  readonly #link: ControlEnd;
  readonly #view: RegistryView;
  readonly #epoch: number;
  readonly #self: InstanceId;
  readonly #serving = new Map<ModelKey, Slot & { readonly concurrency: number | null }>();
  readonly #models = new Set<ModelKey>();
  readonly #endpoints = new Set<EndpointId>();
  /** Versions that endpoints keep that do not keep all, as they were told last. */
  readonly #kept = new Map<EndpointId, readonly string[]>();
  readonly #families = new Set<string>();
  readonly #peers = new Set<InstanceId>();
  #version = 0;
  #scheduled = false;
  #started = false;
  /** Where other instances are reached; none as long as nobody says. */
  peers: PeerSource = NO_PEERS;
  /** How long loads of a type take. */
  settledAfterMs: (type: string) => DurationMs | undefined = () => undefined;
  /** Until when a model counts as one that cannot be loaded; `null`: it does not. */
  failingUntilMs: (record: ModelRecord) => EpochMs | null = () => null;

  /** @param epoch differs between the lives of control, so that a delta of another life is never applied */
  constructor(link: ControlEnd, view: RegistryView, epoch: number, self: InstanceId) {
    this.#link = link;
    this.#view = view;
    this.#epoch = epoch;
    this.#self = self;
  }

  /** A copy may be called. */
  serving(model: ModelKey, slot: Slot, concurrency: number | null): void {
    this.#serving.set(model, { ...slot, concurrency });
    this.#mark(model);
  }

  /** It may not any more. */
  notServing(model: ModelKey, slot: Slot): void {
    const current = this.#serving.get(model);
    if (current?.index !== slot.index || current.generation !== slot.generation) return;
    this.#serving.delete(model);
    this.#mark(model);
  }

  /** The slot of the copy that may be called. */
  slotOf(model: ModelKey): Slot | undefined {
    return this.#serving.get(model);
  }

  /** The registry changed. Other namespaces have no routes yet. */
  dirty(dirty: Dirty): void {
    for (const { namespace, name } of dirty.models) if (namespace === DEFAULT_NAMESPACE) this.#models.add(name);
    for (const { namespace, name } of dirty.endpoints) if (namespace === DEFAULT_NAMESPACE) this.#endpoints.add(name);
    for (const { namespace, name } of dirty.families) if (namespace === DEFAULT_NAMESPACE) this.#families.add(name);
    if (dirty.models.length > 0) this.#versionsChanged();
    this.#schedule();
  }

  /** An instance can be reached otherwise than before, or not any more. */
  peerChanged(instance: InstanceId): void {
    this.#peers.add(instance);
    this.#schedule();
  }

  /** Sends the whole table, in chunks. */
  snapshot(): void {
    // Others than who asks for it follow by what changed.
    this.flush();
    this.#started = true;
    this.#models.clear();
    this.#endpoints.clear();
    this.#families.clear();
    this.#peers.clear();
    const models = [...this.#view.models(DEFAULT_NAMESPACE)].map(({ record }) => record.key);
    const families = new Set([...this.#view.models(DEFAULT_NAMESPACE)].flatMap(({ record }) => record.family ?? []));
    const endpoints = [...this.#view.endpoints(DEFAULT_NAMESPACE)].map(({ record }) => record.id);
    const send = (parts: RouteParts, last: boolean): void =>
      this.#link.send({ kind: 'route-snapshot', epoch: this.#epoch, version: this.#version, last, parts });
    for (let at = 0; at < models.length; at += SNAPSHOT_CHUNK_ROUTES) {
      const keys = models.slice(at, at + SNAPSHOT_CHUNK_ROUTES);
      send({ models: keys.flatMap((key) => this.#modelRoute(key) ?? []), endpoints: [], families: [], peers: [] }, false);
    }
    send(
      {
        models: [],
        endpoints: endpoints.flatMap((id) => this.#endpointRoute(id) ?? []),
        families: [...families].flatMap((family) => this.#familyRoute(family) ?? []),
        peers: this.peers.all(),
      },
      true,
    );
  }

  /** The version of the table as it was sent last. */
  get version(): number {
    return this.#version;
  }

  /** Sends what is marked, now. */
  flush(): void {
    this.#scheduled = false;
    if (!this.#started || this.#models.size + this.#endpoints.size + this.#families.size + this.#peers.size === 0) return;
    const put = {
      models: [] as ModelRoute[],
      endpoints: [] as EndpointRoute[],
      families: [] as FamilyRoute[],
      peers: [] as PeerRoute[],
    };
    const remove = {
      models: [] as ModelKey[],
      endpoints: [] as EndpointId[],
      families: [] as string[],
      peers: [] as InstanceId[],
    };
    sort(this.#models, (key) => this.#modelRoute(key), put.models, remove.models);
    sort(this.#endpoints, (id) => this.#endpointRoute(id), put.endpoints, remove.endpoints);
    sort(this.#families, (family) => this.#familyRoute(family), put.families, remove.families);
    sort(this.#peers, (instance) => this.peers.routeOf(instance), put.peers, remove.peers);
    const from = this.#version;
    this.#version += 1;
    this.#link.send({ kind: 'route-delta', epoch: this.#epoch, from, to: this.#version, put, remove });
  }

  #mark(model: ModelKey): void {
    this.#models.add(model);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      if (this.#scheduled) this.flush();
    });
  }

  #modelRoute(key: ModelKey): ModelRoute | undefined {
    const record = this.#view.model(DEFAULT_NAMESPACE, key)?.record;
    if (record === undefined) return undefined;
    const { family, version, retry } = record;
    const failingUntilMs = record.failures.size === 0 ? null : this.failingUntilMs(record);
    return {
      key,
      family: family ?? null,
      version: version ?? null,
      retry,
      ...this.#local(key),
      ...this.#elsewhere(record),
      ...(failingUntilMs === null ? {} : { failingUntilMs }),
    };
  }

  #local(key: ModelKey): Pick<ModelRoute, 'local' | 'concurrency'> {
    const serving = this.#serving.get(key);
    if (serving === undefined) return { local: null };
    const { index, generation, concurrency } = serving;
    const local = { index, generation };
    return concurrency === null ? { local } : { local, concurrency };
  }

  #elsewhere(record: ModelRecord): Pick<ModelRoute, 'remote' | 'settledAfterMs'> {
    const remote = this.#remote(record);
    const settledAfterMs = remote.length === 0 ? undefined : this.settledAfterMs(record.type);
    return settledAfterMs === undefined ? { remote } : { remote, settledAfterMs };
  }

  /** Whether they can be called is looked up with each call, so that an instance that comes or goes changes no route. */
  #remote(record: ModelRecord): readonly RemoteCopy[] {
    const { copies } = record;
    if (copies.size === 0 || (copies.size === 1 && copies.has(this.#self))) return NO_COPIES;
    const others = [...this.#view.claimsOf(record)].flatMap(([instance, sinceMs]) =>
      instance === this.#self ? [] : [{ instance, sinceMs }],
    );
    return others.toSorted((a, b) => a.sinceMs - b.sinceMs);
  }

  #endpointRoute(id: EndpointId): EndpointRoute | undefined {
    const stored = this.#view.endpoint(DEFAULT_NAMESPACE, id);
    if (stored === undefined) return undefined;
    const { active, target } = stored.record;
    const successor = target === active ? null : target;
    const applied = this.#view.policy(DEFAULT_NAMESPACE, id)?.record;
    if (applied === undefined)
      return { id, revision: stored.revision, variant: 'active', model: active, successor, policy: null };
    const policy = {
      policy: withDefaultModel(applied.policy, active),
      slots: applied.slots,
      published: this.#published(id, applied.revision),
    };
    const route = { id, revision: applied.revision, variant: applied.policy.defaultVariant, model: active, successor, policy };
    const { versions } = applied.policy;
    if (versions.kind === 'all') return route;
    const kept = keptVersions(versions, this.#view.versionsOf(DEFAULT_NAMESPACE, id)).map(({ version }) => version);
    this.#kept.set(id, kept);
    return { ...route, versions: kept };
  }

  /** Weights that a strategy set for an older policy count no more. */
  #published(id: EndpointId, revision: number): readonly SlotRun[] | null {
    const weights = this.#view.weights(DEFAULT_NAMESPACE, id)?.record;
    return weights?.revision === revision ? weights.slots : null;
  }

  /** Which versions an endpoint keeps follows from those that there are. */
  #versionsChanged(): void {
    for (const [id, before] of this.#kept) {
      const versions = this.#view.policy(DEFAULT_NAMESPACE, id)?.record.policy.versions;
      if (versions === undefined || versions.kind === 'all') {
        this.#kept.delete(id);
        continue;
      }
      const kept = keptVersions(versions, this.#view.versionsOf(DEFAULT_NAMESPACE, id));
      if (kept.length !== before.length || kept.some(({ version }, at) => version !== before[at])) this.#endpoints.add(id);
    }
  }

  #familyRoute(family: string): FamilyRoute | undefined {
    const newest = this.#view.newestOf(DEFAULT_NAMESPACE, family);
    return newest === undefined ? undefined : { family, newest };
  }
}

function sort<Name, Route>(names: Set<Name>, routeOf: (name: Name) => Route | undefined, put: Route[], remove: Name[]): void {
  for (const name of names) {
    const route = routeOf(name);
    if (route === undefined) remove.push(name);
    else put.push(route);
  }
  names.clear();
}

import type { NameIndex } from '../identity/index.ts';
import {
  type EndpointRecord,
  type FiguresRecord,
  type InstanceRecord,
  keyOf,
  type ModelRecord,
  type PolicyAckRecord,
  type PolicyRecord,
  type RecordKey,
  type RegistryEvent,
  type RegistryRecord,
  type RegistryWrite,
  type Versioned,
  type WeightsRecord,
} from '../records/index.ts';
import {
  type DurationMs,
  durationMs,
  type EndpointId,
  type EpochMs,
  type InstanceId,
  type ModelKey,
  type Namespace,
  type Revision,
} from '../units.ts';
import { ClaimTimes } from './claim-times.ts';
import { type Dirty, DirtyMarks, keyText, type Scoped } from './dirty.ts';
import { type ModelCounts, NamespaceIndex } from './namespace-index.ts';

/** How long a failed load speaks against a model where nothing else is said (spec `modelmesh.md` §4.17). */
export const LOAD_FAILURE_EXPIRY_MS: DurationMs = durationMs(900_000);

/**
 * Deletions that are remembered, since what was written before them may be told after them: by the watch where the deletion was our own, by the
 * answer to a write of our own where somebody else's deletion came first.
 */
export const REMEMBERED_DELETIONS_MAX = 4096;

/** What {@link RegistryView} may be told. */
export interface RegistryViewOptions {
  /** When a failed load stops speaking against a version of a family. */
  readonly failureExpiryMs?: DurationMs;
}

const NOTHING: ReadonlySet<never> = new Set<never>();

/** One change of the picture while it is folded in. */
interface Fold {
  readonly nowMs: EpochMs;
  /** It comes from a listing, and not as something that happened just now. */
  readonly listed: boolean;
  readonly marks: DirtyMarks;
  /** Families whose choice must be made again. */
  readonly families: Map<string, Scoped<string>>;
}

const newFold = (nowMs: EpochMs, listed = false): Fold => ({ nowMs, listed, marks: new DirtyMarks(), families: new Map() });

/**
 * The read-only picture of the registry, folded from its events. Readers get constant-time answers and never write; each change says what
 * it made {@link Dirty}, so that route tables are rebuilt by deltas.
 *
 * Updated in place: a synchronous reader sees one state, but nothing that it holds across an `await` but the records, which are values.
 */
export class RegistryView implements NameIndex {
  readonly #failureExpiryMs: DurationMs;
  readonly #namespaces = new Map<Namespace, NamespaceIndex>();
  readonly #instances = new Map<InstanceId, Versioned<InstanceRecord>>();
  readonly #figures = new Map<InstanceId, Versioned<FiguresRecord>>();
  readonly #policyAcks = new Map<InstanceId, Versioned<PolicyAckRecord>>();
  /** Models that name an instance in their copies or failures. */
  readonly #namedIn = new Map<InstanceId, Map<string, Scoped<ModelKey>>>();
  readonly #deletions = new Map<string, Revision>();
  readonly #claimTimes = new ClaimTimes();

  constructor(options: RegistryViewOptions = {}) {
    this.#failureExpiryMs = options.failureExpiryMs ?? LOAD_FAILURE_EXPIRY_MS;
  }

  /** A model's record and revision. */
  model(namespace: Namespace, key: ModelKey): Versioned<ModelRecord> | undefined {
    return this.#namespaces.get(namespace)?.models.get(key);
  }

  /** The holders of a model's copies, each with the instant at which it claimed its copy, by this node's clock and not by that of the holder. */
  claimsOf(record: ModelRecord): ReadonlyMap<InstanceId, EpochMs> {
    return this.#claimTimes.of(record);
  }

  /** An endpoint's record and revision. */
  endpoint(namespace: Namespace, id: EndpointId): Versioned<EndpointRecord> | undefined {
    return this.#namespaces.get(namespace)?.endpoints.get(id);
  }

  /** The policy in force of an endpoint. */
  policy(namespace: Namespace, id: EndpointId): Versioned<PolicyRecord> | undefined {
    return this.#namespaces.get(namespace)?.policies.get(id);
  }

  /** The weights that the strategy of an endpoint set last, for whichever revision of its policy. */
  weights(namespace: Namespace, id: EndpointId): Versioned<WeightsRecord> | undefined {
    return this.#namespaces.get(namespace)?.weights.get(id);
  }

  /** The weights that strategies set, of all endpoints, those that are gone included. */
  *allWeights(): Iterable<Versioned<WeightsRecord>> {
    for (const index of this.#namespaces.values()) yield* index.weights.values();
  }

  /** What each instance counted for strategies, those that are gone included. */
  figures(): Iterable<Versioned<FiguresRecord>> {
    return this.#figures.values();
  }

  /** What an instance published of itself. */
  instance(id: InstanceId): Versioned<InstanceRecord> | undefined {
    return this.#instances.get(id);
  }

  /** How far an instance says that it has come with policies. */
  policyAck(id: InstanceId): Versioned<PolicyAckRecord> | undefined {
    return this.#policyAcks.get(id);
  }

  /** Every model of a namespace, or of all. */
  *models(namespace?: Namespace): Iterable<Versioned<ModelRecord>> {
    for (const index of this.#chosen(namespace)) yield* index.models.values();
  }

  /** The models of all namespaces, counted. */
  counts(): ModelCounts {
    let [registered, withCopy, withFailure] = [0, 0, 0];
    for (const { counts } of this.#namespaces.values()) {
      registered += counts.registered;
      withCopy += counts.withCopy;
      withFailure += counts.withFailure;
    }
    return { registered, withCopy, withFailure };
  }

  /** Every endpoint of a namespace, or of all. */
  *endpoints(namespace?: Namespace): Iterable<Versioned<EndpointRecord>> {
    for (const index of this.#chosen(namespace)) yield* index.endpoints.values();
  }

  /** Every instance, those that are leaving included. */
  instances(): Iterable<Versioned<InstanceRecord>> {
    return this.#instances.values();
  }

  /** The namespaces in which anything was ever seen. */
  namespaces(): Iterable<Namespace> {
    return this.#namespaces.keys();
  }

  /** The endpoints that refer to a model, active or target. */
  referentsOf(namespace: Namespace, key: ModelKey): ReadonlySet<EndpointId> {
    return this.#namespaces.get(namespace)?.referentsOf(key) ?? NOTHING;
  }

  /** The versions of a family, newest first. */
  versionsOf(namespace: Namespace, family: string): readonly { readonly key: ModelKey; readonly version: string }[] {
    return this.#namespaces.get(namespace)?.families.get(family)?.versions ?? [];
  }

  /** Every instance that a model's record names, registered or not. */
  namedInstances(): Iterable<InstanceId> {
    return this.#namedIn.keys();
  }

  /** The models whose record names an instance, as a copy or a failure. */
  modelsNaming(instance: InstanceId): Iterable<Scoped<ModelKey>> {
    return this.#namedIn.get(instance)?.values() ?? [];
  }

  hasModel(namespace: Namespace, key: ModelKey): boolean {
    return this.#namespaces.get(namespace)?.models.has(key) ?? false;
  }

  endpointModels(namespace: Namespace, id: EndpointId): EndpointRecord | undefined {
    return this.endpoint(namespace, id)?.record;
  }

  newestOf(namespace: Namespace, family: string): ModelKey | undefined {
    return this.#namespaces.get(namespace)?.families.get(family)?.newest;
  }

  /** Folds in what the watch told, in its order. Events older than what is known already change nothing. */
  apply(events: readonly RegistryEvent[], nowMs: EpochMs): Dirty {
    return this.#fold(events, newFold(nowMs));
  }

  /** Folds in a transaction of our own when it is known to be committed, before the watch tells it. */
  applyCommitted(writes: readonly RegistryWrite[], revision: Revision, nowMs: EpochMs): Dirty {
    const fold = newFold(nowMs);
    for (const write of writes) {
      if (write.kind === 'put') this.#put(write.record, write.key, revision, fold);
      if (write.kind === 'delete') this.#delete(write.key, revision, fold);
    }
    return this.#settle(fold);
  }

  /** Takes over a whole listing made at `revision`, as after a watch that was lost; what is newer than the listing stays. */
  reset(listing: readonly Versioned<RegistryRecord>[], revision: Revision, nowMs: EpochMs): Dirty {
    const listed = new Set(listing.map(({ record }) => keyText(keyOf(record))));
    const events: RegistryEvent[] = [];
    for (const { record } of this.#everything()) {
      const key = keyOf(record);
      if (!listed.has(keyText(key))) events.push({ kind: 'delete', key, revision });
    }
    for (const entry of listing) events.push({ kind: 'put', key: keyOf(entry.record), ...entry });
    return this.#fold(events, newFold(nowMs, true));
  }

  /** Lets time pass: a version whose failures expired answers for its family again. */
  expireFailures(nowMs: EpochMs): Dirty {
    const marks = new DirtyMarks();
    for (const index of this.#namespaces.values()) index.expireFailures(nowMs, this.#failureExpiryMs, marks);
    return marks.take();
  }

  /** Whether a put at `revision` is old news: the record is known at it or later, or was deleted later. */
  knows(key: RecordKey, revision: Revision): boolean {
    const known = this.#stored(key);
    if (known !== undefined) return known.revision >= revision;
    return (this.#deletions.get(keyText(key)) ?? 0) > revision;
  }

  #fold(events: readonly RegistryEvent[], fold: Fold): Dirty {
    for (const event of events) {
      if (event.kind === 'put') this.#put(event.record, event.key, event.revision, fold);
      else this.#delete(event.key, event.revision, fold);
    }
    return this.#settle(fold);
  }

  #settle({ families, nowMs, marks }: Fold): Dirty {
    for (const { namespace, name } of families.values()) {
      this.#namespaces.get(namespace)?.chooseNewest(name, nowMs, this.#failureExpiryMs, marks);
    }
    return marks.take();
  }

  #put(record: RegistryRecord, key: RecordKey, revision: Revision, { nowMs, listed, marks, families }: Fold): void {
    if (key.kind === 'policy-revision' || this.knows(key, revision)) return;
    const entry = { record, revision };
    switch (record.kind) {
      case 'model':
        this.#touchFamilies(record.namespace, record.key, record, families);
        this.#nameInstances(record);
        this.#claimTimes.put(this.model(record.namespace, record.key)?.record, record, nowMs, listed);
        this.#index(record.namespace).putModel({ ...entry, record }, marks);
        break;
      case 'endpoint':
        this.#index(record.namespace).putEndpoint({ ...entry, record }, marks);
        break;
      case 'policy':
        this.#index(record.namespace).putPolicy({ ...entry, record }, marks);
        break;
      case 'weights':
        this.#index(record.namespace).putWeights({ ...entry, record }, marks);
        break;
      case 'figures':
        this.#figures.set(record.instance, { ...entry, record });
        break;
      case 'instance':
        this.#instances.set(record.id, { ...entry, record });
        marks.instance(record.id);
        break;
      case 'policy-ack':
        this.#policyAcks.set(record.instance, { ...entry, record });
        marks.policyAck(record.instance);
        break;
    }
  }

  #delete(key: RecordKey, revision: Revision, { marks, families }: Fold): void {
    const known = this.#stored(key);
    if (known !== undefined && known.revision > revision) return;
    this.#rememberDeletion(keyText(key), revision);
    if (known === undefined) return;
    switch (key.kind) {
      case 'model':
        this.#touchFamilies(key.namespace, key.key, undefined, families);
        this.#unnameInstances(key.namespace, key.key);
        this.#claimTimes.remove(key.namespace, key.key);
        this.#index(key.namespace).removeModel(key.key, marks);
        break;
      case 'endpoint':
        this.#index(key.namespace).removeEndpoint(key.id, marks);
        break;
      case 'policy':
        this.#index(key.namespace).removePolicy(key.id, marks);
        break;
      case 'policy-revision':
        break;
      case 'weights':
        this.#index(key.namespace).removeWeights(key.id, marks);
        break;
      case 'figures':
        this.#figures.delete(key.id);
        break;
      case 'instance':
        this.#instances.delete(key.id);
        marks.instance(key.id);
        break;
      case 'policy-ack':
        this.#policyAcks.delete(key.id);
        marks.policyAck(key.id);
        break;
    }
  }

  #stored(key: RecordKey): Versioned<RegistryRecord> | undefined {
    switch (key.kind) {
      case 'model':
        return this.model(key.namespace, key.key);
      case 'endpoint':
        return this.endpoint(key.namespace, key.id);
      case 'policy':
        return this.policy(key.namespace, key.id);
      case 'policy-revision':
        return undefined;
      case 'weights':
        return this.weights(key.namespace, key.id);
      case 'figures':
        return this.#figures.get(key.id);
      case 'instance':
        return this.instance(key.id);
      case 'policy-ack':
        return this.policyAck(key.id);
    }
  }

  *#everything(): Iterable<Versioned<RegistryRecord>> {
    for (const index of this.#namespaces.values()) {
      yield* index.models.values();
      yield* index.endpoints.values();
      yield* index.policies.values();
      yield* index.weights.values();
    }
    yield* this.#figures.values();
    yield* this.#instances.values();
    yield* this.#policyAcks.values();
  }

  #chosen(namespace: Namespace | undefined): Iterable<NamespaceIndex> {
    if (namespace === undefined) return this.#namespaces.values();
    const index = this.#namespaces.get(namespace);
    return index === undefined ? [] : [index];
  }

  #index(namespace: Namespace): NamespaceIndex {
    const known = this.#namespaces.get(namespace);
    if (known !== undefined) return known;
    const index = new NamespaceIndex(namespace);
    this.#namespaces.set(namespace, index);
    return index;
  }

  /** Families whose choice must be made again: those of the record before and after. */
  #touchFamilies(
    namespace: Namespace,
    key: ModelKey,
    after: ModelRecord | undefined,
    families: Map<string, Scoped<string>>,
  ): void {
    for (const name of [this.model(namespace, key)?.record.family, after?.family]) {
      if (name !== undefined) families.set(`${namespace}\0${name}`, { namespace, name });
    }
  }

  #nameInstances(record: ModelRecord): void {
    this.#unnameInstances(record.namespace, record.key);
    const entry: Scoped<ModelKey> = { namespace: record.namespace, name: record.key };
    for (const instance of [...record.copies.keys(), ...record.failures.keys()]) {
      const named = this.#namedIn.get(instance) ?? new Map<string, Scoped<ModelKey>>();
      this.#namedIn.set(instance, named.set(`${record.namespace}\0${record.key}`, entry));
    }
  }

  #unnameInstances(namespace: Namespace, key: ModelKey): void {
    const before = this.model(namespace, key)?.record;
    if (before === undefined) return;
    for (const instance of [...before.copies.keys(), ...before.failures.keys()]) {
      const named = this.#namedIn.get(instance);
      named?.delete(`${namespace}\0${key}`);
      if (named?.size === 0) this.#namedIn.delete(instance);
    }
  }

  #rememberDeletion(text: string, revision: Revision): void {
    if ((this.#deletions.get(text) ?? 0) >= revision) return;
    this.#deletions.delete(text);
    this.#deletions.set(text, revision);
    const [oldest] = this.#deletions.keys();
    if (this.#deletions.size > REMEMBERED_DELETIONS_MAX && oldest !== undefined) this.#deletions.delete(oldest);
  }
}

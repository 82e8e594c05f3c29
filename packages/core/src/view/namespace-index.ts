import {
  type EndpointRecord,
  type ModelRecord,
  type PolicyRecord,
  referencedModels,
  type Versioned,
  type WeightsRecord,
} from '../records/index.ts';
import type { DurationMs, EndpointId, EpochMs, ModelKey, Namespace } from '../units.ts';
import type { DirtyMarks } from './dirty.ts';
import { FamilyIndex, isServable } from './family-index.ts';

const NO_REFERENTS: ReadonlySet<EndpointId> = new Set();

/** How many models there are, and of these how many have a copy or a failure anywhere. */
export interface ModelCounts {
  readonly registered: number;
  readonly withCopy: number;
  readonly withFailure: number;
}

/** What is known of one namespace, indexed by every question that is asked of it. */
export class NamespaceIndex {
  readonly namespace: Namespace;
  readonly models = new Map<ModelKey, Versioned<ModelRecord>>();
  readonly endpoints = new Map<EndpointId, Versioned<EndpointRecord>>();
  readonly policies = new Map<EndpointId, Versioned<PolicyRecord>>();
  readonly weights = new Map<EndpointId, Versioned<WeightsRecord>>();
  readonly families = new Map<string, FamilyIndex>();
  readonly #referents = new Map<ModelKey, Set<EndpointId>>();
  /** The other way round: what {@link referentsOf} was told of each endpoint. */
  readonly #references = new Map<EndpointId, readonly ModelKey[]>();
  /** Families with a version that failed somewhere: the only ones that time alone can change. */
  readonly #failing = new Set<string>();
  #withCopy = 0;
  #withFailure = 0;

  constructor(namespace: Namespace) {
    this.namespace = namespace;
  }

  /** Counted as records come and go: answering costs nothing, however many there are. */
  get counts(): ModelCounts {
    return { registered: this.models.size, withCopy: this.#withCopy, withFailure: this.#withFailure };
  }

  /** The endpoints that refer to a model. */
  referentsOf(key: ModelKey): ReadonlySet<EndpointId> {
    return this.#referents.get(key) ?? NO_REFERENTS;
  }

  putModel(entry: Versioned<ModelRecord>, marks: DirtyMarks): void {
    const { record } = entry;
    const before = this.models.get(record.key)?.record;
    this.models.set(record.key, entry);
    if (before !== undefined) this.#count(before, -1);
    this.#count(record, 1);
    marks.model(this.namespace, record.key);
    if (before === undefined) this.#markReferents(record.key, marks);
    if (before?.family !== undefined && before.family !== record.family) this.#leaveFamily(before.family, record.key);
    if (record.family !== undefined) this.#family(record.family).put(record);
  }

  removeModel(key: ModelKey, marks: DirtyMarks): void {
    const before = this.models.get(key)?.record;
    if (before === undefined) return;
    this.models.delete(key);
    this.#count(before, -1);
    marks.model(this.namespace, key);
    this.#markReferents(key, marks);
    if (before.family !== undefined) this.#leaveFamily(before.family, key);
  }

  putEndpoint(entry: Versioned<EndpointRecord>, marks: DirtyMarks): void {
    const { id } = entry.record;
    this.endpoints.set(id, entry);
    this.#refer(id);
    marks.endpoint(this.namespace, id);
  }

  removeEndpoint(id: EndpointId, marks: DirtyMarks): void {
    if (this.endpoints.delete(id)) marks.endpoint(this.namespace, id);
    this.#refer(id);
  }

  putPolicy(entry: Versioned<PolicyRecord>, marks: DirtyMarks): void {
    const { id } = entry.record;
    this.policies.set(id, entry);
    this.#refer(id);
    marks.endpoint(this.namespace, id);
  }

  removePolicy(id: EndpointId, marks: DirtyMarks): void {
    if (this.policies.delete(id)) marks.endpoint(this.namespace, id);
    this.#refer(id);
  }

  putWeights(entry: Versioned<WeightsRecord>, marks: DirtyMarks): void {
    this.weights.set(entry.record.id, entry);
    marks.endpoint(this.namespace, entry.record.id);
  }

  removeWeights(id: EndpointId, marks: DirtyMarks): void {
    if (this.weights.delete(id)) marks.endpoint(this.namespace, id);
  }

  /** Chooses again who answers for a family. */
  chooseNewest(name: string, nowMs: EpochMs, failureExpiryMs: DurationMs, marks: DirtyMarks): void {
    const family = this.families.get(name);
    if (family === undefined) return;
    const failing = family.versions.some(({ key }) => (this.models.get(key)?.record.failures.size ?? 0) > 0);
    if (failing) this.#failing.add(name);
    else this.#failing.delete(name);
    const changed = family.choose((key) => {
      const record = this.models.get(key)?.record;
      return record !== undefined && isServable(record, nowMs, failureExpiryMs);
    });
    if (changed) marks.family(this.namespace, name);
    if (family.size === 0) this.families.delete(name);
  }

  /** Chooses again in every family that an expired failure may have changed. */
  expireFailures(nowMs: EpochMs, failureExpiryMs: DurationMs, marks: DirtyMarks): void {
    for (const name of [...this.#failing]) this.chooseNewest(name, nowMs, failureExpiryMs, marks);
  }

  #count({ copies, failures }: ModelRecord, by: 1 | -1): void {
    if (copies.size > 0) this.#withCopy += by;
    if (failures.size > 0) this.#withFailure += by;
  }

  #family(name: string): FamilyIndex {
    const known = this.families.get(name);
    if (known !== undefined) return known;
    const family = new FamilyIndex();
    this.families.set(name, family);
    return family;
  }

  #leaveFamily(name: string, key: ModelKey): void {
    this.families.get(name)?.remove(key);
  }

  /** Which models an endpoint refers to may have changed. */
  #refer(id: EndpointId): void {
    for (const key of this.#references.get(id) ?? []) {
      const referents = this.#referents.get(key);
      referents?.delete(id);
      if (referents?.size === 0) this.#referents.delete(key);
    }
    const record = this.endpoints.get(id)?.record;
    if (record === undefined) {
      this.#references.delete(id);
      return;
    }
    const references = referencedModels(record, this.policies.get(id)?.record.policy);
    this.#references.set(id, references);
    for (const key of references) {
      const referents = this.#referents.get(key);
      if (referents === undefined) this.#referents.set(key, new Set([id]));
      else referents.add(id);
    }
  }

  #markReferents(key: ModelKey, marks: DirtyMarks): void {
    for (const id of this.referentsOf(key)) marks.endpoint(this.namespace, id);
  }
}

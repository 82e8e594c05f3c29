import { durationMs, type EpochMs, endpointId, epochMs, instanceId, MeshError, modelKey, sizeUnits } from '@modelmesh/core';
import { ENDPOINT_MANIFEST_OWNER, type EndpointStatus, policyChanges, type SetEndpointRequest } from '@modelmesh/core/endpoints';
import type { DecisionQuery, DecisionRecord } from '@modelmesh/core/journal';
import { parseManifest, planModel, problemText } from '@modelmesh/core/manifest';
import {
  type InstanceRecord,
  type ModelRecord,
  newEndpointRecord,
  newInstanceRecord,
  newModelRecord,
  newPolicyRecord,
} from '@modelmesh/core/records';
import {
  MODEL_NOT_FOUND,
  type ModelStatus,
  modelIdError,
  modelStatus,
  modelTypeError,
  type RegisterRequest,
} from '@modelmesh/core/registration';
import { SeededRandom } from '@modelmesh/core/testing';
import { DiffBook, type MirrorDiff, NOTHING_COMPARED } from '@modelmesh/core/traffic';
import type {
  Applied,
  ApplyOptions,
  CallPreview,
  Control,
  EndpointDetail,
  MeshDecisions,
  MeshDiffs,
  ModelDetail,
  NodeEvent,
  Page,
  PageRequest,
  PastPolicy,
  PreviewedCall,
} from '../../node/index.ts';

/** The instant at which the fake's records were written: 2026-01-02T03:04:05Z. */
export const FAKE_NOW_MS: EpochMs = epochMs(Date.UTC(2026, 0, 2, 3, 4, 5));
const HERE = instanceId('node-1');

type Endpoint = Omit<EndpointDetail, 'failing'>;

/** Control over plain maps: what is registered is there at once, what is loaded is loaded at once. Each call is noted. */
export class FakeControl implements Control {
  readonly calls: unknown[][] = [];
  /** How edits were to be made, in their order. */
  readonly edits: ApplyOptions[] = [];
  readonly records = new Map<string, ModelRecord>();
  readonly endpointsById = new Map<string, Endpoint>();
  readonly listeners = new Set<(event: NodeEvent) => void>();
  readonly kept: NodeEvent[] = [];
  /** Models whose load fails, with what the runtime says. */
  readonly broken = new Map<string, string>();
  ready = true;
  listenersMax = 8;
  /** Holds loads until it resolves. */
  loadGate: Promise<void> = Promise.resolve();
  /** Resolves when a caller waits for a load, and when one stopped waiting. */
  readonly waiting = Promise.withResolvers<void>();
  readonly left = Promise.withResolvers<void>();

  /** Adds a model. */
  addModel(key: string, fields: Partial<ModelRecord> = {}): void {
    const record = newModelRecord({ key: modelKey(key), type: 'onnx', createdAtMs: FAKE_NOW_MS, ...fields });
    this.records.set(key, record);
  }

  /** Tells an event to whoever listens. */
  emit(kind: string, message = kind): void {
    const event = { id: this.kept.length + 1, atMs: FAKE_NOW_MS, kind, model: null, endpoint: null, message, fields: {} };
    this.kept.push(event);
    for (const listener of this.listeners) listener(event);
  }

  async registerModel(request: Omit<RegisterRequest, 'namespace'>, signal: AbortSignal): Promise<ModelStatus> {
    this.calls.push(['registerModel', request]);
    const invalid = modelIdError(request.modelId) ?? modelTypeError(request.info.type);
    if (invalid !== undefined) throw invalid;
    this.addModel(request.modelId, request.info);
    if (request.loadNow) return this.ensureLoaded(request.modelId, request.lastUsedMs, request.sync, signal);
    return this.#status(request.modelId);
  }

  async unregisterModel(key: string): Promise<void> {
    this.calls.push(['unregisterModel', key]);
    this.records.delete(key);
  }

  async modelStatus(key: string): Promise<ModelStatus> {
    this.calls.push(['modelStatus', key]);
    const invalid = modelIdError(key);
    if (invalid !== undefined) throw invalid;
    return this.#status(key);
  }

  async ensureLoaded(key: string, lastUsedMs: EpochMs, sync: boolean, signal: AbortSignal): Promise<ModelStatus> {
    this.calls.push(['ensureLoaded', key, lastUsedMs, sync]);
    const record = this.records.get(key);
    if (record === undefined) throw new MeshError('model-not-found', 'model not found');
    if (sync) await this.#loaded(signal);
    const message = this.broken.get(key);
    const after =
      message === undefined
        ? { ...record, copies: new Map([[HERE, FAKE_NOW_MS]]) }
        : { ...record, failures: new Map([[HERE, { atMs: FAKE_NOW_MS, message }]]) };
    this.records.set(key, after);
    return this.#status(key);
  }

  async unloadCopies(key: string): Promise<void> {
    this.calls.push(['unloadCopies', key]);
    const record = this.records.get(key);
    if (record === undefined) throw new MeshError('model-not-found', 'model not found');
    this.records.set(key, { ...record, copies: new Map() });
  }

  async setEndpoint(request: Omit<SetEndpointRequest, 'namespace'>): Promise<EndpointStatus> {
    this.calls.push(['setEndpoint', request]);
    const { vModelId, targetModelId, owner } = request;
    if (!this.records.has(targetModelId)) throw new MeshError('model-not-found', `Target model ${targetModelId} not found`);
    const record = newEndpointRecord({ id: endpointId(vModelId), active: modelKey(targetModelId), owner });
    this.endpointsById.set(vModelId, { record, policy: null });
    return this.endpointStatus(vModelId, '');
  }

  async deleteEndpoint(id: string, owner: string): Promise<void> {
    this.calls.push(['deleteEndpoint', id, owner]);
    if (this.endpointsById.get(id)?.record.owner === owner) this.endpointsById.delete(id);
  }

  async endpointStatus(id: string, owner: string): Promise<EndpointStatus> {
    const record = this.endpointsById.get(id)?.record;
    if (record === undefined || (owner !== '' && owner !== record.owner)) return { status: 'NOT_FOUND' };
    return {
      status: 'DEFINED',
      owner: record.owner,
      activeModelId: record.active,
      targetModelId: record.target,
      activeModelStatus: this.#status(record.active),
      targetModelStatus: undefined,
    };
  }

  async apply(manifest: unknown, _signal?: AbortSignal, options: ApplyOptions = {}): Promise<Applied> {
    this.calls.push(['apply', manifest]);
    this.edits.push(options);
    const parsed = parseManifest(manifest);
    if (!parsed.ok) throw new MeshError('invalid-argument', parsed.problems.map(problemText).join('\n'));
    const { resource } = parsed;
    if (resource.kind === 'Model') {
      const { key, info, description } = planModel(resource);
      const change = this.records.has(key) ? 'unchanged' : 'created';
      this.addModel(key, { ...info, ...description });
      return { kind: 'Model', name: key, change, warnings: [], edit: null };
    }
    const { name } = resource.metadata;
    if (resource.kind === 'Endpoint') {
      const { policy } = resource;
      const active = policy.variants[0]?.model ?? modelKey('none');
      const record = newEndpointRecord({ id: resource.id, active, owner: ENDPOINT_MANIFEST_OWNER, policyRevision: 1 });
      this.endpointsById.set(name, { record, policy });
    }
    return { kind: resource.kind, name, change: 'created', warnings: ['a warning'], edit: null };
  }

  async policyHistory(id: string): Promise<readonly PastPolicy[]> {
    const found = this.endpointsById.get(id);
    if (found === undefined) throw new MeshError('endpoint-not-found', `endpoint ${JSON.stringify(id)} not found`);
    const { record, policy } = found;
    if (policy === null) return [];
    const past = newPolicyRecord({ id: record.id, revision: record.policyRevision, createdAtMs: FAKE_NOW_MS, policy });
    return [{ record: past, changes: policyChanges(null, past) }];
  }

  previewCall(id: string, call: PreviewedCall): CallPreview {
    const found = this.endpointsById.get(id);
    if (found === undefined) throw new MeshError('endpoint-not-found', `endpoint ${JSON.stringify(id)} not found`);
    const { id: endpoint, active: model, policyRevision } = found.record;
    const { status } = this.#status(model);
    return {
      ...{
        endpoint,
        revision: policyRevision,
        variant: 'stable',
        model,
        status,
        reason: 'the weights',
        rule: null,
        byChance: true,
      },
      rules: [
        { name: 'gold', when: 'header["x-tier"] == "gold"', outcome: call.headers.has('x-tier') ? 'matched' : 'no-such-key' },
      ],
      ...{ unit: call.unit, slot: call.unit === null ? null : 7, mirrors: [{ to: 'shadow', percent: 5 }], fallback: null },
      variants: [{ name: 'stable', model, percent: 100, available: true }],
      copies: [{ instance: HERE, status: 'LOADED' }],
    };
  }

  async undo(id: string, to: number | null, options: ApplyOptions): Promise<Applied> {
    this.calls.push(['undo', id, to]);
    this.edits.push(options);
    const [past] = await this.policyHistory(id);
    if (past === undefined) throw new MeshError('failed-precondition', `endpoint ${id} has no earlier policy that is kept`);
    const acknowledgement = { acknowledged: [HERE], missing: [{ instance: instanceId('node-2'), why: 'it is cut off' }] };
    const edit = { revision: past.record.revision + 1, changes: policyChanges(past.record, past.record), acknowledgement };
    return { kind: 'Endpoint', name: id, change: 'configured', warnings: [], edit };
  }

  async deleteResource(kind: Applied['kind'], name: string): Promise<void> {
    this.calls.push(['deleteResource', kind, name]);
    const gone = kind === 'Model' ? this.records.delete(name) : this.endpointsById.delete(name);
    if (!gone) throw new MeshError('not-found', `${kind} ${JSON.stringify(name)} not found`);
  }

  models(page: PageRequest): Page<ModelDetail> {
    return pageOf([...this.records.keys()], page, (key) => this.model(key));
  }

  model(key: string): ModelDetail | null {
    const record = this.records.get(key);
    if (record === undefined) return null;
    const here = record.copies.size > 0 ? 8192 : null;
    const declaredBytes = record.declaredMemoryBytes ?? null;
    const memory = { declaredBytes, predictedBytes: here, measuredBytes: here, highWaterBytes: null, bookedBytes: here };
    const lastUsedMs = record.lastUsedMs > 0 ? record.lastUsedMs : null;
    return { record, status: this.#status(key), lastUsedMs, memory };
  }

  endpoints(page: PageRequest): Page<EndpointDetail> {
    return pageOf([...this.endpointsById.keys()], page, (id) => this.endpoint(id));
  }

  endpoint(id: string): EndpointDetail | null {
    const found = this.endpointsById.get(id);
    return found === undefined ? null : { ...found, failing: new Map() };
  }

  instances(): readonly InstanceRecord[] {
    return [newInstanceRecord({ id: HERE, startedAtMs: FAKE_NOW_MS, capacityUnits: sizeUnits(1000), usedUnits: sizeUnits(10) })];
  }

  subscribe(afterId: number | null, listener: (event: NodeEvent) => void): () => void {
    if (this.listeners.size >= this.listenersMax) throw new MeshError('overloaded', 'too many listeners');
    if (afterId !== null) for (const event of this.kept) if (event.id > afterId) listener(event);
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async explain(query: DecisionQuery): Promise<readonly DecisionRecord[]> {
    return this.decided(query);
  }

  decided({ kind = 'eviction', model, instance = HERE, requestId }: DecisionQuery): readonly DecisionRecord[] {
    const because = 'the fake decided it';
    return [
      {
        id: 1,
        kind,
        atMs: FAKE_NOW_MS,
        model: model ?? null,
        models: [],
        instance,
        requestId: requestId ?? null,
        because,
        details: { asked: 1 },
      },
    ];
  }

  async explainMesh(query: DecisionQuery): Promise<MeshDecisions> {
    return { records: this.decided(query).map((record) => ({ ...record, madeBy: HERE })), unanswered: [instanceId('away')] };
  }

  async diff(endpoint: string): Promise<readonly MirrorDiff[]> {
    const book = new DiffBook(new SeededRandom(1));
    const end = { code: 0, tookMs: durationMs(2) };
    const comparison = { ...NOTHING_COMPARED, equal: false, because: 'it differs', rows: 1, flips: 1, topK: 0.5, cosine: 0.25 };
    const ref = { endpoint: endpointId(endpoint), revision: 3, mirror: 'next' };
    const origin = { segment: null, requestId: 'r-1', atMs: FAKE_NOW_MS };
    book.add(ref, { live: end, shadow: end, comparison, incomparable: null }, origin);
    book.add(ref, { live: end, shadow: { ...end, code: 14 }, comparison: null, incomparable: null }, origin);
    book.drop(ref, null, 'queue-full');
    return book.of(ref.endpoint);
  }

  async diffMesh(endpoint: string): Promise<MeshDiffs> {
    return { mirrors: await this.diff(endpoint), unanswered: [instanceId('away')] };
  }

  async #loaded(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.left.resolve(), { once: true });
    this.waiting.resolve();
    await Promise.race([this.loadGate, this.left.promise]);
    signal.throwIfAborted();
  }

  #status(key: string): ModelStatus {
    const record = this.records.get(key);
    return record === undefined ? MODEL_NOT_FOUND : modelStatus(record, () => 'loaded');
  }
}

function pageOf<Item>(
  names: readonly string[],
  { after, limit }: PageRequest,
  itemOf: (name: string) => Item | null,
): Page<Item> {
  const rest = names.toSorted().filter((name) => after === null || name > after);
  const chosen = rest.slice(0, limit);
  return {
    items: chosen.flatMap((name) => itemOf(name) ?? []),
    next: rest.length > chosen.length ? (chosen.at(-1) ?? null) : null,
  };
}

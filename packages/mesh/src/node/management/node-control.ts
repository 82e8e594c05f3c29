import {
  assertNever,
  type Clock,
  DEFAULT_NAMESPACE,
  durationMs,
  type EndpointId,
  type EpochMs,
  endpointId,
  epochMs,
  MeshError,
  type ModelKey,
  modelKey,
} from '@modelmesh/core';
import type { EndpointStatus, SetEndpointRequest } from '@modelmesh/core/endpoints';
import type { DecisionJournal, DecisionQuery, DecisionRecord } from '@modelmesh/core/journal';
import type { InstanceRecord, PolicyRevision } from '@modelmesh/core/records';
import { type ModelStatus, modelIdError, type RegisterRequest } from '@modelmesh/core/registration';
import type { MirrorDiff } from '@modelmesh/core/traffic';
import type { ArmCount, ControlEnd, ToControl } from '../../link/index.ts';
import type { Peers } from '../../peer/index.ts';
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
} from '../control.ts';
import type { LocalCopies, RoutePublisher } from '../copies/index.ts';
import type { Events } from '../events.ts';
import type { Members } from '../members/index.ts';
import type { Locating, Placing } from '../placing/index.ts';
import type { PolicyAcks, VariantWatch } from '../policies/index.ts';
import type { ReachedLimits } from '../reached-limits.ts';
import type { RegistryMirror } from '../registry/index.ts';
import type { Management } from './management.ts';
import type { Manifests } from './manifests.ts';
import { gatherDecisions, type MeshDecisionsParts } from './mesh-decisions.ts';
import { NodeDecisions } from './node-decisions.ts';
import { pageOf } from './page.ts';
import { type PreviewParts, previewCall } from './preview-call.ts';
import { ShadowDiffs } from './shadow-diffs.ts';

/** What control is made of. */
export interface ControlParts {
  readonly link: ControlEnd;
  readonly mirror: RegistryMirror;
  readonly copies: LocalCopies;
  /** What learns from the calls. */
  readonly strategies: () => { add(counts: readonly ArmCount[]): void };
  readonly members: Members;
  readonly peers: Peers;
  readonly placing: Placing;
  readonly locating: Locating;
  readonly management: Management;
  readonly manifests: Manifests;
  readonly routes: RoutePublisher;
  readonly acks: PolicyAcks;
  readonly events: Events;
  readonly journal: DecisionJournal;
  readonly limits: ReachedLimits;
  readonly clock: Clock;
  /** What this instance publishes of itself, as of now. */
  readonly ownRecord: () => InstanceRecord;
  readonly isReady: () => boolean;
  readonly variants: VariantWatch;
  /** What previews of calls are made with. */
  readonly preview: Pick<PreviewParts, 'random' | 'failureExpiryMs' | 'expressionsOf'>;
  /** Ends with the node. */
  readonly signal: AbortSignal;
}

/** Control as its callers and the data plane see it. */
export class NodeControl implements Control {
  readonly #parts: ControlParts;
  readonly #decisions: NodeDecisions;
  readonly #diffs: ShadowDiffs;

  constructor(parts: ControlParts) {
    this.#parts = parts;
    const { clock, link, journal, copies, limits, members, peers } = parts;
    this.#diffs = new ShadowDiffs({ self: copies.instance, clock, link, limits, members, peers });
    this.#decisions = new NodeDecisions({ self: copies.instance, clock, link, journal, limits });
    parts.link.onMessage = (message) => this.#onMessage(message);
  }

  get ready(): boolean {
    return this.#parts.isReady();
  }

  registerModel(request: Omit<RegisterRequest, 'namespace'>, signal: AbortSignal): Promise<ModelStatus> {
    return this.#parts.management.registerModel(request, signal);
  }

  unregisterModel(key: string): Promise<void> {
    return this.#parts.management.unregisterModel(key);
  }

  async modelStatus(key: string): Promise<ModelStatus> {
    const invalid = modelIdError(key);
    if (invalid !== undefined) throw invalid;
    return this.#parts.management.currentStatus(modelKey(key), this.#parts.signal);
  }

  ensureLoaded(key: string, lastUsedMs: EpochMs, sync: boolean, signal: AbortSignal): Promise<ModelStatus> {
    return this.#parts.management.ensureLoaded(key, lastUsedMs, sync, signal);
  }

  async unloadCopies(key: string): Promise<void> {
    if (this.model(key) === null) throw new MeshError('model-not-found', 'model not found');
    await this.#parts.placing.unloadAll(modelKey(key), this.#parts.signal);
  }

  setEndpoint(request: Omit<SetEndpointRequest, 'namespace'>, signal: AbortSignal): Promise<EndpointStatus> {
    return this.#parts.management.setEndpoint(request, signal);
  }

  deleteEndpoint(id: string, owner: string): Promise<void> {
    return this.#parts.management.deleteEndpoint(id, owner);
  }

  async endpointStatus(id: string, owner: string): Promise<EndpointStatus> {
    return this.#parts.management.endpointStatus(id, owner);
  }

  apply(manifest: unknown, signal: AbortSignal, options: ApplyOptions = {}): Promise<Applied> {
    return this.#parts.manifests.apply(manifest, signal, options);
  }

  async policyHistory(id: string): Promise<readonly PastPolicy[]> {
    return this.#parts.manifests.edits.history(namedEndpoint(id));
  }

  previewCall(id: string, call: PreviewedCall): CallPreview {
    const { mirror, clock, preview, management } = this.#parts;
    const statusOf = (model: ModelKey): ModelStatus => management.statusOf(model);
    return previewCall({ ...preview, clock, view: mirror.view, statusOf }, namedEndpoint(id), call);
  }

  async undo(id: string, to: PolicyRevision | null, options: ApplyOptions, signal: AbortSignal): Promise<Applied> {
    return this.#parts.manifests.undo(namedEndpoint(id), to, options, signal);
  }

  deleteResource(kind: Applied['kind'], name: string): Promise<void> {
    return this.#parts.manifests.delete(kind, name);
  }

  models(page: PageRequest): Page<ModelDetail> {
    const { view } = this.#parts.mirror;
    return pageOf(
      view.models(DEFAULT_NAMESPACE),
      ({ record }) => record.key,
      page,
      (key) => this.#detail(key),
    );
  }

  model(key: string): ModelDetail | null {
    return key === '' ? null : this.#detail(modelKey(key));
  }

  endpoints(page: PageRequest): Page<EndpointDetail> {
    const { view } = this.#parts.mirror;
    return pageOf(
      view.endpoints(DEFAULT_NAMESPACE),
      ({ record }) => record.id,
      page,
      (id) => this.endpoint(id),
    );
  }

  endpoint(id: string): EndpointDetail | null {
    if (id === '') return null;
    const { view } = this.#parts.mirror;
    const record = view.endpoint(DEFAULT_NAMESPACE, endpointId(id))?.record;
    if (record === undefined) return null;
    const policy = view.policy(DEFAULT_NAMESPACE, record.id)?.record.policy ?? null;
    return { record, policy, failing: policy === null ? new Map() : this.#parts.variants.failing(policy) };
  }

  instances(): readonly InstanceRecord[] {
    const own = this.#parts.ownRecord();
    const others = [...this.#parts.mirror.view.instances()].map(({ record }) => record).filter(({ id }) => id !== own.id);
    return [own, ...others];
  }

  subscribe(afterId: number | null, listener: (event: NodeEvent) => void): () => void {
    const end = this.#parts.events.subscribe(afterId, listener);
    if (end !== undefined) return end;
    const message = 'too many listeners for events are connected to this node; try again later';
    throw new MeshError('overloaded', message, { retryAfterMs: durationMs(10_000) });
  }

  decided(query: DecisionQuery): readonly DecisionRecord[] {
    return this.#decisions.decided(query);
  }

  explain(query: DecisionQuery, signal: AbortSignal): Promise<readonly DecisionRecord[]> {
    return this.#decisions.explain(query, signal);
  }

  explainMesh(query: DecisionQuery, signal: AbortSignal): Promise<MeshDecisions> {
    const { copies, clock, members, peers } = this.#parts;
    const own: MeshDecisionsParts['own'] = (...question) => this.explain(...question);
    return gatherDecisions({ self: copies.instance, clock, members, peers, own }, query, signal);
  }

  diff(endpoint: string, signal: AbortSignal): Promise<readonly MirrorDiff[]> {
    return this.#diffs.here(endpointId(endpoint), signal);
  }

  async diffMesh(endpoint: string, signal: AbortSignal): Promise<MeshDiffs> {
    return this.#diffs.everywhere(endpointId(endpoint), signal);
  }

  #detail(key: ModelKey): ModelDetail | null {
    const { mirror, management, copies } = this.#parts;
    const record = mirror.view.model(DEFAULT_NAMESPACE, key)?.record;
    if (record === undefined) return null;
    const lastUsedMs = epochMs(Math.max(record.lastUsedMs, copies.lastUsedMs(key)));
    return {
      record,
      status: management.statusOf(key),
      // A model that nobody used has a last use all the same, some hours before it was registered, so that it does not push out others.
      lastUsedMs: lastUsedMs < record.createdAtMs ? null : lastUsedMs,
      memory: copies.memory(key, record.declaredMemoryBytes ?? null),
    };
  }

  /** Whatever comes of it the data plane is told: what it does not know then does not exist, or cannot be asked for. */
  #lookUp(request: number, names: readonly string[]): void {
    const { mirror, routes, link } = this.#parts;
    const answer = (): void => {
      routes.flush();
      link.send({ kind: 'looked-up', request });
    };
    Promise.all(names.map((name) => mirror.lookUp(DEFAULT_NAMESPACE, name))).then(answer, answer);
  }

  #onMessage(message: ToControl): void {
    switch (message.kind) {
      case 'locate':
        this.#parts.locating.locate(message);
        return;
      case 'drained':
        this.#parts.copies.drained(message.slot);
        return;
      case 'not-in-runtime':
        this.#parts.copies.notInRuntime(message.model, message.slot);
        return;
      case 'snapshot-wanted':
        this.#parts.routes.snapshot();
        return;
      case 'look-up':
        this.#lookUp(message.request, message.names);
        return;
      case 'ack':
        this.#parts.acks.confirmed(message.version);
        return;
      case 'peer-state':
        this.#parts.members.peerState(message.instance, message.incarnation, message.reachable);
        return;
      case 'call-ended':
        this.#decisions.callEnded(message.record);
        return;
      case 'arms':
        this.#parts.strategies().add(message.counts);
        return;
      case 'explained':
        this.#decisions.explained(message.request, message.choices);
        return;
      case 'diffed':
        this.#diffs.diffed(message.request, message.diffs);
        return;
      default:
        assertNever(message);
    }
  }
}

function namedEndpoint(id: string): EndpointId {
  if (id === '') throw new MeshError('endpoint-not-found', 'endpoint "" not found');
  return endpointId(id);
}

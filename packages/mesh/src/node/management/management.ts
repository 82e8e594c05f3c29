import {
  type Clock,
  DEFAULT_NAMESPACE,
  type DurationMs,
  type EpochMs,
  type InstanceId,
  MeshError,
  type ModelKey,
  modelKey,
  type Revision,
  toMeshError,
} from '@modelmesh/core';
import {
  decideDeleteEndpoint,
  decideSetEndpoint,
  type EndpointDecision,
  type EndpointEnv,
  type EndpointFollowUp,
  type EndpointStatus,
  endpointStatus,
  keepingEndpoint,
  type PolicyAbilities,
  type SetEndpointRequest,
  type TargetEvidence,
  type WarmedModel,
} from '@modelmesh/core/endpoints';
import { type ModelRecord, withCopyClaimed, withFailure } from '@modelmesh/core/records';
import {
  decideEnsure,
  decideRegister,
  decideUnregister,
  type ModelDecision,
  type ModelStatus,
  modelStatus,
  type RegisterRequest,
  type RegistrationEnv,
} from '@modelmesh/core/registration';
import type { Scope } from '@modelmesh/core/scope';
import type { PeerCopy } from '../../peer/index.ts';
import type { LocalCopies } from '../copies/index.ts';
import type { Events } from '../events.ts';
import type { Members } from '../members/index.ts';
import type { Placing, SeenTo } from '../placing/index.ts';
import type { RegistryClaims, RegistryMirror } from '../registry/index.ts';
import { type EnsureTarget, Transitions } from './transitions.ts';

/**
 * Brings a model up to so many copies, over all instances, or to as many as they allow, and answers with its status when they are loaded or no
 * more will be. Rejects when `signal` fires; what was begun goes on.
 */
export type EnsureCopies = (
  model: ModelKey,
  wanted: { readonly copies: number; readonly lastUsedMs: EpochMs },
  signal: AbortSignal,
) => Promise<ModelStatus>;

/** What management is made of. */
export interface ManagementParts {
  readonly instance: InstanceId;
  readonly clock: Clock;
  readonly scope: Scope;
  readonly mirror: RegistryMirror;
  readonly claims: RegistryClaims;
  readonly copies: LocalCopies;
  readonly members: Members;
  readonly placing: Placing;
  readonly events: Events;
  readonly defaultEndpointOwner: string;
  readonly failureExpiryMs: DurationMs;
  /** Nothing is added, changed or removed, and no transition goes on. */
  readonly readOnly: boolean;
  /** What policies may ask for; `null`: nothing of that is looked at. */
  readonly policyAbilities: PolicyAbilities | null;
  /** Whether this node is the one that drives transitions. */
  readonly isLeader: () => boolean;
  /** `null`: one copy, on this instance. */
  readonly ensureCopies: EnsureCopies | null;
  /** A copy that was claimed this long ago is taken for loaded. */
  readonly assumeLoadedAfterMs: (type: string) => DurationMs;
}

/**
 * The management calls of ModelMesh (spec `modelmesh.md` §1.1): each is a pure decision on the records, carried out by compare-and-set, and
 * what follows from it.
 */
export class Management {
  readonly transitions: Transitions;
  readonly #parts: ManagementParts;

  constructor(parts: ManagementParts) {
    this.#parts = parts;
    const { mirror, scope, clock, events, readOnly, failureExpiryMs } = parts;
    const isLeader = (): boolean => !readOnly && parts.isLeader();
    const onProblem = (endpoint: string, message: string): void => events.emit({ kind: 'transition-delayed', endpoint, message });
    this.transitions = new Transitions({
      mirror,
      scope,
      clock,
      ensure: this.#ensureTarget,
      isLeader,
      failureExpiryMs,
      onProblem,
    });
  }

  /** Registers a model; with `loadNow` the answer is that of {@link ensureLoaded}. */
  async registerModel(request: Omit<RegisterRequest, 'namespace'>, signal: AbortSignal): Promise<ModelStatus> {
    const { mirror } = this.#parts;
    const scoped = { ...request, namespace: DEFAULT_NAMESPACE };
    if (this.#isWriting(request.modelId)) await this.ownWritesDone(request.modelId);
    const decision = await this.#decided(() => decideRegister(mirror.view, scoped, this.#env()));
    if (decision.kind === 'write' && decision.created) this.#emit('model-registered', request.modelId, 'registered');
    return this.#follow(decision, signal);
  }

  /**
   * Resolves when what this instance is writing about its own copy has been tried. Whoever was told that a load failed may bring a better
   * artifact at once: the claim of that load must not stand in the way.
   */
  async ownWritesDone(id: string): Promise<void> {
    if (id !== '') await this.#parts.claims.settled(modelKey(id));
  }

  /** An empty id is refused by the decision, in its words. */
  #isWriting(id: string): boolean {
    return id !== '' && this.#parts.claims.hasUnsaid(modelKey(id));
  }

  /** Removes a model; unknown ids succeed. */
  async unregisterModel(id: string): Promise<void> {
    const { mirror } = this.#parts;
    const decision = await this.#decided((): ModelDecision => {
      const keeper = id === '' ? undefined : keepingEndpoint(mirror.view, DEFAULT_NAMESPACE, modelKey(id));
      if (keeper === undefined) return decideUnregister(mirror.view, DEFAULT_NAMESPACE, id, this.#env());
      const message = `model ${id} is a version that endpoint ${keeper} keeps (spec.versions): change the endpoint first`;
      return { kind: 'error', error: new MeshError('failed-precondition', message) };
    });
    if (decision.kind === 'write') this.#emit('model-unregistered', id, 'unregistered');
  }

  /** Loads a model unless it is loaded; a failed load is a status. */
  async ensureLoaded(modelId: string, lastUsedMs: EpochMs, sync: boolean, signal: AbortSignal): Promise<ModelStatus> {
    const request = { namespace: DEFAULT_NAMESPACE, modelId, lastUsedMs, sync };
    const decision = await this.#decided(() => decideEnsure(this.#parts.mirror.view, request, { nowMs: this.#now() }));
    return this.#follow(decision, signal);
  }

  /**
   * The status of a model as this instance knows it; NOT_FOUND for unknown ids. Of copies elsewhere it knows when they were claimed: those that
   * had the time count as loaded (spec `modelmesh.md` §4.4.9). {@link currentStatus} asks.
   */
  statusOf(key: ModelKey): ModelStatus {
    const { copies, instance, members, clock, mirror } = this.#parts;
    const knowledge = copies.knowledge(key);
    const record = this.#ownRecord(key);
    const claims = record === undefined ? undefined : mirror.view.claimsOf(record);
    return modelStatus(record, (location) => {
      if (location === instance) return knowledge === 'absent' ? 'unknown' : knowledge;
      if (!members.isReachable(location)) return 'unknown';
      const claimedMs = claims?.get(location) ?? clock.wallMs();
      return clock.wallMs() - claimedMs >= this.#parts.assumeLoadedAfterMs(record?.type ?? '') ? 'loaded' : 'loading';
    });
  }

  /** The status of a model; where only other instances hold copies, one of them is asked. */
  async currentStatus(key: ModelKey, signal: AbortSignal): Promise<ModelStatus> {
    const { copies, placing, instance } = this.#parts;
    const record = this.#ownRecord(key);
    const elsewhere = record !== undefined && [...record.copies.keys()].some((id) => id !== instance);
    if (!elsewhere || copies.knowledge(key) === 'loaded') return this.statusOf(key);
    const asked = await placing.askHolders(record, signal);
    return this.#statusWith(this.#ownRecord(key), asked && { at: asked.at, copy: asked.copy.kind });
  }

  /** The status of a model that was just seen to: what its instance answered is newer than what the registry has told here of the claim. */
  #statusOfSeen(key: ModelKey, seen: SeenTo): ModelStatus {
    const { copies, instance, clock } = this.#parts;
    const record = this.#ownRecord(key);
    if (record === undefined || seen.at === instance || copies.knowledge(key) === 'loaded') return this.statusOf(key);
    return this.#statusWith(record.copies.has(seen.at) ? record : withCopyClaimed(record, seen.at, clock.wallMs()), seen);
  }

  /** Of copies elsewhere, by what one of their instances has said. */
  #statusWith(
    record: ModelRecord | undefined,
    told: { readonly at: InstanceId; readonly copy: PeerCopy['kind'] } | undefined,
  ): ModelStatus {
    const { copies, instance } = this.#parts;
    return modelStatus(record, (location) => {
      const kind = location === instance && record !== undefined ? copies.knowledge(record.key) : undefined;
      const copy = kind ?? (location === told?.at ? told.copy : 'absent');
      return copy === 'loaded' || copy === 'loading' ? copy : 'unknown';
    });
  }

  /** The record of a model with what this instance knows of its own copy and is still writing: a load under way, or one that failed. */
  #ownRecord(key: ModelKey): ModelRecord | undefined {
    const { mirror, copies, instance, clock } = this.#parts;
    const record = mirror.view.model(DEFAULT_NAMESPACE, key)?.record;
    if (record === undefined) return undefined;
    const failure = copies.failure(key);
    if (failure !== null && !record.failures.has(instance)) return withFailure(record, instance, failure);
    const claims = copies.knowledge(key) !== 'absent' && !record.copies.has(instance);
    return claims ? withCopyClaimed(record, instance, clock.wallMs()) : record;
  }

  /** Points an endpoint at a model. */
  async setEndpoint(request: Omit<SetEndpointRequest, 'namespace'>, signal: AbortSignal): Promise<EndpointStatus> {
    const { mirror } = this.#parts;
    const scoped = { ...request, namespace: DEFAULT_NAMESPACE };
    return this.carryOut(request.vModelId, () => decideSetEndpoint(mirror.view, scoped, this.endpointEnv()), signal);
  }

  /** Carries out any decision about an endpoint, waits for what it asks to wait for, and answers with the status. */
  async carryOut(id: string, decide: () => EndpointDecision, signal: AbortSignal): Promise<EndpointStatus> {
    await this.carryOutAt(id, decide, signal);
    return this.endpointStatus(id, '');
  }

  /** As {@link carryOut}, and says what was decided at last and at which revision of the registry it was written; `null`: it was nothing. */
  async carryOutAt(
    id: string,
    decide: () => EndpointDecision,
    signal: AbortSignal,
  ): Promise<{ readonly decision: Exclude<EndpointDecision, { kind: 'error' }>; readonly at: Revision | null }> {
    const { result: decision, at } = await this.#decidedAt(decide);
    if (decision.kind === 'write') {
      this.#parts.events.emit({ kind: 'endpoint-changed', endpoint: id, message: `endpoint ${id} changed` });
      this.#warm(id, decision.warm ?? []);
    }
    await this.#followEndpoint(decision.next, signal);
    return { decision, at };
  }

  /** Loads what an endpoint's calls will soon go to. Nobody waits for it: calls load what they find unloaded. */
  #warm(id: string, models: readonly WarmedModel[]): void {
    const { placing, scope, events } = this.#parts;
    for (const { model, lastUsedMs } of models) {
      placing.ensure(model, { lastUsedMs, sync: false, exclude: [], signal: scope.signal }).catch((error: unknown) => {
        if (scope.signal.aborted) return;
        const message = `endpoint ${id}: model ${model} could not be loaded ahead of its calls: ${toMeshError(error).message}`;
        events.emit({ kind: 'variant-not-loaded', endpoint: id, model, message });
      });
    }
  }

  /** Removes an endpoint; unknown ones and those of other owners are left alone. */
  async deleteEndpoint(id: string, owner: string): Promise<void> {
    const { mirror, events } = this.#parts;
    const request = { namespace: DEFAULT_NAMESPACE, vModelId: id, owner };
    const decision = await this.#decided(() => decideDeleteEndpoint(mirror.view, request, this.#env()));
    if (decision.kind === 'write') events.emit({ kind: 'endpoint-deleted', endpoint: id, message: `endpoint ${id} is deleted` });
  }

  endpointStatus(id: string, owner: string): EndpointStatus {
    const request = { namespace: DEFAULT_NAMESPACE, vModelId: id, owner };
    return endpointStatus(this.#parts.mirror.view, request, (record) => this.statusOf(record.key));
  }

  /** What decisions about endpoints know beside the records. */
  endpointEnv(): EndpointEnv {
    return {
      ...this.#env(),
      defaultOwner: this.#parts.defaultEndpointOwner,
      ...(this.#parts.policyAbilities === null ? {} : { abilities: this.#parts.policyAbilities }),
      isLoaded: (_namespace, key) => this.#parts.copies.knowledge(key) === 'loaded',
    };
  }

  /** Decides and writes until the decision stands. @throws {MeshError} the decision's own error, or the registry's. */
  async #decided<Decision extends ModelDecision | EndpointDecision>(decide: () => Decision): Promise<Decided<Decision>> {
    return (await this.#decidedAt(decide)).result;
  }

  #decidedAt<Decision extends ModelDecision | EndpointDecision>(
    decide: () => Decision,
  ): Promise<{ readonly result: Decided<Decision>; readonly at: Revision | null }> {
    return this.#parts.mirror.changeAt(() => {
      const decision = decide();
      if (decision.kind === 'error') throw decision.error;
      return { writes: decision.kind === 'write' ? decision.writes : [], result: decision as Decided<Decision> };
    });
  }

  async #follow(decision: ModelDecision, signal: AbortSignal): Promise<ModelStatus> {
    if (decision.kind === 'error') throw decision.error;
    const { next } = decision;
    if (next.kind === 'none') return this.statusOf((decision.record as ModelRecord).key);
    return this.#load(next.model, next.lastUsedMs, next.sync, signal);
  }

  async #followEndpoint(next: EndpointFollowUp, signal: AbortSignal): Promise<void> {
    switch (next.kind) {
      case 'none':
        return;
      case 'ensure-loaded':
        await this.#load(next.model, next.lastUsedMs, next.sync, signal);
        return;
      case 'await-transition':
        if (next.sync) await this.transitions.settled(next.id, next.target, signal);
    }
  }

  async #load(key: ModelKey, lastUsedMs: EpochMs, sync: boolean, signal: AbortSignal): Promise<ModelStatus> {
    const { placing, claims } = this.#parts;
    const came = await placing.ensure(key, { lastUsedMs, sync, exclude: [], signal }).catch(toMeshError);
    if (signal.aborted) throw signal.reason;
    const failure = came instanceof MeshError ? came : null;
    if (failure !== null && FINAL_KINDS.has(failure.kind)) throw failure;
    // The outcome is known before its record is written; the answer speaks of the record.
    if (sync) await claims.settled(key);
    const status = came instanceof MeshError ? await this.currentStatus(key, signal) : this.#statusOfSeen(key, came);
    if (failure === null || (failure.kind === 'load-failed' && status.status === 'LOADING_FAILED')) return status;
    if (status.status === 'LOADED') return status;
    return { status: 'LOADING_FAILED', errors: [failure.message], copies: [] };
  }

  readonly #ensureTarget: EnsureTarget = async ({ model, copies, lastUsedMs, timeoutMs }, signal): Promise<TargetEvidence> => {
    const timeout = new AbortController();
    const timer = this.#parts.clock.after(timeoutMs, () => timeout.abort());
    const ended = AbortSignal.any([timeout.signal, signal]);
    try {
      const ensure = this.#parts.ensureCopies ?? ((key, wanted, until) => this.#load(key, wanted.lastUsedMs, true, until));
      const { status } = await ensure(model, { copies, lastUsedMs }, ended);
      return { target: model, copies, outcome: EVIDENCE[status] };
    } catch {
      return { target: model, copies, outcome: this.#parts.copies.knowledge(model) === 'loading' ? 'loading' : 'not-loaded' };
    } finally {
      timer.cancel();
    }
  };

  #env(): RegistrationEnv {
    return { nowMs: this.#now(), readOnly: this.#parts.readOnly };
  }

  #now(): EpochMs {
    return this.#parts.clock.wallMs();
  }

  #emit(kind: string, model: string, what: string): void {
    this.#parts.events.emit({ kind, model, message: `model ${model} is ${what}` });
  }
}

/** A decision that stands. */
type Decided<Decision> = Exclude<Decision, { kind: 'error' }>;

/** What is no news about a load: the caller's own mistake, or a registry that nobody can write to. */
const FINAL_KINDS: ReadonlySet<string> = new Set(['model-not-found', 'registry-unavailable', 'cancelled']);

const EVIDENCE: Readonly<Record<ModelStatus['status'], TargetEvidence['outcome']>> = {
  LOADED: 'loaded',
  LOADING: 'loading',
  LOADING_FAILED: 'load-failed',
  NOT_FOUND: 'not-loaded',
  NOT_LOADED: 'not-loaded',
  UNKNOWN: 'not-loaded',
};

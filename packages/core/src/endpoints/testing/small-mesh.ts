import { keyOf, type RegistryWrite, withCopyClaimed, withFailure } from '../../records/index.ts';
import {
  type CopyKnowledge,
  decideEnsure,
  decideRegister,
  decideUnregister,
  type ModelDecision,
  type ModelStatus,
  modelStatus,
} from '../../registration/index.ts';
import { DEFAULT_NAMESPACE, durationMs, type EndpointId, epochMs, instanceId, type ModelKey, revision } from '../../units.ts';
import { RegistryView } from '../../view/index.ts';
import type { EndpointDecision, EndpointEnv, SetEndpointRequest } from '../decision.ts';
import { decideDeleteEndpoint } from '../delete-endpoint.ts';
import { decideSetEndpoint } from '../set-endpoint.ts';
import { type EndpointStatus, endpointStatus } from '../status.ts';
import { nextTransitionStep, type TransitionEnv } from '../transition.ts';

const INSTANCES = ['inst1', 'inst2', 'inst3'].map(instanceId);
/** Instances that a copy may stand on. */
export const INSTANCES_MAX = INSTANCES.length;
/** After this a failed load counts for nothing. */
export const FAILURE_EXPIRY_MS = durationMs(900_000);

/** The fields of a model as the management service spells them. */
interface SpelledInfo {
  readonly type?: string;
  readonly path?: string;
  readonly key?: string;
}

/** A `setVModel` with everything left out that the caller left out. */
export type SpelledSet = Partial<Omit<SetEndpointRequest, 'namespace' | 'modelInfo'>> & { readonly modelInfo?: SpelledInfo };

const infoOf = ({ type = '', path = '', key = '' }: SpelledInfo) => ({ type, path, encKey: key });

/**
 * A mesh of three instances without any I/O, for tests: it carries out what the decisions of this room and of `registration` say, on a view, with loads
 * that end at once. A path that reads `fail CODE text` fails to load. Every transaction is checked against the revisions that it names.
 */
export class SmallMesh {
  readonly view = new RegistryView();
  /** Transactions in order. */
  readonly committed: (readonly RegistryWrite[])[] = [];
  nowMs = epochMs(1_000_000_000_000);
  #revision = 0;

  readonly env: EndpointEnv = {
    nowMs: this.nowMs,
    isLoaded: (namespace, key) => (this.view.model(namespace, key)?.record.copies.size ?? 0) > 0,
  };

  /** What transitions know beside the records. */
  transitionEnv(): TransitionEnv {
    return { nowMs: this.nowMs, failureExpiryMs: FAILURE_EXPIRY_MS };
  }

  register(modelId: string, info?: SpelledInfo, more: { readonly loadNow?: boolean } = {}): ModelStatus {
    const loadNow = more.loadNow ?? false;
    const request = {
      namespace: DEFAULT_NAMESPACE,
      modelId,
      info: infoOf(info ?? {}),
      loadNow,
      sync: true,
      lastUsedMs: epochMs(0),
    };
    return this.#finish(decideRegister(this.view, request, this.env));
  }

  unregister(modelId: string): void {
    this.#finish(decideUnregister(this.view, DEFAULT_NAMESPACE, modelId, this.env));
  }

  ensureLoaded(modelId: string): ModelStatus {
    const request = { namespace: DEFAULT_NAMESPACE, modelId, lastUsedMs: epochMs(0), sync: true };
    return this.#finish(decideEnsure(this.view, request, this.env));
  }

  modelStatus(modelId: string): ModelStatus {
    return modelStatus(this.view.model(DEFAULT_NAMESPACE, modelId as ModelKey)?.record, (): CopyKnowledge => 'loaded');
  }

  setVModel(spelled: SpelledSet): EndpointStatus {
    const request: SetEndpointRequest = {
      vModelId: '',
      targetModelId: '',
      owner: '',
      updateOnly: false,
      autoDeleteTargetModel: false,
      loadNow: false,
      force: false,
      sync: false,
      expectedTargetModelId: '',
      ...spelled,
      namespace: DEFAULT_NAMESPACE,
      modelInfo: spelled.modelInfo === undefined ? undefined : infoOf(spelled.modelInfo),
    };
    this.carryOut(decideSetEndpoint(this.view, request, this.env));
    if (request.sync) this.runTransition(request.vModelId);
    return this.vModelStatus(request.vModelId);
  }

  deleteVModel(vModelId: string, owner = ''): void {
    this.carryOut(decideDeleteEndpoint(this.view, { namespace: DEFAULT_NAMESPACE, vModelId, owner }, this.env));
  }

  vModelStatus(vModelId: string, owner = ''): EndpointStatus {
    const loaded = (): CopyKnowledge => 'loaded';
    return endpointStatus(this.view, { namespace: DEFAULT_NAMESPACE, vModelId, owner }, (record) => modelStatus(record, loaded));
  }

  /** Carries a decision out; throws its error. */
  carryOut(decision: EndpointDecision): void {
    if (decision.kind === 'error') throw decision.error;
    if (decision.kind === 'write') this.commit(decision.writes);
    if (decision.next.kind === 'ensure-loaded') this.load(decision.next.model);
  }

  /** Drives a transition until there is nothing more to do. */
  runTransition(id: string): void {
    let evidence: Parameters<typeof nextTransitionStep>[3];
    for (;;) {
      const step = nextTransitionStep(this.view, DEFAULT_NAMESPACE, id as EndpointId, evidence, this.transitionEnv());
      if (step.kind === 'settled' || step.kind === 'wait') return;
      if (step.kind === 'ensure-target') {
        const { model: target, copies } = step;
        evidence = { target, copies, outcome: this.load(target, copies) ? 'loaded' : 'load-failed' };
      } else this.commit(step.writes);
    }
  }

  /** Loads a model until it has so many copies, or one on each instance, unless it has failed; whether it is loaded then. */
  load(key: ModelKey, copies = 1): boolean {
    const stored = this.view.model(DEFAULT_NAMESPACE, key);
    if (stored === undefined) return false;
    const { record, revision: expected } = stored;
    if (record.copies.size >= Math.min(copies, INSTANCES_MAX)) return true;
    if (record.copies.size === 0 && record.failures.size > 0) return false;
    const [, code, message] = /^fail (\S+) (.*)$/.exec(record.path) ?? [];
    const after =
      code === undefined
        ? INSTANCES.slice(0, copies).reduce((claimed, instance) => withCopyClaimed(claimed, instance, this.nowMs), record)
        : withFailure(record, INSTANCES[0] ?? instanceId(''), { atMs: this.nowMs, message: `${code}: ${message}` });
    this.commit([{ kind: 'put', key: keyOf(after), record: after, expected }]);
    return code === undefined;
  }

  /** Forgets every copy of a model, as after an eviction. */
  evict(key: ModelKey): void {
    const stored = this.view.model(DEFAULT_NAMESPACE, key);
    if (stored === undefined) return;
    const record = { ...stored.record, copies: new Map() };
    this.commit([{ kind: 'put', key: keyOf(record), record, expected: stored.revision }]);
  }

  /** Commits a transaction after checking every revision that it names. */
  commit(writes: readonly RegistryWrite[]): void {
    for (const { key, expected } of writes) {
      if (expected === 'any') continue;
      const actual = this.#revisionOf(key);
      if (expected !== actual) throw new Error(`${JSON.stringify(key)} is at ${actual}, not ${expected}`);
    }
    this.#revision += 1;
    this.committed.push(writes);
    this.view.applyCommitted(writes, revision(this.#revision), this.nowMs);
  }

  #revisionOf(key: RegistryWrite['key']): number {
    switch (key.kind) {
      case 'model':
        return this.view.model(key.namespace, key.key)?.revision ?? 0;
      case 'endpoint':
        return this.view.endpoint(key.namespace, key.id)?.revision ?? 0;
      case 'policy':
        return this.view.policy(key.namespace, key.id)?.revision ?? 0;
      case 'instance':
      case 'weights':
      case 'figures':
      case 'policy-ack':
      case 'policy-revision':
        throw new Error(`no transaction of these rooms may depend on ${key.kind}`);
    }
  }

  #finish(decision: ModelDecision): ModelStatus {
    if (decision.kind === 'error') throw decision.error;
    if (decision.kind === 'write') this.commit(decision.writes);
    if (decision.next.kind === 'ensure-loaded') this.load(decision.next.model);
    return modelStatus(
      decision.record === undefined ? undefined : this.view.model(decision.record.namespace, decision.record.key)?.record,
      (): CopyKnowledge => 'loaded',
    );
  }
}

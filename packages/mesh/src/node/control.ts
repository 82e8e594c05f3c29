/**
 * What the node's control does for its callers: management over gRPC and REST, the repository calls of the Open Inference Protocol, and the
 * command line behind them. Every method rejects with a `MeshError`.
 */
import type { DurationMs, EndpointId, EpochMs, InstanceId, ModelKey } from '@modelmesh/core';
import type { EndpointStatus, PolicyChanges, SetEndpointRequest } from '@modelmesh/core/endpoints';
import type { DecisionQuery, DecisionRecord } from '@modelmesh/core/journal';
import type {
  EndpointPolicy,
  EndpointRecord,
  InstanceRecord,
  ModelRecord,
  PolicyRecord,
  PolicyRevision,
} from '@modelmesh/core/records';
import type { ModelStatus, RegisterRequest } from '@modelmesh/core/registration';
import type { MirrorDiff, PickExplanation } from '@modelmesh/core/traffic';
import type { Acknowledgement } from './policies/index.ts';

/** Decisions that one question is answered with. */
export const EXPLAINED_MAX = 200;

/** A decision and the node that made it. */
export interface MadeDecision extends DecisionRecord {
  readonly madeBy: InstanceId;
}

/** Decisions of a mesh. */
export interface MeshDecisions {
  readonly records: readonly MadeDecision[];
  /** Nodes that did not answer: what they decided is missing. */
  readonly unanswered: readonly InstanceId[];
}

/** How the answers of an endpoint's shadows compare, over all nodes. */
export interface MeshDiffs {
  /** The newest revision first. */
  readonly mirrors: readonly MirrorDiff[];
  /** Nodes that did not answer: what they saw is missing. */
  readonly unanswered: readonly InstanceId[];
}

/** A manifest that was applied. */
export interface Applied {
  readonly kind: 'Model' | 'Endpoint' | 'InferenceService';
  readonly name: string;
  readonly change: 'created' | 'configured' | 'unchanged';
  readonly warnings: readonly string[];
  /** Of an endpoint with a policy: what became of the edit. */
  readonly edit: EndpointEdit | null;
}

/** How a manifest is applied. */
export interface ApplyOptions {
  /** Says what would change, and changes nothing. */
  readonly dryRun?: boolean;
  /** How long the answer waits until all nodes run what was written; left out or 0: it does not. */
  readonly waitMs?: DurationMs;
  /** The revision of the policy that the edit was made from; 0: there is none. Another one in force is not overwritten. */
  readonly expectedRevision?: PolicyRevision;
}

/** What became of an edit of an endpoint's policy. */
export interface EndpointEdit {
  /** In force after it; of one that was only tried, the revision that it would have. */
  readonly revision: PolicyRevision;
  readonly changes: PolicyChanges;
  /** Who runs it; `null`: nobody waited for that. */
  readonly acknowledgement: Acknowledgement | null;
}

/** One policy that an endpoint had or has. */
export interface PastPolicy {
  readonly record: PolicyRecord;
  /** Against the revision before; `null`: that is not kept any more. */
  readonly changes: PolicyChanges | null;
}

/** A call that nobody makes, as far as policies may know of it. */
export interface PreviewedCall {
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly query: ReadonlyMap<string, string>;
  readonly path: string;
  readonly method: string;
  readonly tenant: string;
  readonly client: string;
  /** Values of declared payload fields, as texts. */
  readonly payload: ReadonlyMap<string, string>;
  /** The unit that a sticky token would bring; `null`: the call has no token. */
  readonly unit: string | null;
}

/** Where such a call would go, and why. */
export interface CallPreview {
  readonly endpoint: EndpointId;
  /** 0: the endpoint has no policy. */
  readonly revision: PolicyRevision;
  readonly variant: string;
  readonly reason: string;
  /** The rule that decides; `null`: none does. */
  readonly rule: string | null;
  /** Another call of the same kind may get another variant. */
  readonly byChance: boolean;
  readonly rules: PickExplanation['rules'];
  readonly unit: string | null;
  readonly slot: number | null;
  readonly variants: PickExplanation['variants'];
  /** Shadows that get such calls too, with their shares. */
  readonly mirrors: readonly { readonly to: string; readonly percent: number }[];
  /** The variant that answers where this one does not; `null`: none. */
  readonly fallback: string | null;
  readonly model: ModelKey;
  readonly status: ModelStatus['status'];
  readonly copies: readonly { readonly instance: InstanceId; readonly status: ModelStatus['copies'][number]['status'] }[];
}

/** What is known of a model's size here, in the order in which it is learned, in bytes; `null`: not known. */
export interface ModelMemory {
  /** What its owner declared. */
  readonly declaredBytes: number | null;
  /** What the runtime said before the load of the present copy. */
  readonly predictedBytes: number | null;
  /** What the last load here took. */
  readonly measuredBytes: number | null;
  /** The highest that was seen while it served. */
  readonly highWaterBytes: number | null;
  /** What is booked for the copy here. */
  readonly bookedBytes: number | null;
}

/** A model with everything that is known of it here. */
export interface ModelDetail {
  readonly record: ModelRecord;
  readonly status: ModelStatus;
  /** The last call, or load that somebody asked for, as far as it is known here; `null`: none since the model was registered. */
  readonly lastUsedMs: EpochMs | null;
  readonly memory: ModelMemory;
}

/** An endpoint with its policy, if it has one. */
export interface EndpointDetail {
  readonly record: EndpointRecord;
  readonly policy: EndpointPolicy | null;
  /** What failed loads said of variants that cannot be loaded, by their names. */
  readonly failing: ReadonlyMap<string, string>;
}

/** One thing that happened, for people: streamed to whoever listens and kept for a while. */
export interface NodeEvent {
  readonly id: number;
  readonly atMs: EpochMs;
  /** For instance `model-loaded`; the list is in the reference. */
  readonly kind: string;
  readonly model: string | null;
  readonly endpoint: string | null;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

/** One page of a listing; `next` continues it. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** Ask of a listing. */
export interface PageRequest {
  /** Only names after this one. */
  readonly after: string | null;
  readonly limit: number;
}

/** Control as the rest of the node may use it. */
export interface Control {
  registerModel(request: Omit<RegisterRequest, 'namespace'>, signal: AbortSignal): Promise<ModelStatus>;
  /** Unknown ids succeed. */
  unregisterModel(key: string): Promise<void>;
  modelStatus(key: string): Promise<ModelStatus>;
  /** `model-not-found` for unknown ids; a failed load is a status, not an error. `sync`: waits for the load. */
  ensureLoaded(key: string, lastUsedMs: EpochMs, sync: boolean, signal: AbortSignal): Promise<ModelStatus>;
  /** Drops the copies and keeps the registration. */
  unloadCopies(key: string): Promise<void>;

  setEndpoint(request: Omit<SetEndpointRequest, 'namespace'>, signal: AbortSignal): Promise<EndpointStatus>;
  deleteEndpoint(id: string, owner: string): Promise<void>;
  endpointStatus(id: string, owner: string): Promise<EndpointStatus>;

  /** Applies one manifest, given as the plain object that YAML or JSON parse to. */
  apply(manifest: unknown, signal: AbortSignal, options?: ApplyOptions): Promise<Applied>;
  /** The policies of an endpoint that are kept, newest first. `endpoint-not-found` for an unknown one; a vmodel has none. */
  policyHistory(id: string): Promise<readonly PastPolicy[]>;
  /** Where a call would go, and why; nothing is sent. `invalid-argument` for payload fields that the policy does not declare. */
  previewCall(id: string, call: PreviewedCall): CallPreview;
  /** Puts an earlier policy in force again, as a new revision. @param to `null`: the one before the one in force */
  undo(id: string, to: PolicyRevision | null, options: ApplyOptions, signal: AbortSignal): Promise<Applied>;
  /** Deletes what a manifest of that kind and name made. */
  deleteResource(kind: Applied['kind'], name: string): Promise<void>;

  models(page: PageRequest): Page<ModelDetail>;
  model(key: string): ModelDetail | null;
  endpoints(page: PageRequest): Page<EndpointDetail>;
  endpoint(id: string): EndpointDetail | null;
  instances(): readonly InstanceRecord[];

  /** Events after `afterId` that are still kept, then new ones as they come, until the returned function is called. */
  subscribe(afterId: number | null, listener: (event: NodeEvent) => void): () => void;
  /** Decisions of this node's control that are still kept, newest first, at most {@link EXPLAINED_MAX}. */
  decided(query: DecisionQuery): readonly DecisionRecord[];
  /** As `decided`, with the copies that its data plane chose. */
  explain(query: DecisionQuery, signal: AbortSignal): Promise<readonly DecisionRecord[]>;
  /** Decisions of all nodes of the mesh that are still kept, newest first, at most {@link EXPLAINED_MAX}. */
  explainMesh(query: DecisionQuery, signal: AbortSignal): Promise<MeshDecisions>;
  /** How the answers of an endpoint's shadows compare, of the calls that entered at this node. */
  diff(endpoint: string, signal: AbortSignal): Promise<readonly MirrorDiff[]>;
  /** The same of all nodes of the mesh. */
  diffMesh(endpoint: string, signal: AbortSignal): Promise<MeshDiffs>;
  readonly ready: boolean;
}

/**
 * What the node's control does for its callers: management over gRPC and REST, the repository calls of the Open Inference Protocol, and the
 * command line behind them. Every method rejects with a `MeshError`.
 */
import type { EpochMs, InstanceId, ModelKey } from '@modelmesh/core';
import type { EndpointPolicy, EndpointRecord, InstanceRecord, ModelRecord, NewModelRecord } from '@modelmesh/core/records';

/** Where one copy of a model stands, or why it is not there. */
export interface CopyStatus {
  readonly location: InstanceId;
  readonly status: 'loading' | 'loaded' | 'failed' | 'unknown';
  readonly atMs: EpochMs;
}

/** A model as callers see it (spec `modelmesh.md` §1.1). */
export interface ModelStatus {
  readonly status: 'not-found' | 'not-loaded' | 'loading' | 'loaded' | 'loading-failed' | 'unknown';
  /** Load failures, most recent first. */
  readonly errors: readonly string[];
  /** Most recent first. */
  readonly copies: readonly CopyStatus[];
}

/** An endpoint as callers see it (spec `modelmesh.md` §5.4). */
export interface EndpointStatus {
  readonly status: 'not-found' | 'defined' | 'transitioning' | 'transition-failed' | 'unknown';
  readonly owner: string;
  readonly active: ModelKey | null;
  readonly target: ModelKey | null;
  readonly activeStatus: ModelStatus | null;
  /** Only while the target is another model. */
  readonly targetStatus: ModelStatus | null;
}

/** Registers a model, or finds it registered alike. */
export interface RegisterModel {
  readonly fields: NewModelRecord;
  readonly loadNow: boolean;
  readonly sync: boolean;
  /** 0: the default age (spec §1.1). */
  readonly lastUsedMs: EpochMs;
}

/** Points an endpoint at a model (spec `modelmesh.md` §5.2). Empty strings mean "not given". */
export interface SetEndpoint {
  readonly id: string;
  readonly target: string;
  readonly owner: string;
  readonly updateOnly: boolean;
  readonly model: { readonly type: string; readonly path: string; readonly encKey: string } | null;
  readonly autoDeleteTarget: boolean;
  readonly loadNow: boolean;
  readonly force: boolean;
  readonly sync: boolean;
  readonly expectedTarget: string;
}

/** A manifest that was applied. */
export interface Applied {
  readonly kind: 'Model' | 'Endpoint' | 'InferenceService';
  readonly name: string;
  readonly change: 'created' | 'configured' | 'unchanged';
  readonly warnings: readonly string[];
}

/** A model with everything that is known of it here. */
export interface ModelDetail {
  readonly record: ModelRecord;
  readonly status: ModelStatus;
  /** Memory of the copy here: what was declared, predicted, measured and its peak, in bytes; `null` without a copy. */
  readonly memory: {
    readonly declaredBytes: number | null;
    readonly predictedBytes: number | null;
    readonly measuredBytes: number | null;
    readonly peakBytes: number | null;
    readonly bookedBytes: number;
  } | null;
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
  registerModel(request: RegisterModel, signal: AbortSignal): Promise<ModelStatus>;
  /** Unknown ids succeed. */
  unregisterModel(key: string): Promise<void>;
  modelStatus(key: string): Promise<ModelStatus>;
  /** `model-not-found` for unknown ids; a failed load is a status, not an error. `sync`: waits for the load. */
  ensureLoaded(key: string, lastUsedMs: EpochMs, sync: boolean, signal: AbortSignal): Promise<ModelStatus>;
  /** Drops the copies and keeps the registration. */
  unloadCopies(key: string): Promise<void>;

  setEndpoint(request: SetEndpoint, signal: AbortSignal): Promise<EndpointStatus>;
  deleteEndpoint(id: string, owner: string): Promise<void>;
  endpointStatus(id: string, owner: string): Promise<EndpointStatus>;

  /** Applies one manifest, given as the plain object that YAML or JSON parse to. */
  apply(manifest: unknown, signal: AbortSignal): Promise<Applied>;
  /** Deletes what a manifest of that kind and name made. */
  deleteResource(kind: Applied['kind'], name: string): Promise<void>;

  models(page: PageRequest): Page<ModelDetail>;
  model(key: string): ModelDetail | null;
  endpoints(page: PageRequest): Page<{ readonly record: EndpointRecord; readonly policy: EndpointPolicy | null }>;
  endpoint(id: string): { readonly record: EndpointRecord; readonly policy: EndpointPolicy | null } | null;
  instances(): readonly InstanceRecord[];

  /** Events after `afterId` that are still kept, then new ones as they come, until the returned function is called. */
  subscribe(afterId: number | null, listener: (event: NodeEvent) => void): () => void;
  /** Decision records that mention `model`, newest first. */
  explain(model: string): readonly unknown[];
  readonly ready: boolean;
}

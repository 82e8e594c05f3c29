import type { DurationMs, EpochMs } from '@modelmesh/core';
import type { ModelStatus } from '@modelmesh/core/registration';
import type { Authorizer } from '../../authz/index.ts';
import type { ByteBudget, Plane } from '../call/index.ts';

/** What REST needs of the node's control: the repository calls and readiness. Every method rejects with a `MeshError`. */
export interface RepositoryControl {
  /** Whether the node can serve. */
  readonly ready: boolean;
  modelStatus(key: string): Promise<ModelStatus>;
  /** A failed load is a status, not an error. `sync`: waits for the load. */
  ensureLoaded(key: string, lastUsedMs: EpochMs, sync: boolean, signal: AbortSignal): Promise<ModelStatus>;
  /** Drops the copies and keeps the registration. */
  unloadCopies(key: string): Promise<void>;
}

/** Bounds of REST inference. */
export interface RestLimits {
  /** The largest body, before and after decompression. */
  readonly bodyBytesMax: number;
  /** Deadline of a call that brings no `mm-timeout-ms`; streams have none. */
  readonly unaryTimeoutMs: DurationMs;
}

/** What REST inference stands on. */
export interface RestDeps {
  readonly plane: Plane;
  readonly control: RepositoryControl;
  readonly authorizer: Authorizer;
  readonly limits: RestLimits;
  /** Bodies and answers that are held at the same time; beyond: 429. */
  readonly bodies: ByteBudget;
  /** What `GET /v2` says of the server. */
  readonly server: { readonly name: string; readonly version: string };
}

import { Bug, type DurationMs, type ModelKey } from '@modelmesh/core';
import type { ModelReadiness } from '@modelmesh/core/registration';
import type { RepositoryEntry } from '@modelmesh/wire/oip';
import type { Authorizer } from '../../authz/index.ts';
import type { ByteBudget, Plane } from '../call/index.ts';

/** The node's models as the repository calls of the Open Inference Protocol see them. Methods throw or reject with a `MeshError`. */
export interface Repository {
  /** Whether the node can serve. */
  readonly ready: boolean;
  /** Every model, as the index lists it. */
  entries(): readonly RepositoryEntry[];
  /** `undefined` for a model that is not registered. */
  readiness(model: ModelKey): ModelReadiness | undefined;
  /** Loads a model and waits for it; a load that failed is an error with the runtime's reason. */
  load(model: ModelKey, signal: AbortSignal): Promise<void>;
  /** Drops the copies and keeps the registration. */
  unload(model: ModelKey): Promise<void>;
}

/** Of a handler that is given nothing but calls for models. */
export const UNASKED_REPOSITORY: Repository = {
  get ready(): boolean {
    throw new Bug('control answers this');
  },
  entries: () => {
    throw new Bug('control answers this');
  },
  readiness: () => {
    throw new Bug('control answers this');
  },
  load: () => Promise.reject(new Bug('control answers this')),
  unload: () => Promise.reject(new Bug('control answers this')),
};

/** Bounds of REST inference. */
export interface RestLimits {
  /** The largest body, before and after decompression. */
  readonly bodyBytesMax: number;
  /** Deadline of a call that brings no `mm-timeout-ms`; streams have none. */
  readonly unaryTimeoutMs: DurationMs;
  /**
   * Announced bytes of large bodies (above 64 KiB) that are read or answered at the same time; further ones wait. 128 MiB unless given; read
   * once. Answers as large as their questions need twice as much again, which `bodies` must have room for.
   */
  readonly largeBodiesBytesMax?: number;
}

/** What REST inference stands on. */
export interface RestDeps {
  readonly plane: Plane;
  readonly repository: Repository;
  readonly authorizer: Authorizer;
  readonly limits: RestLimits;
  /** Bodies and answers that are held at the same time; beyond: 429. */
  readonly bodies: ByteBudget;
  /** Told before bodies of so many bytes are converted, which holds up everything else. */
  readonly onWork?: (byteCount: number) => void;
  /** What `GET /v2` says of the server. */
  readonly server: { readonly name: string; readonly version: string };
}

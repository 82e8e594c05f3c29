import { create, toBinary } from '@bufbuild/protobuf';
import { durationMs, MeshError, type ModelKey, monotonicMs, toMeshError } from '@modelmesh/core';
import { frameMessage } from '@modelmesh/grpc/framing';
import { ModelMetadataRequestSchema } from '@modelmesh/wire/inference';
import { decodeModelMetadata, type ModelMetadata } from '@modelmesh/wire/oip';
import type { ModelRoute, RemoteCopy, SlotRef } from '../../link/index.ts';
import { type Failure, failureOf } from './failure.ts';
import type { RestDeps } from './rest-deps.ts';
import { METHOD } from './rest-method.ts';
import { restRuntimeHeaders } from './runtime-metadata.ts';
import { UnaryCall, type UnaryOutcome } from './unary-call.ts';

/** Waits for a model's metadata. Told exactly once, unless it left before. */
export interface MetadataWaiter {
  onMetadata(metadata: ModelMetadata): void;
  onMetadataFailed(failure: Failure): void;
}

/** Bounds of a {@link MetadataBook}. */
export interface MetadataLimits {
  /** Models whose metadata is kept; the one that was used longest ago gives way. */
  readonly entriesMax: number;
  /** Metadata above this is asked for every time. */
  readonly entryBytesMax: number;
  /** Calls that wait for metadata at the same time. */
  readonly waitersMax: number;
}

/** At most 64 MiB of messages, and as many calls as may wait for models elsewhere. */
export const METADATA_LIMITS: MetadataLimits = { entriesMax: 1024, entryBytesMax: 65_536, waitersMax: 4096 };
const RETRY_AFTER_MS = durationMs(1000);

/** Where the copies were when one of them told it: here, or at others. */
type Source =
  | { readonly kind: 'here'; readonly slot: SlotRef }
  | { readonly kind: 'elsewhere'; readonly claims: readonly RemoteCopy[] };

interface Entry {
  readonly source: Source;
  readonly metadata: ModelMetadata;
}

/**
 * What runtimes say of their models. V1 and generate cannot read a request without it, so it is kept for as long as the copy that told it
 * lives; a cold model is loaded to be asked, once however many calls wait.
 */
export class MetadataBook {
  readonly #deps: RestDeps;
  readonly #limits: MetadataLimits;
  readonly #entries = new Map<ModelKey, Entry>();
  readonly #fetches = new Map<ModelKey, MetadataFetch>();
  #waiting = 0;

  constructor(deps: RestDeps, limits: MetadataLimits = METADATA_LIMITS) {
    this.#deps = deps;
    this.#limits = limits;
  }

  /** Models whose metadata is kept now. */
  get entries(): number {
    return this.#entries.size;
  }

  /** Calls that wait now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** What the copy that may be called now has told. */
  known(model: ModelKey): ModelMetadata | undefined {
    const entry = this.#entries.get(model);
    if (entry === undefined) return undefined;
    this.#entries.delete(model);
    if (!stillHolds(entry.source, this.#deps.plane.routes.model(model))) return undefined;
    this.#entries.set(model, entry);
    return entry.metadata;
  }

  /** Asks the runtime, or joins those who wait for its answer. @throws {MeshError} `overloaded` beyond the limit. */
  wait(model: ModelKey, waiter: MetadataWaiter): void {
    const { waitersMax } = this.#limits;
    if (this.#waiting >= waitersMax) {
      const sentence = `${waitersMax} calls wait already for the metadata of models; try again later`;
      throw new MeshError('overloaded', sentence, { retryAfterMs: RETRY_AFTER_MS });
    }
    this.#waiting += 1;
    const running = this.#fetches.get(model);
    if (running !== undefined) {
      running.waiters.add(waiter);
      return;
    }
    const fetch = new MetadataFetch(this, model);
    fetch.waiters.add(waiter);
    this.#fetches.set(model, fetch);
    fetch.start(this.#deps);
  }

  /** Stops waiting. The question goes on for those who still wait, and is withdrawn with the last; a load that it began goes on. */
  leave(model: ModelKey, waiter: MetadataWaiter): void {
    const fetch = this.#fetches.get(model);
    if (fetch?.waiters.delete(waiter) !== true) return;
    this.#waiting -= 1;
    if (fetch.waiters.size > 0) return;
    this.#fetches.delete(model);
    fetch.cancel();
  }

  /** The runtime has answered. */
  fetched(fetch: MetadataFetch, metadata: ModelMetadata, byteLength: number): void {
    const source = sourceOf(this.#deps.plane.routes.model(fetch.model));
    if (source !== undefined && byteLength <= this.#limits.entryBytesMax) this.#keep(fetch.model, { source, metadata });
    this.#tell(fetch, (waiter) => waiter.onMetadata(metadata));
  }

  /** It did not. */
  failed(fetch: MetadataFetch, failure: Failure): void {
    this.#tell(fetch, (waiter) => waiter.onMetadataFailed(failure));
  }

  #tell(fetch: MetadataFetch, tell: (waiter: MetadataWaiter) => void): void {
    this.#fetches.delete(fetch.model);
    for (const waiter of fetch.waiters) {
      // A waiter woken before this one may have made it leave.
      if (!fetch.waiters.delete(waiter)) continue;
      this.#waiting -= 1;
      tell(waiter);
    }
  }

  #keep(model: ModelKey, entry: Entry): void {
    this.#entries.delete(model);
    this.#entries.set(model, entry);
    if (this.#entries.size <= this.#limits.entriesMax) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}

function sourceOf(route: ModelRoute | undefined): Source | undefined {
  if (route === undefined) return undefined;
  if (route.local !== null) return { kind: 'here', slot: route.local };
  return route.remote.length === 0 ? undefined : { kind: 'elsewhere', claims: route.remote };
}

/** Whether the copy that told it may be the one that is called: of those elsewhere nobody knows which, and all hold the same model. */
function stillHolds(source: Source, route: ModelRoute | undefined): boolean {
  if (route === undefined) return false;
  if (source.kind === 'here')
    return route.local?.index === source.slot.index && route.local.generation === source.slot.generation;
  const isThere = ({ instance, sinceMs }: RemoteCopy): boolean =>
    route.remote.some((copy) => copy.instance === instance && copy.sinceMs === sinceMs);
  return route.local === null && source.claims.some(isThere);
}

/** One question to the runtime, and who waits for its answer. */
class MetadataFetch implements UnaryOutcome {
  readonly model: ModelKey;
  readonly waiters = new Set<MetadataWaiter>();
  readonly #book: MetadataBook;
  #call: UnaryCall | undefined;

  constructor(book: MetadataBook, model: ModelKey) {
    this.#book = book;
    this.model = model;
  }

  start({ plane, limits, bodies }: RestDeps): void {
    const { model } = this;
    const message = toBinary(ModelMetadataRequestSchema, create(ModelMetadataRequestSchema, { name: model }));
    const plan = {
      method: METHOD.metadata,
      model,
      endpoint: null,
      headers: restRuntimeHeaders(METHOD.metadata, undefined, model),
      encoding: 'identity',
      deadline: monotonicMs(plane.clock.monotonicMs() + limits.unaryTimeoutMs),
      deadlineIsDefault: true,
      callRetry: 'safe',
      balanced: false,
      origin: { requestId: null },
    } as const;
    const answers = { messageBytesMax: plane.limits.messageBytesMax, budget: bodies };
    this.#call = new UnaryCall(this, answers);
    this.#call.start(plane, plan, frameMessage([message]));
  }

  /** Nobody waits for the answer any more. */
  cancel(): void {
    this.#call?.cancel();
  }

  onAnswer(message: Uint8Array): void {
    let metadata: ModelMetadata;
    try {
      metadata = decodeModelMetadata(message);
    } catch (error) {
      this.#book.failed(this, failureOf(toMeshError(error)));
      return;
    }
    this.#book.fetched(this, metadata, message.length);
  }

  onFailure(failure: Failure): void {
    this.#book.failed(this, failure);
  }
}

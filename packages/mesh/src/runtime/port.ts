/**
 * The runtime port: what control asks of the process that loads and runs models. Inference does not pass here: the data plane opens its own
 * connections to {@link RuntimeReady.inference}.
 */
import type { Bytes, DurationMs, ModelKey } from '@modelmesh/core';
import type { ConnectTarget } from '@modelmesh/grpc/stream';

/** What the runtime needs to know of a model; the three strings are opaque to the mesh (spec `modelmesh.md` §1.3). */
export interface RuntimeModel {
  readonly key: ModelKey;
  readonly type: string;
  readonly path: string;
  /** ModelMesh's `modelKey`: JSON for the runtimes that we know. May hold a secret: never logged. */
  readonly encKey: string;
}

/** What the runtime said of itself when it became ready. */
export interface RuntimeReady {
  /** Grows with every life of the runtime; all copies of an earlier epoch are gone. */
  readonly epoch: number;
  readonly capacityBytes: Bytes;
  readonly loadingConcurrency: number;
  readonly loadTimeoutMs: DurationMs;
  readonly defaultModelBytes: Bytes;
  readonly version: string;
  /** Full method to injection path; see `link`'s `RuntimeAccess`. */
  readonly methods: ReadonlyMap<string, readonly number[]>;
  readonly anyMethod: boolean;
  readonly inference: ConnectTarget;
}

/** The life of the runtime as control sees it. */
export type RuntimeState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'ready'; readonly facts: RuntimeReady }
  /** Its connection or process is gone and is being brought back. */
  | { readonly kind: 'lost'; readonly message: string }
  /** It will not come back by itself. */
  | { readonly kind: 'failed'; readonly message: string };

/** A load that succeeded. */
export interface LoadedModel {
  /** `null`: the runtime did not say; ask `modelBytes`. */
  readonly bytes: Bytes | null;
  /** Calls that the runtime runs at a time in it; `null`: it sets no limit. */
  readonly concurrency: number | null;
}

/** Measured memory of the runtime process and its models. */
export interface RuntimeUsage {
  readonly models: readonly { readonly key: ModelKey; readonly bytes: Bytes; readonly peakBytes: Bytes }[];
  /** Private bytes of the runtime with no model loaded. */
  readonly baseBytes: Bytes;
  /** Private bytes now. */
  readonly privateBytes: Bytes;
}

/**
 * An adapter to one runtime. Methods reject with a `MeshError`: `load-failed` with the runtime's own `CODE: message` (spec §4.4.6), `unavailable`
 * when the runtime is away, `cancelled` when the signal fired.
 */
export interface Runtime {
  readonly state: RuntimeState;
  /** Called on every change of `state`. */
  onState: (state: RuntimeState) => void;
  /** Begins to look for the runtime, or starts it. */
  start(): void;
  /** The runtime's own prediction; `null` when it has none. Gives up after 500 ms (spec §1.3). */
  predictBytes(model: RuntimeModel): Promise<Bytes | null>;
  /** Loads and waits. Aborting cancels the load in the runtime; an `unload` must follow (spec §1.3). */
  load(model: RuntimeModel, signal: AbortSignal): Promise<LoadedModel>;
  /** Unloads and waits until the runtime says it is gone. An unknown model is a success. */
  unload(key: ModelKey): Promise<void>;
  /** Size of a loaded model; `null` when the runtime cannot say. */
  modelBytes(key: ModelKey): Promise<Bytes | null>;
  /** Measured memory; `null` when the runtime does not measure. */
  usage(): Promise<RuntimeUsage | null>;
  /** Drops the files that an unloaded model left behind, if the runtime keeps any. */
  releaseFiles(key: ModelKey): Promise<void>;
  /**
   * Ends the runtime and starts it again, if it is ours to start. Another one begins a new epoch, for which the contract has it purge its models
   * (spec §1.3).
   */
  recycle(reason: string): Promise<void>;
  /** Ends the connection, and the process when it is ours. */
  close(): Promise<void>;
}

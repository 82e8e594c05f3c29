/** What every model server of this runtime can do; each adapter passes the suite in `contract.ts`. */
import type { MeshError } from '@modelmesh/core';

/** What the mesh says about a model; spec `modelmesh.md` §1.3. */
export interface ModelRequest {
  readonly modelId: string;
  readonly modelType: string;
  readonly modelPath: string;
  readonly modelKey: string;
}

/** What a server tells the mesh about itself once it is ready. */
export interface ServerFacts {
  readonly capacityBytes: number;
  readonly loadingConcurrencyMax: number;
  readonly loadTimeoutMs: number;
  /** Booked for a model before anything better is known. */
  readonly defaultModelBytes: number;
  readonly version: string;
  /** Methods by `package.Service/Method`, with the field path where the mesh puts the model's id; empty path: no injection. */
  readonly methods: Readonly<Record<string, readonly number[]>>;
  /** Whether methods beyond {@link methods} are served too. */
  readonly allowsAnyMethod: boolean;
}

/** What a model takes, predicted before it is loaded. */
export interface PreparedModel {
  readonly predictedBytes: number;
  /** Size of the files on local disk. */
  readonly filesBytes: number;
}

/** Memory of one loaded model. */
export interface ModelUsage {
  readonly modelId: string;
  /** At the last quiet point. */
  readonly measuredBytes: number;
  /** The most that was ever attributed to it while it ran. */
  readonly peakBytes: number;
}

/** Memory of the runtime process. */
export interface ProcessUsage {
  /** With no model loaded. */
  readonly baseBytes: number;
  readonly privateBytes: number;
}

/** Header names in lower case. */
export interface CallHeaders {
  get(name: string): string | undefined;
}

/** One inference call towards its caller, message by message; a message is a list of chunks. */
export interface InferenceCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly headers: CallHeaders;
  send(message: readonly Uint8Array[]): void;
  /** Ends well, with trailers as name, value, name, value … */
  finish(trailers?: readonly string[]): void;
  fail(error: MeshError): void;
  /** Ends with a status of the model's own choice, as test servers do. */
  failWithStatus(grpcCode: number, message: string, trailers?: readonly string[]): void;
}

/** What a server does with one call. Every call ends in exactly one finish or fail, unless its caller cancels. */
export interface CallHandler {
  /** `message` belongs to the handler. */
  onMessage(message: readonly Uint8Array[], byteCount: number): void;
  /** The caller sends no more messages. */
  onEnd(): void;
  /** The caller is gone; nothing may be sent any more. */
  onCancel(): void;
}

/** A server of models. Ids are the mesh's; none is known to two models. */
export interface ModelServer {
  readonly facts: ServerFacts;
  /** Resolves once models can be loaded. @throws {MeshError} if they never can. */
  start(): Promise<void>;
  /** Brings and checks the files of a model without loading it. */
  prepare(request: ModelRequest, signal: AbortSignal): Promise<PreparedModel>;
  /** Predicts what a model will take from what is on this machine already. @throws {MeshError} `not-found` if it is not. */
  predict(request: ModelRequest, signal: AbortSignal): Promise<number>;
  /**
   * Loads a model and answers its measured size. Loading what is loaded from the same place succeeds at once, and loads of one model that
   * overlap are one load. When `signal` aborts, nothing of this call's load stays.
   */
  load(request: ModelRequest, signal: AbortSignal): Promise<number>;
  /** Unloads a model, waiting for a load of it that is being cancelled. Unknown ids are fine. */
  unload(modelId: string): Promise<void>;
  /** Measured size of a loaded model. @throws {MeshError} `model-not-found`. */
  size(modelId: string): number;
  /** Unloads everything. */
  purge(): Promise<void>;
  /** Of `modelIds`, or of all loaded models if it is empty; unknown ids are left out. */
  usage(modelIds: readonly string[]): readonly ModelUsage[];
  processUsage(): Promise<ProcessUsage>;
  /** Whether no model is loaded or on its way in or out. */
  isEmpty(): boolean;
  /** Nothing goes on: gives back memory that no model needs. Calls may come while it does. */
  rest(): void;
  /** Gives back the files of a model. @throws {MeshError} `failed-precondition` while it is loaded. */
  releaseFiles(modelId: string): Promise<void>;
  /** Takes an inference call. @throws {MeshError} `unsupported-method`. */
  accept(call: InferenceCall): CallHandler;
  /** Ends; models go with the process. */
  close(): Promise<void>;
}

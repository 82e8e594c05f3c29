import type { MeshError } from '@modelmesh/core';

/** One tensor of a model's metadata; spec `kserve.md` §4.3. */
export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** −1 where any size will do. */
  readonly shape: readonly number[];
}

/** What a model says about itself. */
export interface ModelMetadata {
  /** For instance `onnx_onnxv1`. */
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

/** Receives the answers of one inference. */
export interface InferSink {
  /** One ModelInferResponse. */
  answered(response: Uint8Array): void;
  failed(error: MeshError): void;
}

/** Takes an inference back. */
export interface InferTicket {
  cancel(): void;
}

/** A thing that can be asked by the Open Inference Protocol. */
export interface OipEngine {
  /** Name and version for ServerMetadata. */
  readonly name: string;
  readonly version: string;
  /** Metadata of a loaded model, else undefined. */
  metadata(modelId: string): ModelMetadata | undefined;
  /**
   * Runs a ModelInferRequest: exactly one answer or failure, perhaps at once. The chunks belong to the engine.
   *
   * @throws {MeshError} instead of calling the sink.
   */
  infer(modelId: string, request: readonly Uint8Array[], byteCount: number, sink: InferSink): InferTicket;
  /** The same for ModelStreamInfer: any number of answers, then `done`; without it each request of a stream has one answer. */
  inferStream?(modelId: string, request: readonly Uint8Array[], sink: InferSink & { done(): void }): InferTicket;
}

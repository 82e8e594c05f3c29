/** The Open Inference Protocol in front of any engine. */
export type { InferSink, InferTicket, ModelMetadata, OipEngine, TensorMetadata } from './engine.ts';
export { acceptOip, OIP_METHODS } from './oip-calls.ts';
export { STREAM_REQUESTS_QUEUED_MAX } from './stream-infer-call.ts';

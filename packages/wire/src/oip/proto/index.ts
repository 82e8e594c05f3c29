/** The door of the messages of inference: hand-written because they are on the path of every request and carry megabytes. */
export {
  decodeInferRequest,
  decodeInferResponse,
  encodeInferRequest,
  encodeInferResponse,
  type InferRequest,
  type InferResponse,
  type RequestedOutput,
  refuseRepeated,
  TENSORS_MAX,
} from './infer-message.ts';
export {
  decodeModelMetadata,
  decodeStreamInferResponse,
  type ModelMetadata,
  type StreamInferResponse,
  type TensorMetadata,
} from './metadata.ts';
export { WireReader } from './wire-reader.ts';

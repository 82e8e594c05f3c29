/** Between the bytes of inference messages and the tensors of a run. */
export { ELEMENT_TYPES, type ElementArray, type ElementType, elementTypeOfOrt, type OrtType } from './element-type.ts';
export { type Feed, feedsOf, wantedOutputs } from './feeds.ts';
export { type InferRequest, REQUEST_TENSORS_MAX, readInferRequest } from './infer-request.ts';
export { type OutputTensor, type PlannedResponse, planInferResponse } from './infer-response.ts';
export { type Signature, shapeText, type TensorSpec } from './signature.ts';

/** The door of the REST bodies: V2 infer with binary tensors, metadata, repository, errors, and the generate extension. */
export { BINARY_CONTENT_TYPE, HEADER_LENGTH_HEADER, JSON_CONTENT_TYPE } from './binary-section.ts';
export {
  decodeRepositoryIndexRequest,
  errorBody,
  modelLoadedBody,
  modelMetadataBody,
  modelReadyBody,
  modelUnloadedBody,
  type RepositoryEntry,
  type RepositoryState,
  repositoryIndexBody,
  type ServerMetadata,
  serverLiveBody,
  serverMetadataBody,
  serverReadyBody,
} from './bodies.ts';
export { decodeGenerateRequest, type GenerateRequestOptions, TEXT_INPUT } from './generate-request.ts';
export {
  EVENT_STREAM_CONTENT_TYPE,
  encodeGenerateResponse,
  type GenerateResponseOptions,
  serverSentError,
  serverSentEvent,
} from './generate-response.ts';
export {
  type AnswerForm,
  decodeRestInferRequest,
  PLAIN_ANSWER,
  type RestInferRequest,
  type RestInferRequestOptions,
} from './infer-request.ts';
export { encodeRestInferResponse, lengthOf, type RestBody, type RestInferResponseOptions } from './infer-response.ts';

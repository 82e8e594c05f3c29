/** The door of the room: how errors look in gRPC and HTTP, in both directions, and what nodes tell one another about them. */
export {
  errorOfGrpcStatus,
  errorOfHttpStatus,
  GRPC_MESSAGE_CHARS_MAX,
  type GrpcStatus,
  grpcStatusOf,
  grpcTrailersOf,
  httpStatusOf,
  readGrpcStatus,
  retryAfterSeconds,
} from './answers.ts';
export {
  ERROR_KINDS,
  ERROR_TABLE,
  type ErrorMapping,
  errorMapping,
  isErrorKind,
  KIND_OF_GRPC,
  kindOfHttpStatus,
  type RetryHint,
} from './error-table.ts';
export { GRPC_CODE, type GrpcCode, type GrpcCodeName, grpcCodeName, grpcCodeOf, parseGrpcStatus } from './grpc-code.ts';
export { decodeGrpcMessage, encodeGrpcMessage } from './grpc-message.ts';
export { grpcOfHttpStatus, HTTP_OF_GRPC } from './http-mapping.ts';
export {
  decodePeerError,
  encodePeerError,
  PEER_ERROR_ATTEMPTS_MAX,
  PEER_ERROR_DETAIL_CHARS_MAX,
  PEER_ERROR_TRAILER,
  PEER_ERROR_TRAILER_CHARS_MAX,
  type PeerAttempt,
  type PeerError,
  peerAttemptOf,
} from './peer-error.ts';

/** The door of the room: gRPC calls on the stream port, both sides. */
export {
  type CallOptions,
  GrpcClient,
  type GrpcClientOptions,
} from './client.ts';
export { isGrpcContentType } from './content-type.ts';
export type { BidiHandler, CallContext, ClientStreamHandler, ServerStreamHandler, UnaryHandler } from './context.ts';
export { MessageQueue } from './message-queue.ts';
export { addMetadata } from './metadata.ts';
export {
  BYTES_CODEC,
  type CallKind,
  type Codec,
  type Method,
  methodPath,
  protobufCodec,
  protobufMethod,
  type RawMethod,
  rawMethod,
  type TypedDesc,
} from './method.ts';
export { answerHead, refuseCall, refuseHeaders, refuseHttp } from './refuse.ts';
export { GrpcRouter, type GrpcRouterOptions } from './router.ts';
export type { ServedMethod } from './server-kinds.ts';
export type { MethodHandler, ServiceHandlers } from './service.ts';
export {
  errorOfReset,
  errorOfTrailers,
  GrpcStatusError,
  type StatusErrorOptions,
  StreamResetError,
  trailersOfError,
} from './status-error.ts';

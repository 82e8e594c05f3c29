/** The door of the room: gRPC calls for models. */
export { GrpcIngress } from './grpc-ingress.ts';
export { PeerIngress } from './peer-ingress.ts';
export {
  isUnknownName,
  namesAsked,
  resolveFromHeaders,
  resolveFromPayload,
  resolveUrlName,
} from './resolve-target.ts';
export { RuntimeHeaders } from './runtime-headers.ts';

/** The door of the room: served routers and clients on the loopback for tests. Never part of a shipped package. */
export { TEST_CERTIFICATES } from './certificates.ts';
export { ECHO_SERVICE, type GrpcJsOutcome, grpcJsClient, grpcJsUnary, serveWithGrpcJs } from './grpc-js.ts';
export { realClock } from './real-clock.ts';
export { collect, each, listenOnLoopback, poisoningEngine, type Served, serveRouter, TEST_MESSAGE_BYTES_MAX } from './serve.ts';

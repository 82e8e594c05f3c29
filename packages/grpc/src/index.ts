/**
 * The call layer: gRPC on one stream port. The rooms have doors of their own (`@modelmesh/grpc/stream`, `/framing`, `/compression`,
 * `/call`, `/health`, `/reflection`, `/timer-wheel`, `/listen`); this one holds what a server or a client starts from.
 */
export { type CallContext, type CallOptions, GrpcClient, GrpcRouter, GrpcStatusError } from './call/index.ts';
export { addHealth, HealthBoard } from './health/index.ts';
export { Listener } from './listen/index.ts';
export { addReflection } from './reflection/index.ts';
export { createFrameEngine, createNodeHttp2Engine, DEFAULT_STREAM_LIMITS } from './stream/index.ts';
export { TimerWheel } from './timer-wheel/index.ts';

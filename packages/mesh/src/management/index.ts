/** The door of the room: control as callers reach it, over gRPC and over REST. */
export { serveModelMesh } from './grpc/index.ts';
export type { CreateManagementApp, ManagementApp, ManagementAppDeps } from './rest/index.ts';

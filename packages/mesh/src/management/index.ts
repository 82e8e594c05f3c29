/** The door of the room: control as callers reach it, over gRPC and over REST. */
export { type ModelMeshOptions, serveModelMesh } from './grpc/index.ts';
export { createManagementApp, type ManagementApp, type ManagementAppDeps, managementReference } from './rest/index.ts';

/** The door of the room: what of the Open Inference Protocol the node answers itself, and what gRPC tools ask any server. */
export { type Introspection, type IntrospectionOptions, serveIntrospection } from './introspection.ts';

export { OIP_SERVICE, type OipDeps, type OipService, serveOip } from './oip-service.ts';
export { ControlRepository } from './repository.ts';
export { REPOSITORY_ENTRIES_MAX } from './repository-index.ts';
export { variantAsked } from './resolve-name.ts';

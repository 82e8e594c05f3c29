/** The door of the room: management over gRPC, as ModelMesh has it. */
export { type ModelMeshOptions, serveModelMesh } from './model-mesh-service.ts';
export { GET_STATE_ID, LOG_CACHE_ID } from './node-state.ts';

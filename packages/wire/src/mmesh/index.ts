/**
 * Messages and service descriptors of package `mmesh`: management (`ModelMesh`), the runtime contract (`ModelRuntime`) and its
 * optional second half (`ModelRuntimeX`). Source: spec `modelmesh.md` §1.1, §1.3.
 *
 * The messages are those of protobuf-es: `create(Schema, {...})`, `toBinary(Schema, message)`, `fromBinary(Schema, bytes)`.
 */
export * from '../gen/mmesh/model-mesh_pb.ts';
export * from '../gen/mmesh/model-runtime_pb.ts';
export * from '../gen/mmesh/model-runtime-x_pb.ts';
export { canonicalManagementMethod, LEGACY_MANAGEMENT_SERVICE, LEGACY_RUNTIME_SERVICE } from './legacy.ts';

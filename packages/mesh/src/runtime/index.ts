/** The door of the room: runtimes behind one port. */
export { EmbeddedProcess, type EmbeddedProcessOptions, EXIT_CONFIGURATION } from './embedded-process.ts';
export { GrpcRuntime, type GrpcRuntimeOptions, type RuntimeProcess } from './grpc-runtime.ts';
export type { LoadedModel, Runtime, RuntimeModel, RuntimeReady, RuntimeState, RuntimeUsage } from './port.ts';

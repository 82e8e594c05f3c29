/** The socket of a runtime: its contract, health, reflection and inference. */
export type { ServerState } from './contract-services.ts';
export { RuntimeProcess, type RuntimeProcessOptions } from './runtime-process.ts';
export { freeSocketPath } from './socket-path.ts';

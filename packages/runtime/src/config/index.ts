/** What a runtime process is told from outside. */
export { type Machine, parseRuntimeConfig, RUNTIME_VARIABLES, type RuntimeConfig, type ServerKind } from './runtime-config.ts';

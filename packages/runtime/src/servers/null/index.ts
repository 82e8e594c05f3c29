/** A server that gives back what it gets, for tests and benchmarks. */
export { NULL_FACTS, NullServer } from './null-server.ts';
export { NULL_MODEL_BYTES, type NullModelOptions, parseNullPath } from './path-options.ts';

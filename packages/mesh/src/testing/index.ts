/** The door of the room: a whole node in one process, for suites. */
export { EchoRuntime, type EchoRuntimeOptions } from './echo-runtime.ts';
export { GATHER, SPREAD } from './echo-streams.ts';
export { TestNode, type TestNodeOptions } from './test-node.ts';

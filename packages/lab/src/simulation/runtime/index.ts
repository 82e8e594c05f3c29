/** The door of the room: runtimes that load, serve, leak, lie and die in virtual time. */
export type { RuntimeAnswer } from './runtime-call.ts';
export type { Artifact } from './runtime-memory.ts';
export { RuntimeMoods } from './runtime-moods.ts';
export { type RuntimeWitness, SimRuntime } from './sim-runtime.ts';

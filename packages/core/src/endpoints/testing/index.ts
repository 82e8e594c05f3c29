/** The door of the room: a mesh without any I/O, for suites about what owners change. Never part of a shipped package. */
export { FAILURE_EXPIRY_MS, INSTANCES_MAX, SmallMesh, type SpelledSet } from './small-mesh.ts';

/** The door of the room: which adapter meets which port. */
export { LoggedCalls } from './call-log.ts';
export { type ComposedNode, composeNode, type NodeSurroundings } from './compose-node.ts';
export type { Doors } from './doors.ts';
export { checkConstraints } from './followed-constraints.ts';
export { LiveLogging } from './live-logging.ts';
export { embeddedEnvironment } from './node-runtime.ts';

/** The door of the room: which adapter meets which port. */

export { LiveLogging, LoggedCalls } from '../worker/index.ts';
export { type ComposedNode, composeNode, type NodeSurroundings } from './compose-node.ts';
export type { Doors } from './doors.ts';
export { checkConstraints } from './followed-constraints.ts';
export { embeddedEnvironment } from './node-runtime.ts';
export { OpenListeners } from './open-listeners.ts';

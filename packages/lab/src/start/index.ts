/** The door of the room: how long a node takes until it serves, beside its runtime alone. */
export { measureStarts, NODE_SHARE_MS_MAX, type StartFigures } from './start.ts';

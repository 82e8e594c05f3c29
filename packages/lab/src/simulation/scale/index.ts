/** The door of the room: what a cluster of two hundred nodes and as many thousand models costs one of its nodes. */
export { measureScale, type ScaleFigures } from './scale.ts';

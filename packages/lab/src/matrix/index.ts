/** The door of the room: every way of calling a model in every situation of a node. */
export { type CallKind, type CallOptions, type Ended, type OpenCall, STREAM_KINDS, UNARY_KINDS } from './call-kinds.ts';
export { drain, SCENES, type Scene } from './scenes.ts';
export { Stage } from './stage.ts';

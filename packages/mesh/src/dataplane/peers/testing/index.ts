/** The door of the room: nodes in one process whose data planes forward to each other over real sockets; control is the test's. */
export { type Answered, call, ECHO, refused, until } from './calls.ts';
export { Freezer } from './freezer.ts';
export { OwnTime } from './own-time.ts';
export { type AnswerLocate, PeerMesh, PeerNode, type PeerNodeOptions } from './peer-rig.ts';

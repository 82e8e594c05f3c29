/** The door of the room: listeners for tests. */
export { converse, getHttp2, http2To, type Rig, type RigOptions, startRig, tlsFolder } from './listener-rig.ts';

/** The door of the room: a data plane whose runtime, control and clock a test plays. */
export { CallRig, type CallRigOptions, ClientSide, framed, METHOD, patterned, RecordingCaller } from './call-rig.ts';
export { FakeConnection, FakeEngine, FakeStream } from './fake-engine.ts';

/** The door of the room: control whose runtime, data plane and clock a test plays. */
export { call } from './call.ts';
export { A_WHILE_MS, ControlRig, type ControlRigOptions, LAYOUT } from './control-rig.ts';
export { FakeRuntime, type PendingLoad } from './fake-runtime.ts';
export { MeshRig, RigNode, type RigNodeOptions } from './mesh-rig.ts';
export { MortalStore } from './mortal-store.ts';
export { through } from './through.ts';

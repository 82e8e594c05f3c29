/** The door of the room: REST inference in front of a real runtime, for suites. */
export { type HttpVersion, jsonOf, type OpenAnswer, type TestAnswer, TestClient, type TestRequest } from './http-client.ts';
export { answerOf, echo, OipRuntime, type SeenCall, type TestModel, textOf, textTensor } from './oip-runtime.ts';
export { ExchangeServers, RestRig, type RestRigOptions, type RigModel, TestRepository } from './rest-rig.ts';
export { errorOf, overBoth, type Scenario, textOf200 } from './scenario.ts';

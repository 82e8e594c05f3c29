/** The door of the room: meshes of real processes that lose nodes, runtimes, etcd and networks under load, and what becomes of the calls. */
export { type FleetModel, isAnswer, isAnswerBody, numberedPath, requestBody, requestBytes } from './fleet.ts';
export { NetworkSpace } from './network-space.ts';
export { allHold, chaosTable, findingsTable, keepFigures } from './report.ts';
export {
  APART,
  Arena,
  apart,
  type ChaosSize,
  type Finding,
  runScenario,
  type Scenario,
  type ScenarioFigures,
  type Stage,
  scenarioHolds,
  sentenceOf,
} from './scenario.ts';
export { LEAVES_WITHIN_MS, SCENARIOS } from './scenarios.ts';

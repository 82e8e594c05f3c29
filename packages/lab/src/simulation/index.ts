/** The door of the room: a whole cluster under a seed. */
export { type RunResult, run } from './run.ts';
export { generate, parseScenario, type Scenario } from './scenario/index.ts';

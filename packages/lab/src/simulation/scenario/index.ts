/** The door of the room: scenarios as data. */
export { generate } from './generate.ts';
export { parseScenario } from './parse-scenario.ts';
export type { FaultSpec, ModelSpec, NodeSpec, RuntimeSpec, Scenario, StepSpec, TrafficSpec, VariantSpec } from './scenario.ts';

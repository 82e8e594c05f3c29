/** The door of the room: who is in the mesh, and what this node knows of each. */
export { StepFacts } from './cluster-facts.ts';
export { Members } from './members.ts';
export { type FailFastConfig, Readiness } from './readiness.ts';

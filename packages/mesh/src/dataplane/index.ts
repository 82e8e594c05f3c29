/** The door of the room: what moves the bytes of calls. */
export type { CallFacts, CallMetrics } from './call/index.ts';
export { DataPlane, type DataPlaneLimits, type DataPlaneParts } from './data-plane.ts';

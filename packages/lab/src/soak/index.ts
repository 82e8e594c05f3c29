/** The door of the room: a node under mixed load for a long time, whose memory is flat. */
export { allFlat, soakTable } from './claims.ts';
export { runSoak, SOAK, type SoakFigures, type SoakPlan, type SoakSample } from './soak.ts';

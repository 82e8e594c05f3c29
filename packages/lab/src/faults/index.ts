/** The door of the room: what suites that disturb a node share. */
export { MODEL_INFER, rowBody, rowRequest, valuesOf } from './asking.ts';
export { eventually, within } from './eventually.ts';
export { applyModel, type ModelFile, type ModelWishes, ROW, writeModel } from './generated-models.ts';
export { taken } from './in-flight.ts';
export { copyStates, eventsOf, LONG_GRACE, leavesAtOnce } from './nothing-lost.ts';

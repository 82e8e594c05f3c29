/** The door of the room: an endpoint that is edited all the time under load, and what callers see of it. */

export { Callers, callOnce, type SeenAnswer } from './callers.ts';
export { type EditFigures, editsHold, editsTable, runEdits } from './edits.ts';
export { type AppliedEdit, edit, endpointManifest, makeVariants, VARIANTS } from './endpoint.ts';

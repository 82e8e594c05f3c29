/** The door of the room: declared fields of a payload, found in its bytes as they come. */
export { PAYLOAD_SEARCH_BYTES_MAX, type PayloadFinder } from './finder.ts';
export { type PayloadForm, PayloadPlan } from './payload-plan.ts';

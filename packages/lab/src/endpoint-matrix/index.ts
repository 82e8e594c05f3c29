/** The door of the room: whatever decides a variant, in every way of calling, wherever the copy is. */
export { DECIDERS, type Decider } from './deciders.ts';
export { EndpointStage, PLACES, type Place } from './stage.ts';
export { type AskedCall, WAYS, type Way, type WayAnswer } from './ways.ts';
